import { seedAgents } from './agents/agents.ts';
import type { Config } from './config.ts';
import { type Database, openDatabase } from './db/database.ts';
import { isKnown, noteFact } from './db/installation.ts';
import { migrate, requireCurrentSchema } from './db/migrate.ts';
import { requireSafeSettings } from './db/settings.ts';
import { untilAvailable } from './db/until-available.ts';
import { AppError } from './errors.ts';
import { type Sealer, startSealer } from './events/sealer.ts';
import { type Health, type Problem, readHealth, readProblems } from './health/health.ts';
import { ACTIONS, homeActions } from './heartbeat/actions.ts';
import { type Beat, type Heartbeat, startHeartbeat } from './heartbeat/heartbeat.ts';
import { type Authenticate, makeAuthenticate } from './keys/keys.ts';
import { makeSessions, type Sessions } from './keys/sessions.ts';
import { type Llm, makeLlm } from './llm/llm.ts';
import type { Log } from './log.ts';
import { toAnswer } from './loop/answer.ts';
import { type CreateProposal, makeCreateProposal } from './loop/propose.ts';
import type { Serving } from './loop/reasons.ts';
import { startWatch, type Watch } from './alerts/watch.ts';
import { seedPolicy } from './policy/policy.ts';
import { isHeld, untilReleased } from './policy/released.ts';
import { type Scheduler, startScheduler } from './schedules/scheduler.ts';
import { type Courier, startCourier } from './webhooks/courier.ts';
import { makeFindLink } from './webhooks/links.ts';
import { makeSecrets, type Secrets } from './webhooks/secrets.ts';
import type { Handlers } from './worker/handler.ts';
import { BUILT_IN_HANDLERS } from './worker/handlers.ts';
import { type AgentModel, isServed } from './worker/serving.ts';
import { type Keeper, startKeeper } from './worker/keeper.ts';
import { startWorker, type Worker } from './worker/worker.ts';
import { usesModel } from './work/kinds.ts';
import { makeWork, type Work } from './work/work.ts';
import { type Bridge, filesHealth, startBridge } from './workspace/bridge.ts';
import { FILE_KINDS, fileHandlers } from './workspace/handlers/handlers.ts';

export type AppOptions = {
  config: Config;
  databaseUrl: string;
  log: Log;
  /** Step kinds of your own, added to the built-in ones. */
  handlers?: Handlers;
  /** Which parts run in this process; all of them unless said otherwise. A worker always has a keeper. */
  parts?: {
    worker?: boolean;
    keeper?: boolean;
    heartbeat?: boolean;
    files?: boolean;
    schedules?: boolean;
    webhooks?: boolean;
    /** The API, which workers over HTTP renew through. */
    http?: boolean;
  };
  /** Brings the database to this program's schema first. */
  migrate?: boolean;
};

/** After the grace of running steps, how long the rest of an end may take before connections are cut. */
const SEVER_AFTER_MS = 5_000;

const RESTORED =
  'this database was restored from a backup: nothing is claimed, proposed by clock, called or written until `opsloop resume`';

/** Everything the program owns, put together in one place. */
export type App = {
  config: Config;
  log: Log;
  database: Database;
  llm: Llm;
  propose: CreateProposal;
  authenticate: Authenticate;
  sessions: Sessions;
  /** Secrets by name, outside the database. */
  secrets: Secrets;
  /** Who holds a link that decides. */
  findLink: ReturnType<typeof makeFindLink>;
  serving: Serving;
  beat(askedBy: string): Promise<Beat>;
  health(): Promise<Health>;
  /** What is wrong, as health says it. */
  problems(): Promise<Problem[]>;
  worker(): Worker | undefined;
  /** What workers over HTTP do. */
  work: Work;
  /** The bridge to the workspace's files, where it runs in this process. */
  bridge(): Bridge | undefined;
  /** False until the database answered, was migrated and seeded; the API answers 503 so long. */
  isReady(): boolean;
  /** Resolves when it is ready; rejects with what makes that impossible. */
  ready: Promise<void>;
  /** No more claims; running steps finish or are given back within `graceMs`, or at `hurry`; then all connections end. */
  stop(graceMs?: number, hurry?: AbortSignal): Promise<void>;
};

