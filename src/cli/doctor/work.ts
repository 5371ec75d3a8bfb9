import { backupProblems } from '../../backup/state.ts';
import type { Config } from '../../config.ts';
import type { Database } from '../../db/database.ts';
import { isKnown } from '../../db/installation.ts';
import { type Health, oldestWork, readHealth } from '../../health/health.ts';
import { humanDuration } from '../../lib/time.ts';
import { type Llm, makeLlm } from '../../llm/llm.ts';
import { silentLog } from '../../log.ts';
import { makeSecrets, secretsOf } from '../../webhooks/secrets.ts';
import { listWebhooks } from '../../webhooks/webhooks.ts';
import { type Check, ok, problem, warning } from './check.ts';

/** Language models, workers, the heartbeat, and work that does not move. */
export async function checkWork(config: Config, database: Database | null): Promise<Check[]> {
  const llm = makeLlm(config.llm, {
    log: silentLog(),
    secrets: config.secret,
    packagesIn: config.home,
    installation: {
      modelSeen: async () => (database ? isKnown(database, 'model_seen') : false),
      rememberModel: async () => undefined,
    },
  });
  try {
    const models = await checkModels(llm);
    return database
      ? [...models, ...(await checkLoop(config, database, llm)), ...(await checkStuck(database))]
      : models;
  } finally {
    await llm.close();
  }
}

async function checkModels(llm: Llm): Promise<Check[]> {
  const status = await llm.refresh();
  const serving = status.llm
    ? ok('model', status.serving)
    : warning(
        'model',
        status.serving,
        'Start Ollama and pull a model (`ollama pull qwen3`), or set OPSLOOP_LLM and config.json.',
      );
  const providers = status.providers.map((provider) => {
    const name = `provider ${provider.name}`;
    const leaves = provider.cloud ? ', text leaves this machine' : '';
    if (provider.problem)
      return warning(
        name,
        `${provider.address}: ${provider.problem}`,
        'Start it, or take it out of config.json.',
      );
    return ok(
      name,
      `${provider.address}, models: ${provider.models?.slice(0, 8).join(', ') || 'none'}${leaves}`,
    );
  });
  return [serving, ...providers];
}

async function checkLoop(config: Config, database: Database, llm: Llm): Promise<Check[]> {
  const health = await readHealth(database, llm, config, null);
  const age = health.last_beat_age_seconds;
  const beat = age === null ? 'no beat yet' : `last beat ${humanDuration(age * 1000)} ago`;
  return [
    health.workers.alive > 0
      ? ok('workers', `${health.workers.alive} alive`)
      : problem('workers', 'none alive', 'Start `opsloop up` or `opsloop worker`.'),
    age !== null && age * 1000 <= 2 * config.heartbeatMs
      ? ok('heartbeat', beat)
      : problem('heartbeat', beat, 'Start `opsloop up`.'),
    health.paused.enabled
      ? warning('pause', 'everything is paused', 'Go on with `opsloop resume`.')
      : ok('pause', 'not paused'),
    ok('events', `${health.events.seq} sealed, ${health.events.sealing_lag_ms} ms behind`),
    checkSigned(health.events),
    ...checkBackups(health.backups, config.backups.folder),
    ...checkSchedules(health.schedules),
    ...(await checkWebhooks(config, database)),
  ];
}

function checkBackups(state: Health['backups'], folder: string): Check[] {
  const problems = backupProblems(state);
  if (problems.length > 0)
    return problems.map(({ message }) => problem('backups', message, 'See docs/backup.md.'));
  const { every_hours, last_at } = state;
  const last = last_at === null ? 'none yet' : `the last at ${last_at}`;
  return [
    every_hours === null
      ? ok('backups', `none are made by themselves; in ${folder}: ${last}`)
      : ok('backups', `${last}, one every ${every_hours} h in ${folder}`),
  ];
}

function checkSchedules({ total, paused, next_due_at, problems }: Health['schedules']): Check[] {
  if (problems.length > 0)
    return problems.map((found) => problem('schedules', found, 'Look at it: `opsloop schedules`.'));
  const next = next_due_at === null ? 'none is due' : `the next is due at ${next_due_at.toISOString()}`;
  return [ok('schedules', total === 0 ? 'none' : `${total}, ${paused} of them paused; ${next}`)];
}

/** Each must have its secrets somewhere; that is here, unless another server sends its calls. */
async function checkWebhooks(config: Config, database: Database): Promise<Check[]> {
  const secrets = makeSecrets(config.home, config.secret);
  const webhooks = await listWebhooks(database);
  const checks = webhooks.map(async (webhook): Promise<Check> => {
    const { name, paused, last_error, failing_since, links_by } = webhook;
    const what = `webhook ${name}`;
    if (paused)
      return warning(what, `paused${last_error === null ? '' : `: ${last_error}`}`, 'Set it again to go on.');
    for (const secret of secretsOf(webhook))
      if (!(await secrets.has(secret)))
        return warning(
          what,
          `the secret ${secret} is not on this machine`,
          `Run \`opsloop secrets set ${secret}\`, or send its calls from a server that has it.`,
        );
    if (failing_since !== null)
      return problem(
        what,
        `fails since ${failing_since.toISOString()}: ${last_error}`,
        'Look at the receiver.',
      );
    if (links_by !== null && config.publicUrl === undefined)
      return warning(
        what,
        'its links lead to this machine alone',
        'Set OPSLOOP_PUBLIC_URL to the address that its readers reach.',
      );
    return ok(what, 'calls get through');
  });
  return Promise.all(checks);
}

function checkSigned({ signed, signed_problem: wrong }: Health['events']): Check {
  if (wrong !== null) return problem('signed log', wrong, 'Run `opsloop events verify`.');
  return signed === null
    ? warning('signed log', 'no head of the log is signed yet', 'The first beat of `opsloop up` signs one.')
    : ok('signed log', `up to event ${signed.seq}, at ${signed.at}`);
}

async function checkStuck(database: Database): Promise<Check[]> {
  const oldest = await oldestWork(database);
  const show = (ms: number | null | undefined) => (ms == null ? 'none' : humanDuration(ms));
  const found = `oldest waiting step ${show(oldest.ready_ms)}, oldest running ${show(oldest.running_ms)}, oldest pending proposal ${show(oldest.pending_ms)}`;
  const slow = (oldest.ready_ms ?? 0) > 600_000 || (oldest.running_ms ?? 0) > 3_600_000;
  return [
    slow
      ? warning('stuck work', found, 'Ask `opsloop why <id>` what moves it next.')
      : ok('stuck work', found),
  ];
}
