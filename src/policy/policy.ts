import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Database, Db } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { appendEvents, listPolicyChanges } from '../events/events.ts';
import type { PolicyChange } from '../events/schema.ts';
import { parsePolicy, parsePolicyKey } from './parse.ts';
import {
  insertMissingPolicy,
  knowsTimeZone,
  lockPolicyExclusive,
  lockPolicyRow,
  recountDay,
  selectDay,
  selectDayAfter,
  selectDaysAgo,
  selectPolicy,
  upsertPolicy,
} from './queries.ts';
import {
  DEFAULT_POLICY,
  POLICY_KEYS,
  POLICY_SCHEMAS,
  type Policy,
  type PolicyKey,
  type PolicyRow,
  policyJsonSchema,
} from './schema.ts';

export function listPolicy(db: Db): Promise<PolicyRow[]> {
  return selectPolicy(db);
}

/** The whole policy as it stands. @throws AppError policy_unreadable */
export async function readPolicy(db: Db): Promise<Policy> {
  return parsePolicy(Object.fromEntries((await selectPolicy(db)).map((row) => [row.key, row.value])));
}

/** One key as it stands, whatever state the others are in. @throws AppError policy_unreadable */
export async function readPolicyKey<Key extends PolicyKey>(db: Db, key: Key): Promise<Policy[Key]> {
  const row = (await selectPolicy(db)).find((candidate) => candidate.key === key);
  return parsePolicyKey(key, row?.value);
}

/**
 * Sets one key. The event keeps the old and the new value.
 * @param seen the time of change (`updated_at`) of the value that the writer has seen: set only if it still stands
 * @throws AppError invalid_policy, not_found, or conflict when it was changed since
 */
export async function setPolicy(
  database: Database,
  key: string,
  value: unknown,
  by: string,
  seen?: Date | null,
): Promise<PolicyRow> {
  const known = requireKey(key);
  const parsed = parseValue(known, value);
  if (known === 'paused' && seen !== undefined)
    throw new AppError(
      'invalid_request',
      'if_updated_at does not go with paused: a pause must not fail because of another one.',
    );
  return changePolicy(
    database,
    known,
    (before) => {
      if (seen !== undefined) requireSeen(before, seen);
      return parsed;
    },
    by,
  );
}

function requireSeen(row: PolicyRow | null, seen: Date | null): void {
  if (row === null || row.updated_at?.getTime() === seen?.getTime()) return;
  const { key, updated_at, updated_by } = row;
  throw new AppError(
    'conflict',
    `Policy ${key} was changed meanwhile by ${updated_by ?? 'somebody'} at ${updated_at?.toISOString() ?? 'an unknown time'}. Look at that value, and set yours again if it still fits.`,
    { details: { key, updated_at, updated_by } },
  );
}

/**
 * The policy as it stands, and as it would be with another value of one key, which is not set.
 * @throws AppError invalid_policy, not_found or policy_unreadable
 */
export async function tryPolicy(
  db: Db,
  key: string,
  value: unknown,
): Promise<{ key: PolicyKey; before: Policy; after: Policy }> {
  const known = requireKey(key);
  const parsed = parseValue(known, value);
  const before = await readPolicy(db);
  const after: Policy = { ...before, [known]: parsed };
  if (known === 'daily_caps') await requireTimeZone(db, after.daily_caps.timezone);
  return { key: known, before, after };
}

/** When the calendar day so many days ago began. */
export function daysAgo(db: Db, timezone: string, days: number): Promise<Date> {
  return selectDaysAgo(db, timezone, days);
}

/** When the calendar day after a time began; of today when that one has not begun. */
export function dayAfter(db: Db, timezone: string, time: Date): Promise<Date> {
  return selectDayAfter(db, timezone, time);
}

/** The changes of one key, the newest first. @throws AppError not_found */
export function policyHistory(
  db: Db,
  key: string,
  page: { beforeId?: number | undefined; limit: number },
): Promise<{ changes: PolicyChange[]; next: number | null }> {
  return listPolicyChanges(db, requireKey(key), page);
}

/**
 * Pauses or resumes everybody, or one agent. Read and written under the row's lock, so that of two changes at
 * once neither is lost.
 * @throws AppError invalid_policy when too many agents are paused
 */
