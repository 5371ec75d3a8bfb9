import { isDeepStrictEqual } from 'node:util';
import { setAgent } from '../agents/agents.ts';
import { AmbiguousCommit, type Database, type Db } from '../db/database.ts';
import { joinTransaction } from '../db/joined.ts';
import { isBusy, isUnavailable } from '../db/sqlstate.ts';
import { AppError } from '../errors.ts';
import { createKey, listKeys } from '../keys/keys.ts';
import type { Caller, KeyRow } from '../keys/schema.ts';
import { setPolicy } from '../policy/policy.ts';
import { NO_PLAN } from '../schedules/plan.ts';
import {
  addSchedule,
  changeSchedule,
  pauseSchedule,
  removeSchedule,
  resumeSchedule,
} from '../schedules/schedules.ts';
import { type Secrets, signingSecretOf } from '../webhooks/secrets.ts';
import { ensureSigningSecret } from '../webhooks/store.ts';
import { dropWebhook, putWebhook } from '../webhooks/webhooks.ts';
import { diffFleets } from './diff.ts';
import { readFleet } from './export.ts';
import { ONE_AT_A_TIME } from './queries.ts';
import type { Applied, Fleet, FleetSection } from './schema.ts';

type Parts = { database: Database; secrets: Secrets };
export type ApplyOptions = {
  /** Nothing is stored: everything is done, compared, and taken back. */
  dryRun: boolean;
  /** Removes schedules and webhooks that the file does not name. */
  prune: boolean;
};

/** Thrown to take a transaction back that has found out what it wanted to. */
class TakenBack extends Error {}

/**
 * Makes the installation what the file says, all of it or nothing, in one transaction. What is so already is not
 * touched, so that to apply a file again changes nothing.
 * @throws AppError of whatever is refused, with `path` in its details: the section and the name
 */
export async function applyFleet(
  { database, secrets }: Parts,
  fleet: Fleet,
  caller: Caller,
  { dryRun, prune }: ApplyOptions,
): Promise<Applied> {
  let applied: Applied = { changes: [], keys: [], signing_secrets: [] };
  let tell = () => {};
  const work = async (tx: Db) => {
    const join = joinTransaction(database, tx);
    tell = join.tell;
    const before = await readFleet(tx);
    const keys = await writeAll(join.joined, tx, fleet, { before, caller, prune });
    const changes = diffFleets(
      before,
      await readFleet(tx),
      keys.map(({ name, row }) => ({ name, row })),
    );
    applied = { changes, keys: keys.map(({ name, key }) => ({ name, key })), signing_secrets: [] };
    if (dryRun) throw new TakenBack();
    // Right before the commit: a secret that stayed would sign for the next webhook of that name.
    for (const { section, name, action } of changes)
      if (section === 'webhooks' && action === 'removed') await secrets.remove(signingSecretOf(name));
  };
  try {
    await database.transaction(work, ONE_AT_A_TIME).catch(async (error: unknown) => {
      if (!(error instanceof AmbiguousCommit)) throw error;
      const first = applied;
      await database.transaction(work, ONE_AT_A_TIME);
      // There was nothing left to do, so the first one had happened, and its keys are shown now or never.
      if (applied.changes.length === 0) applied = first;
    });
  } catch (error) {
    if (!(error instanceof TakenBack)) throw error;
    return { ...applied, keys: [] };
  }
  tell();
  // Secrets lie in files, so new ones are made once it is certain that their webhooks are there.
  await addSigningSecrets({ database, secrets }, fleet, applied).catch((error: unknown) => {
    // Keys are shown now or never; a secret that is missing is told by `doctor`, and made when the file is applied again.
    if (applied.keys.length === 0) throw error;
  });
  return applied;
}

async function addSigningSecrets(parts: Parts, fleet: Fleet, applied: Applied): Promise<void> {
  for (const [name, { template }] of Object.entries(fleet.webhooks ?? {})) {
    const secret = await ensureSigningSecret(parts, { name, template });
    if (secret !== null) applied.signing_secrets.push({ name, secret });
  }
}

type Before = Awaited<ReturnType<typeof readFleet>>;
type Context = { before: Before; caller: Caller; prune: boolean };
type NewKey = { name: string; key: string; row: KeyRow };