export function createApp(options: AppOptions): App {
  const { config, log, parts = {} } = options;
  const kinds = [...Object.keys(BUILT_IN_HANDLERS), ...FILE_KINDS, ...Object.keys(options.handlers ?? {})];
  requireKnownKinds(config.slots, kinds);
  const database = openDatabase(options.databaseUrl, {
    log: log.child({ part: 'database' }),
    preparedStatements: config.preparedStatements,
    listenUrl: config.listenUrl,
  });
  let bridge: Bridge | undefined;
  const handlers = {
    ...BUILT_IN_HANDLERS,
    ...fileHandlers({
      database,
      workspace: config.workspace,
      env: config.commandEnv,
      // Commands run where the workspace is, and nowhere else.
      runsCommands: parts.files !== false,
      ownWorkspace: () => bridge?.processing() ?? null,
    }),
    ...options.handlers,
  };
  const propose = makeCreateProposal(database, toAnswer);
  const closing = new AbortController();
  let stopping: Promise<void> | undefined;
  const prepared = prepareDatabase(database, options, closing.signal);
  const llm = makeLlm(config.llm, {
    log,
    secrets: config.secret,
    packagesIn: config.home,
    installation: {
      modelSeen: async () => {
        await prepared;
        return isKnown(database, 'model_seen');
      },
      rememberModel: async () => {
        await prepared;
        await noteFact(database, 'model_seen');
      },
    },
  });
  let ready = false;
  let sealer: Sealer | undefined;
  let heartbeat: Heartbeat | undefined;
  let scheduler: Scheduler | undefined;
  let worker: Worker | undefined;
  let watch: Watch | undefined;
  let courier: Courier | undefined;
  const secrets = makeSecrets(config.home, config.secret, config.secretHosts);
  const problems = () => readProblems(database, llm, config, bridge ? filesHealth(bridge.status()) : null);
  let keeper: Keeper | undefined;
  let outside: Promise<void> | undefined;

  /** What proposes, calls and writes by itself. */
  const beginOutside = () => {
    if (closing.signal.aborted) return;
    if (parts.schedules !== false)
      scheduler = startScheduler({ database, propose }, log.child({ part: 'schedules' }));
    if (parts.files !== false) {
      bridge = startBridge({ database, propose, workspace: config.workspace, mode: config.files, log });
    }
    if (parts.webhooks !== false) {
      const base = config.publicUrl?.replace(/\/+$/, '') ?? `http://127.0.0.1:${config.port}`;
      courier = startCourier({ database, secrets, base, allow: config.webhookHosts, log });
    }
  };

  const begin = async () => {
    await prepared;
    if (closing.signal.aborted) return;
    sealer = startSealer(database, log.child({ part: 'sealer' }));
    ready = true;
    await llm.refresh().catch(() => undefined);
    if (closing.signal.aborted) return;
    if (parts.heartbeat !== false)
      heartbeat = startHeartbeat(database, {
        intervalMs: config.heartbeatMs,
        log,
        actions: [...ACTIONS, ...homeActions(config.home)],
      });
    if (parts.webhooks !== false) watch = startWatch(database, problems, log);
    const held = await isHeld(database);
    if (held) log.warn(RESTORED);
    if (held === false) beginOutside();
    else outside = untilReleased(database, closing.signal).then(beginOutside);
    if (parts.worker !== false) {
      worker = await startWorker({
        database,
        llm,
        handlers,
        log,
        slots: config.slots,
        agentModel: config.agentModel,
        pollMs: config.workerPollMs,
        signal: closing.signal,
        serves: parts.http !== false,
        ...(config.workerIdPrefix ? { idPrefix: config.workerIdPrefix } : {}),
      });
    } else if (parts.keeper !== false) keeper = startKeeper(database, log.child({ part: 'keeper' }));
  };
  const work = makeWork(database, { handlers, configured: config.apiKey, log });
  const beginning = begin();
  // Whoever does not wait for it is told by the log of whoever does.
  beginning.catch(() => undefined);

  return {
    config,
    log,
    database,
    llm,
    propose,
    authenticate: makeAuthenticate(database, config.apiKey),
    sessions: makeSessions(database, config.apiKey),
    secrets,
    findLink: makeFindLink(database, config.apiKey),
    serving: servingOf(handlers, llm, config.agentModel),
    beat: (askedBy) => {
      if (heartbeat) return heartbeat.beat(askedBy);
      throw new AppError('database_unavailable', 'The heartbeat is not running yet.', { retryAfter: 2 });
    },
    health: () => readHealth(database, llm, config, bridge ? filesHealth(bridge.status()) : null),
    problems,
    worker: () => worker,
    work,
    bridge: () => bridge,
    isReady: () => ready,
    ready: beginning,
    stop: (graceMs = 8_000, hurry) => (stopping ??= stop(graceMs, hurry)),
  };

  async function stop(graceMs: number, hurry?: AbortSignal): Promise<void> {
    closing.abort();
    // A network that swallows everything must not hold up the end; leases give back what it held.
    const severing = setTimeout(() => database.sever(), graceMs + SEVER_AFTER_MS);
    const onHurry = () => setTimeout(() => database.sever(), SEVER_AFTER_MS).unref();
    hurry?.addEventListener('abort', onHurry, { once: true });
    await beginning.catch(() => undefined);
    await outside;
    await worker?.stop(graceMs, hurry);
    await work.settle();
    await keeper?.stop();
    await heartbeat?.close();
    await scheduler?.close();
    await watch?.close();
    await courier?.close();
    await bridge?.close();
    await llm.close();
    await sealer?.close();
    await database.close();
    hurry?.removeEventListener('abort', onHurry);
    clearTimeout(severing);
  }
}

