import { onTestFinished } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import { isKnown, noteFact } from '../../src/db/installation.ts';
import type { LlmCall } from '../../src/engine/schema.ts';
import { type Llm, type LlmConfigInput, llmConfigSchema, makeLlm } from '../../src/llm/llm.ts';
import { silentLog } from '../../src/log.ts';
import { getMission } from '../../src/missions/missions.ts';
import type { MissionRow } from '../../src/missions/schema.ts';
import { getStep } from '../../src/steps/steps.ts';
import type { StepRow } from '../../src/steps/schema.ts';
import type { Handler, Handlers, StepContext, StepResult } from '../../src/worker/handler.ts';
import { BUILT_IN_HANDLERS } from '../../src/worker/handlers.ts';
import { startWorker, type Worker, type WorkerOptions } from '../../src/worker/worker.ts';
import { eventually } from './loop.ts';
import { type ModelServer, startOllamaServer } from './ollama-server.ts';

/** Nothing listens on this port, so that a test never finds an Ollama of the machine it runs on. */
const NOBODY = 'http://127.0.0.1:2';

/** An Ollama for one test. */
export async function useOllama(models: string[] = ['qwen3'], port?: number): Promise<ModelServer> {
  const server = await startOllamaServer(port === undefined ? { models } : { models, port });
  onTestFinished(() => server.close());
  return server;
}

/** The real language models of one test, remembering in the test's database as the program does. */
export async function useLlm(database: Database, config: LlmConfigInput = {}): Promise<Llm> {
  const llm = makeLlm(llmConfigSchema.parse({ ollamaUrl: NOBODY, ...config }), {
    log: silentLog(),
    secrets: () => undefined,
    packagesIn: '/nowhere',
    installation: {
      modelSeen: () => isKnown(database, 'model_seen'),
      rememberModel: async () => void (await noteFact(database, 'model_seen')),
    },
  });
  onTestFinished(() => llm.close());
  await llm.refresh();
  return llm;
}

/** A real worker for one test. Steps that earlier tests left behind are put out of its way. */
export async function useWorker(
  database: Database,
  options: Partial<WorkerOptions> & { llm: Llm },
): Promise<Worker> {
  const worker = await startWorker({
    database,
    handlers: BUILT_IN_HANDLERS,
    log: silentLog(),
    idPrefix: 'test',
    pollMs: 100,
    ...options,
  });
  onTestFinished(() => worker.stop(0));
  return worker;
}

/** No step of an earlier test of the file can be claimed any more. */
export async function clearQueue(database: Database): Promise<void> {
  await database.query(`update ops_steps set ready = false, available_at = null where status = 'queued'`);
}

/** A handler of a test's own: no model, as many slots as it likes. */
export function handles(run: (context: StepContext) => StepResult | Promise<StepResult>, slots = 4): Handler {
  return { usesModel: false, slots, run: async (context) => run(context) };
}

/** `analyze` worked by the test itself, and nothing else. */
export function onlyAnalyze(
  run: (context: StepContext) => StepResult | Promise<StepResult>,
  slots = 4,
): Handlers {
  return { analyze: handles(run, slots) };
}

/** Waits until a step is so. @throws Error with what it is when that does not come */
export async function stepIs(
  database: Database,
  id: string | undefined,
  holds: (step: StepRow) => boolean,
): Promise<StepRow> {
  let step: StepRow | undefined;
  try {
    return await eventually(async () => {
      step = await getStep(database, id ?? '');
      return holds(step) && step;
    });
  } catch (error) {
    throw new Error(`${String(error)}; the step is ${JSON.stringify(step)}`, { cause: error });
  }
}

export function missionEnds(database: Database, id: string | undefined): Promise<MissionRow> {
  return eventually(async () => {
    const mission = await getMission(database, id ?? '');
    return mission.status !== 'active' && mission;
  });
}

/** The time of a step that waits for one is now. */
export async function dueNow(database: Database, stepId: string): Promise<void> {
  await database.query(
    'update ops_steps set available_at = clock_timestamp() where id = $1 and available_at is not null',
    [stepId],
  );
}

type EventOfStep = { kind: string; source: string; payload: Record<string, unknown> };

export function eventsOf(
  database: Database,
  entityId: string | undefined,
  kind?: string,
): Promise<EventOfStep[]> {
  return database.query<EventOfStep>(
    `select kind, source, payload from ops_events
     where entity_id = $1 and ($2::text is null or kind = $2) order by id`,
    [entityId, kind ?? null],
  );
}

type CallRow = Record<string, unknown> & { outcome: LlmCall['outcome'] };

export function callsOf(database: Database, stepId: string | undefined): Promise<CallRow[]> {
  return database.query<CallRow>('select * from ops_llm_calls where step_id = $1 order by id', [stepId]);
}

/** Tokens that count on a scope today, all days of a test being one. */
export async function tokensOf(database: Database, scope: string): Promise<number> {
  const [row] = await database.query<{ used: number }>(
    'select sum(used)::bigint as used from ops_counters where scope = $1',
    [scope],
  );
  return row?.used ?? 0;
}

/** A promise that a test resolves by hand. */
export function gate<T = void>(): { opened: Promise<T>; open: (value: T) => void } {
  let open: (value: T) => void = () => undefined;
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
