import type { Db } from '../db/database.ts';

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
  const running = await tx.query<{ name: string; n: number }>(
    `select name, count(*)::integer as n
     from ops_steps, unnest(array['kind:' || kind, 'agent:' || agent_id]) as name
     where status = 'running' and name = any ($1::text[]) group by name`,
    [names],
  );
  const used = new Map(running.map(({ name, n }) => [name, n]));
  return {
    kind: (kind) => (limits.kinds[kind] ?? Infinity) - (used.get(`kind:${kind}`) ?? 0),
    agent: (agent) => limitOfAgent(limits, agent) - (used.get(`agent:${agent}`) ?? 0),
  };
}

export function limitOfAgent(limits: Limits, agent: string): number {
  return limits.agents[agent] ?? limits.each_agent ?? Infinity;
}