/** Waits for the database, then checks, migrates and seeds it. */
function prepareDatabase(database: Database, options: AppOptions, signal: AbortSignal): Promise<void> {
  const { config } = options;
  const log = options.log.child({ part: 'database' });
  const prepare = async () => {
    await requireSafeSettings(database, config.allowUnsafeDatabase);
    const applied = options.migrate === false ? [] : await migrate(database);
    if (applied.length > 0) log.info({ applied }, 'the database was migrated');
    await requireCurrentSchema(database);
    await database.transaction(async (tx) => {
      await seedPolicy(tx);
      await seedAgents(tx);
    });
  };
  return untilAvailable(prepare, signal, log);
}

/** @throws AppError config_invalid for slots of a kind that nothing works, which would be a mistake in writing */
function requireKnownKinds(slots: Record<string, number>, known: string[]): void {
  const unknown = Object.keys(slots).filter((kind) => !known.includes(kind));
  if (unknown.length === 0) return;
  throw new AppError(
    'config_invalid',
    `config.json gives slots to ${unknown.join(', ')}, and no such kind of step is worked here. The kinds are ${known.join(', ')}.`,
  );
}

function servingOf(handlers: Handlers, llm: Llm, agentModel: AgentModel): Serving {
  return {
    usesModel: (kind) => usesModel(handlers, kind),
    isOurs: (kind) => Object.hasOwn(handlers, kind),
    unserved(kind, agent) {
      const own = agent !== null && (agent.model_override ?? agentModel(agent.agent_id)) !== undefined;
      const status = llm.status();
      if (handlers[kind]?.usesModel !== true || isServed(status, kind, own)) return null;
      return status.extractive
        ? 'It needs a language model, and only the built-in extractive analyst is there; start Ollama (`ollama pull <model>`) or set OPSLOOP_LLM.'
        : `It waits for a language model: ${status.serving}`;
    },
  };
}
