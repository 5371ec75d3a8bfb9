import { isDeepStrictEqual } from 'node:util';
import { setAgent } from '../agents/agents.ts';
import type { Database, Db } from '../db/database.ts';
import { joinTransaction } from '../db/joined.ts';
import { AppError } from '../errors.ts';
import { createKey, listKeys } from '../keys/keys.ts';
import type { Caller, KeyRow } from '../keys/schema.ts';
import { setPolicy } from '../policy/policy.ts';
import {
  addSchedule,
  changeSchedule,
  pauseSchedule,
  removeSchedule,
  resumeSchedule,
} from '../schedules/schedules.ts';
import type { Secrets } from '../webhooks/secrets.ts';
import { ensureSigningSecret } from '../webhooks/store.ts';
import { dropWebhook, putWebhook } from '../webhooks/webhooks.ts';
import { diffFleets } from './diff.ts';
import { exportFleet } from './export.ts';
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
    const before = await exportFleet(tx);
    const keys = await writeAll(join.joined, tx, fleet, { before, caller, prune });
    const changes = diffFleets(
      before,
      await exportFleet(tx),
      keys.map(({ name, row }) => ({ name, row })),
    );
    applied = { changes, keys: keys.map(({ name, key }) => ({ name, key })), signing_secrets: [] };
    if (dryRun) throw new TakenBack();
  };
  try {
    await database.transaction(work, ONE_AT_A_TIME);
  } catch (error) {
    if (!(error instanceof TakenBack)) throw error;
    return { ...applied, keys: [] };
  }
  tell();
  // Secrets lie in files, so they are made once it is certain that their webhooks are there.
  for (const [name, { template }] of Object.entries(fleet.webhooks ?? {})) {
    const secret = await ensureSigningSecret(secrets, { name, template });
    if (secret !== null) applied.signing_secrets.push({ name, secret });
  }
  return applied;
}

type Before = Awaited<ReturnType<typeof exportFleet>>;
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
    const found = usable.find((row) => row.name === name);
    if (found) return requireSame(found, { agent, ...given });
    const made = await createKey(
      joined,
      { name, ...given, ...(agent === undefined ? {} : { agent_id: agent }) },
      by,
    );
    keys.push({ name, key: made.key, row: made.row });
  });
  await each('schedules', fleet.schedules, (name, given) => putSchedule(joined, name, given, before, by));
  await each(
    'webhooks',
    fleet.webhooks,
    async (name, given) => void (await putWebhook(tx, { name, ...given }, caller)),
  );
  if (prune) {
    for (const name of surplus(before.schedules, fleet.schedules)) await removeSchedule(joined, name, by);
    for (const name of surplus(before.webhooks, fleet.webhooks)) await dropWebhook(tx, name, by);
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
      if (!(error instanceof AppError)) throw error;
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
  const usual = { body: null, priority: 0, timezone: 'UTC', missed: 'once', jitter_seconds: 0 } as const;
  if (known) await changeSchedule(joined, name, { ...usual, ...given }, by);
  else await addSchedule(joined, { name, ...given }, by);
  if (paused !== (known?.paused ?? false)) await (paused ? pauseSchedule : resumeSchedule)(joined, name, by);
}

function surplus(before: Record<string, unknown>, named: Record<string, unknown> | undefined): string[] {
  // A section that is not there says nothing of what should be.
  return named === undefined ? [] : Object.keys(before).filter((name) => !(name in named));
}

function isUsable({ revoked_at, expires_at }: KeyRow): boolean {
  return revoked_at === null && (expires_at === null || expires_at > new Date());
}

function requireSame(
  row: KeyRow,
  {
    agent,
    scopes,
    kinds,
  }: { agent?: string | undefined; scopes: readonly string[]; kinds?: readonly string[] | undefined },
): void {
  const sorted = (list: readonly string[] | null | undefined) => (list ? [...new Set(list)].sort() : null);
  const same =
    row.agent_id === (agent ?? null) &&
    isDeepStrictEqual(sorted(row.scopes), sorted(scopes)) &&
    isDeepStrictEqual(sorted(row.kinds), sorted(kinds));
  if (same) return;
  throw new AppError(
    'conflict',
    `There is a key of this name that may something else (${row.scopes.join(', ')}${row.agent_id === null ? '' : `, as ${row.agent_id}`}). A key cannot be changed: revoke it with \`opsloop keys revoke ${row.key_id}\`, or take another name.`,
  );
}
