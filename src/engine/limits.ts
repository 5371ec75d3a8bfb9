import type { Db } from '../db/database.ts';
import { parsePolicyKey } from '../policy/parse.ts';
import type { Policy } from '../policy/schema.ts';
import type { Lane } from './schema.ts';
import type { Room } from './share.ts';

/** The policy `concurrency`: most steps running at once, over all processes. Null: there is none. */
export type Limits = Policy['concurrency'] | null;

/** What policy says about claiming. Without a readable pause everything is paused. */
export type Rules = { limits: Limits; paused: Policy['paused'] };

/** @throws AppError policy_unreadable */
export async function readRules(db: Db): Promise<Rules> {
  const rows = await db.query<{ key: string; value: unknown }>(
    `select key, value from ops_policy where key in ('concurrency', 'paused')`,
    [],
    'opsloop_rules',
  );
  const values = new Map(rows.map(({ key, value }) => [key, value]));
  return {
    limits: values.has('concurrency') ? parsePolicyKey('concurrency', values.get('concurrency')) : null,
    paused: values.has('paused')
      ? parsePolicyKey('paused', values.get('paused'))
      : { enabled: true, agents: [] },
  };
}

function limitOfKind(limits: Limits, kind: string): number {
  return limits && Object.hasOwn(limits.kinds, kind) ? (limits.kinds[kind] ?? Infinity) : Infinity;
}

/** Steps of nobody belong to no agent, so that no limit of agents holds them. */
function limitOfAgent(limits: Limits, agent: string): number {
  if (!limits || agent === '') return Infinity;
  return (Object.hasOwn(limits.agents, agent) ? limits.agents[agent] : limits.each_agent) ?? Infinity;
}

export function isLimited(limits: Limits, { kind, agent_id }: Lane): boolean {
  return limitOfKind(limits, kind) < Infinity || limitOfAgent(limits, agent_id) < Infinity;
}

/** Any number; with the hash of a name it is the lock of one limited kind or agent. */
const LIMIT_LOCK = 7_073_004;

/**
 * Takes the locks of what is limited, then counts what runs of it: nobody else can claim any of it until this
 * transaction has ended, so what it claims within the room keeps the limit exactly. Ends of work take no lock;
 * they only make room. What somebody else is claiming of just now leaves no room, for nobody waits here.
 */
export async function lockRoom(
  tx: Db,
  limits: Limits,
  lanes: readonly Lane[],
): Promise<{ room: Room; contended: boolean }> {
  const kinds = [...new Set(lanes.map((lane) => lane.kind))].filter(
    (kind) => limitOfKind(limits, kind) < Infinity,
  );
  const agents = [...new Set(lanes.map((lane) => lane.agent_id))].filter(
    (agent) => limitOfAgent(limits, agent) < Infinity,
  );
  const names = [...kinds.map((kind) => `kind:${kind}`), ...agents.map((agent) => `agent:${agent}`)];
  const locked = await tx.query<{ name: string; locked: boolean }>(
    `select name, pg_try_advisory_xact_lock($1, hashtext(name)) as locked from unnest($2::text[]) as name`,
    [LIMIT_LOCK, names],
    'opsloop_lock_limits',
  );
  const held = new Set(locked.filter((row) => !row.locked).map((row) => row.name));
  const used = await countRunning(tx, names);
  const left = (name: string, limit: number) => (held.has(name) ? 0 : limit - (used.get(name) ?? 0));
  const room = {
    kinds: new Map(kinds.map((kind) => [kind, left(`kind:${kind}`, limitOfKind(limits, kind))])),
    agents: new Map(agents.map((agent) => [agent, left(`agent:${agent}`, limitOfAgent(limits, agent))])),
  };
  return { room, contended: held.size > 0 };
}

/** Running steps by `kind:<kind>` and `agent:<agent>`; a name that has none is absent. */
async function countRunning(db: Db, names: string[]): Promise<Map<string, number>> {
  const rows = await db.query<{ name: string; n: number }>(
    `select name, count(*)::integer as n
     from ops_steps, unnest(array['kind:' || kind, 'agent:' || agent_id]) as name
     where status = 'running' and name = any ($1::text[]) group by name`,
    [names],
    'opsloop_running',
  );
  return new Map(rows.map(({ name, n }) => [name, n]));
}

/** Running steps of every kind and agent, named as above. There are as many as workers have slots. */
export async function countAllRunning(db: Db): Promise<Map<string, number>> {
  const rows = await db.query<{ name: string; n: number }>(
    `select name, count(*)::integer as n
     from ops_steps, unnest(array['kind:' || kind, 'agent:' || agent_id]) as name
     where status = 'running' group by name`,
  );
  return new Map(rows.map(({ name, n }) => [name, n]));
}

/** The limit that holds this lane up now, as a sentence's beginning; null when there is room. */
export function reachedLimit(
  limits: Limits,
  { kind, agent_id }: Pick<Lane, 'kind' | 'agent_id'>,
  running: ReadonlyMap<string, number>,
): string | null {
  const ofKind = limitOfKind(limits, kind);
  if ((running.get(`kind:${kind}`) ?? 0) >= ofKind) return `${ofKind} of kind "${kind}" run`;
  const ofAgent = limitOfAgent(limits, agent_id);
  return (running.get(`agent:${agent_id}`) ?? 0) >= ofAgent ? `${ofAgent} of agent ${agent_id} run` : null;
}
