import type { Db } from '../db/database.ts';
import type { Lane } from './schema.ts';

/** The policy `concurrency`: most steps running at once, over all processes. */
export type Limits = {
  kinds: Record<string, number>;
  agents: Record<string, number>;
  /** For agents that `agents` does not name. */
  each_agent?: number | undefined;
};

/** How much room the limits leave; absent: no limit. */
export type Room = { kind(kind: string): number; agent(agentId: string): number };

export async function readLimits(db: Db): Promise<Limits | null> {
  const [row] = await db.query<{ value: Limits }>(
    `select value from ops_policy where key = 'concurrency'`,
    [],
    'opsloop_limits',
  );
  return row?.value ?? null;
}

/** Any number; with the hash of a name it is the lock of one limited kind or agent. */
const LIMIT_LOCK = 7_073_004;

/**
 * Takes the locks of what is limited, then counts what runs of it: nobody else can claim any of it until this
 * transaction has ended, so what it claims within the room keeps the limit exactly. Ends of work take no lock;
 * they only make room.
 */
export async function lockRoom(
  tx: Db,
  limits: Limits,
  given: { kinds: Iterable<string>; agents: Iterable<string> },
): Promise<Room> {
  const kinds = [...new Set(given.kinds)].filter((kind) => kind in limits.kinds);
  const agents = [...new Set(given.agents)].filter((agent) => limitOfAgent(limits, agent) < Infinity);
  const names = [...kinds.map((kind) => `kind:${kind}`), ...agents.map((agent) => `agent:${agent}`)];
  if (names.length === 0) return { kind: () => Infinity, agent: () => Infinity };
  await tx.query(
    `select pg_advisory_xact_lock($1, lock) from (
       select distinct hashtext(name) as lock from unnest($2::text[]) as name order by lock) as ordered`,
    [LIMIT_LOCK, names],
  );
  const used = await countRunning(tx, names);
  return {
    kind: (kind) => (limits.kinds[kind] ?? Infinity) - (used.get(`kind:${kind}`) ?? 0),
    agent: (agent) => limitOfAgent(limits, agent) - (used.get(`agent:${agent}`) ?? 0),
  };
}

/** Running steps by `kind:<kind>` and `agent:<agent>`; a name that has none is absent. */
async function countRunning(db: Db, names: string[]): Promise<Map<string, number>> {
  const rows = await db.query<{ name: string; n: number }>(
    `select name, count(*)::integer as n
     from ops_steps, unnest(array['kind:' || kind, 'agent:' || agent_id]) as name
     where status = 'running' and name = any ($1::text[]) group by name`,
    [names],
  );
  return new Map(rows.map(({ name, n }) => [name, n]));
}

/** The limit that holds this lane up now, as a sentence's beginning; null when there is room. */
export async function reachedLimit(db: Db, limits: Limits, lane: Lane): Promise<string | null> {
  const used = await countRunning(db, [`kind:${lane.kind}`, `agent:${lane.agent_id}`]);
  const ofKind = limits.kinds[lane.kind] ?? Infinity;
  if ((used.get(`kind:${lane.kind}`) ?? 0) >= ofKind) return `${ofKind} of kind "${lane.kind}" run`;
  const ofAgent = limitOfAgent(limits, lane.agent_id);
  return (used.get(`agent:${lane.agent_id}`) ?? 0) >= ofAgent
    ? `${ofAgent} of agent ${lane.agent_id} run`
    : null;
}

export function limitOfAgent(limits: Limits, agent: string): number {
  return limits.agents[agent] ?? limits.each_agent ?? Infinity;
}