/** What others refer to comes first: agents before their schedules and keys, policy before what it decides. */
async function writeAll(
  joined: Database,
  tx: Db,
  fleet: Fleet,
  { before, caller, prune }: Context,
): Promise<NewKey[]> {
  const { by } = caller;
  await each('policy', fleet.policy, async (key, value) => {
    if (!isDeepStrictEqual(value, before.policy[key as keyof typeof before.policy]))
      await setPolicy(joined, key, value, by);
  });
  await each('agents', fleet.agents, async (id, given) => {
    const nothing = { display_name: null, model_override: null, role: null, config: null };
    const agent = { ...nothing, ...given };
    if (!isDeepStrictEqual(agent, { ...nothing, ...before.agents[id] }) || !(id in before.agents))
      await setAgent(joined, id, agent, by);
  });
  const keys: NewKey[] = [];
  const usable = fleet.keys ? (await listKeys(tx)).filter(isUsable) : [];
  await each('keys', fleet.keys, async (name, { agent, ...given }) => {
    const found = usable.filter((row) => row.name === name);
    if (found.length > 0) return requireSame(found, { agent, ...given });
    const made = await createKey(
      joined,
      { name, ...given, ...(agent === undefined ? {} : { agent_id: agent }) },
      by,
    );
    keys.push({ name, key: made.key, row: made.row });
  });
  await each('schedules', fleet.schedules, (name, given) => putSchedule(joined, name, given, before, by));
  await each('webhooks', fleet.webhooks, async (name, given) => {
    if (!(await putWebhook(tx, { name, ...given }, caller))) return;
    for (const topic of ['webhooks', 'events'] as const) joined.hints.tell(topic);
  });
  if (prune) {
    for (const name of surplus(before.schedules, fleet.schedules)) await removeSchedule(joined, name, by);
    for (const name of surplus(before.webhooks, fleet.webhooks)) {
      await dropWebhook(tx, name, by);
      joined.hints.tell('events');
    }
  }
  return keys;
}

/** A refusal says which part of the file it is about. */
async function each<Item>(
  section: FleetSection,
  items: Record<string, Item> | undefined,
  write: (name: string, item: NonNullable<Item>) => Promise<void>,
): Promise<void> {
  for (const [name, item] of Object.entries(items ?? {})) {
    if (item === undefined || item === null) continue;
    try {
      await write(name, item);
    } catch (error) {
      // A database that is away is not about this part.
      if (!(error instanceof AppError) || isUnavailable(error) || isBusy(error)) throw error;
      throw new AppError(error.code, `${section}.${name}: ${error.message}`, {
        details: { ...error.details, path: [section, name] },
        ...(error.retryAfter === undefined ? {} : { retryAfter: error.retryAfter }),
      });
    }
  }
}

type GivenSchedule = NonNullable<Fleet['schedules']>[string];

/** Members that are not given are as if they had never been. */
async function putSchedule(
  joined: Database,
  name: string,
  { paused = false, ...given }: GivenSchedule,
  { schedules }: Before,
  by: string,
): Promise<void> {
  const known = schedules[name];
  const { timezone, missed, missed_most, jitter_seconds } = NO_PLAN;
  const usual = { body: null, priority: 0, timezone, missed, missed_most, jitter_seconds };
  // A file lives on after the times in it.
  if (known) await changeSchedule(joined, name, { ...usual, ...given }, by, true);
  else await addSchedule(joined, { name, ...given }, by, true);
  if (paused !== (known?.paused ?? false)) await (paused ? pauseSchedule : resumeSchedule)(joined, name, by);
}

function surplus(before: Record<string, unknown>, named: Record<string, unknown> | undefined): string[] {
  // A section that is not there says nothing of what should be.
  return named === undefined ? [] : Object.keys(before).filter((name) => !Object.hasOwn(named, name));
}

function isUsable({ revoked_at, expires_at }: KeyRow): boolean {
  return revoked_at === null && (expires_at === null || expires_at > new Date());
}

/** @param rows the keys of this name, of which one is enough; the newest first */
function requireSame(
  rows: KeyRow[],
  {
    agent,
    scopes,
    kinds,
  }: { agent?: string | undefined; scopes: readonly string[]; kinds?: readonly string[] | undefined },
): void {
  const sorted = (list: readonly string[] | null | undefined) => (list ? [...new Set(list)].sort() : null);
  const isSame = (row: KeyRow) =>
    row.agent_id === (agent ?? null) &&
    isDeepStrictEqual(sorted(row.scopes), sorted(scopes)) &&
    isDeepStrictEqual(sorted(row.kinds), sorted(kinds));
  const [row] = rows;
  if (row === undefined || rows.some(isSame)) return;
  throw new AppError(
    'conflict',
    `There is a key of this name that may something else (${row.scopes.join(', ')}${row.agent_id === null ? '' : `, as ${row.agent_id}`}). A key cannot be changed: revoke it with \`opsloop keys revoke ${row.key_id}\`, or take another name.`,
  );
}
