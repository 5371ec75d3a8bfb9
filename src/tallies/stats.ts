import type { Database } from '../db/database.ts';
import { groupBy } from '../lib/group-by.ts';
import { selectDays, selectDaysOfAgents, selectMinutes, selectTotalFigures } from './queries.ts';
import {
  type AgentFigures,
  type AgentStats,
  type Bucket,
  FIGURES,
  type Figures,
  type Stats,
  type Tally,
  type Window,
} from './schema.ts';
import { countedThrough, countOnDemand } from './tallies.ts';
import { addWaits, percentile } from './waits.ts';

const SHAPE: Record<Window, { buckets: number; seconds: number }> = {
  hour: { buckets: 60, seconds: 60 },
  day: { buckets: 96, seconds: 900 },
};

/** What happened in the last hour or day, in buckets of equal length; those in which nothing happened are zero. */
export async function readStats(database: Database, window: Window): Promise<Stats> {
  await countOnDemand(database);
  const { now, through } = await countedThrough(database);
  const { buckets, seconds } = SHAPE[window];
  const width = seconds * 1_000;
  const last = Math.floor(now.getTime() / width);
  const first = last - buckets + 1;
  const minutes = await selectMinutes(database, new Date(first * width));
  const found = groupBy(minutes, ({ at }) => Math.floor(at.getTime() / width));
  return {
    window,
    bucket_seconds: seconds,
    through,
    buckets: Array.from({ length: buckets }, (_, n) => ({
      at: new Date((first + n) * width),
      ...toBucket(found.get(first + n) ?? []),
    })),
    totals: toBucket(minutes.filter(({ at }) => at.getTime() < (last + 1) * width)),
  };
}

/** What happened since there is this installation. */
export async function readTotalFigures(database: Database): Promise<Figures> {
  await countOnDemand(database);
  return selectTotalFigures(database);
}

/** What each agent did in the last days, today included; an agent's key sees one of them. */
export async function readAgentStats(
  database: Database,
  given: { days: number; agents: string[]; agentId: string | undefined },
): Promise<AgentStats> {
  await countOnDemand(database);
  const { through } = await countedThrough(database);
  const days = await selectDays(database, given.days);
  const rows = await selectDaysOfAgents(database, days[0] ?? '', given.agentId);
  const found = groupBy(rows, (row) => row.agent_id);
  // Those known that did nothing, too.
  const ids = [...new Set([...given.agents, ...found.keys()])].sort();
  const agents = ids.map((agent_id) => {
    const own = (found.get(agent_id) ?? []).filter(({ day }) => days.includes(day));
    return {
      agent_id,
      ...toAgentFigures(own),
      days: own.map((row) => ({ day: row.day, ...toAgentFigures([row]) })),
    };
  });
  return { through, days, agents };
}

function sumUp(rows: readonly Figures[]): Figures {
  return Object.fromEntries(
    FIGURES.map((name) => [name, rows.reduce((sum, row) => sum + row[name], 0)]),
  ) as Figures;
}

function toBucket(tallies: readonly Tally[]): Bucket {
  const { tokens_in, tokens_out, cost_microusd, work_ms: _work, ...counts } = sumUp(tallies);
  const waits = addWaits(tallies.map((tally) => tally.waits));
  return {
    ...counts,
    tokens: tokens_in + tokens_out,
    cost_usd: cost_microusd / 1e6,
    wait_p50_ms: percentile(waits, 0.5),
    wait_p95_ms: percentile(waits, 0.95),
  };
}

function toAgentFigures(rows: readonly Figures[]): AgentFigures {
  const { proposals, succeeded, failed, rejected, steps, work_ms, ...spent } = sumUp(rows);
  const ended = succeeded + failed;
  return {
    proposals,
    succeeded,
    failed,
    rejected,
    success_share: ended === 0 ? null : succeeded / ended,
    tokens: spent.tokens_in + spent.tokens_out,
    cost_usd: spent.cost_microusd / 1e6,
    work_ms,
    steps,
  };
}