export async function setPaused(
  database: Database,
  pause: boolean,
  agentId: string | undefined,
  by: string,
): Promise<Policy['paused']> {
  const row = await changePolicy(
    database,
    'paused',
    (before) => {
      // An emergency brake must not depend on what else is wrong: what cannot be read is replaced.
      const parsed = POLICY_SCHEMAS.paused.safeParse(before?.value);
      const paused = parsed.success ? parsed.data : { enabled: true, agents: [] };
      if (agentId === undefined) return { ...paused, enabled: pause };
      const others = paused.agents.filter((id) => id !== agentId);
      return parseValue('paused', { ...paused, agents: pause ? [...others, agentId] : others });
    },
    by,
  );
  return row.value as Policy['paused'];
}

/**
 * @param toValue makes the new value from the old row; called while no decision can be under way, but for
 * `paused`, which no decision reads and which must not wait for one
 */
async function changePolicy(
  database: Database,
  key: PolicyKey,
  toValue: (before: PolicyRow | null) => unknown,
  by: string,
): Promise<PolicyRow> {
  const changed = await database.transaction(async (tx) => {
    if (key !== 'paused') await lockPolicyExclusive(tx);
    const before = await lockPolicyRow(tx, key);
    const made = toValue(before);
    const value = key === 'paused' ? stillHeld(before?.value, made as Policy['paused']) : made;
    if (!isDeepStrictEqual(before?.value, value)) {
      await upsertPolicy(tx, key, value, by);
      if (key === 'daily_caps') await moveDay(tx, before?.value, value as Policy['daily_caps']);
      await appendEvents(tx, {
        kind: 'policy.changed',
        source: 'policy',
        entity: 'policy',
        entityId: key,
        payload: { from: before?.value ?? null, to: value, cause: { by } },
      });
    }
    const row = (await selectPolicy(tx)).find((candidate) => candidate.key === key);
    if (!row) throw new Error(`policy ${key} is gone after being set`);
    return row;
  });
  database.hints.tell('policy');
  database.hints.tell('events');
  return changed;
}

/** What a restore holds, whoever writes the pause: only its end releases that. */
function stillHeld(before: unknown, { enabled, agents, restored }: Policy['paused']): Policy['paused'] {
  const was = POLICY_SCHEMAS.paused.safeParse(before);
  const isHeld = restored === true || (was.success && was.data.enabled && was.data.restored === true);
  return { enabled, agents, ...(enabled && isHeld ? { restored: true } : {}) };
}

/** Gives a fresh database its policy; keys that exist keep their value. */
export async function seedPolicy(tx: Db): Promise<void> {
  const added = await insertMissingPolicy(tx, DEFAULT_POLICY);
  await appendEvents(
    tx,
    ...added.map((key) => ({
      kind: 'policy.changed',
      source: 'policy',
      entity: 'policy' as const,
      entityId: key,
      payload: { from: null, to: DEFAULT_POLICY[key as PolicyKey], cause: { by: 'setup' } },
    })),
  );
}

function requireKey(key: string): PolicyKey {
  if (Object.hasOwn(POLICY_SCHEMAS, key)) return key as PolicyKey;
  throw new AppError('not_found', `There is no policy "${key}". The keys are ${POLICY_KEYS.join(', ')}.`, {
    details: { key, allowed: POLICY_KEYS },
  });
}

function parseValue(key: PolicyKey, value: unknown): unknown {
  const parsed = POLICY_SCHEMAS[key].safeParse(value);
  if (parsed.success) return parsed.data;
  throw new AppError(
    'invalid_policy',
    `This is no value for ${key}: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`,
    {
      details: { key, schema: policyJsonSchema(key) },
    },
  );
}

/** Another time zone makes today another day: what counts on it is counted anew, so that caps stay exact. */
async function moveDay(tx: Db, before: unknown, after: Policy['daily_caps']): Promise<void> {
  await requireTimeZone(tx, after.timezone);
  if ((before as Policy['daily_caps'] | undefined)?.timezone === after.timezone) return;
  const { day } = await selectDay(tx, after.timezone);
  await recountDay(tx, after.timezone, day);
}

async function requireTimeZone(db: Db, name: string): Promise<void> {
  if (await knowsTimeZone(db, name)) return;
  throw new AppError('invalid_policy', `PostgreSQL does not know the time zone "${name}".`);
}
