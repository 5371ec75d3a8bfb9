import type { Database } from '../db/database.ts';
import { countedThrough, countOnDemand } from '../tallies/tallies.ts';
import { type KindCount, selectSteps, selectTotals } from './queries.ts';
import type { Count, LoopCounts } from './schema.ts';

/** Counts of what is open stop here. */
const MOST = 10_000;
/** Steps that wait for the step before them are looked up mission by mission, which costs more. */
const MOST_MISSIONS = 2_000;
/** More is left to the beat: this must be quick. */
const MOST_COUNTED = 5_000;

/** How much of everything is where in the loop right now. */
export async function readLoop(database: Database): Promise<LoopCounts> {
  await countOnDemand(database, MOST_COUNTED);
  const [totals, steps, { through }] = await Promise.all([
    selectTotals(database, MOST),
    selectSteps(database, MOST, MOST_MISSIONS),
    countedThrough(database),
  ]);
  const kinds = [...new Set(steps.map(({ kind }) => kind))].sort();
  const all = (state: KindCount['state']) => steps.filter((row) => row.state === state);
  /** Of a state that is counted over all kinds together, any of them may be more than was counted. */
  const together = (state: KindCount['state']) => all(state).reduce((sum, row) => sum + row.n, 0) > MOST;
  const more = {
    delayed: together('delayed'),
    running: together('running'),
    waiting: totals.active > MOST_MISSIONS,
  };
  return {
    day: totals.day,
    proposals: {
      pending: toCount(totals.pending),
      admitted_today: totals.admitted_today,
      rejected_today: totals.rejected_today,
    },
    missions: { active: toCount(totals.active) },
    steps: kinds.map((kind) => {
      const n = (state: KindCount['state']) => all(state).find((row) => row.kind === kind)?.n ?? 0;
      return {
        kind,
        ready: toCount(n('ready')),
        delayed: { count: n('delayed'), more: more.delayed },
        waiting: { count: n('waiting'), more: more.waiting },
        running: { count: n('running'), more: more.running },
      };
    }),
    outputs: { unwritten: toCount(totals.unwritten), published_today: totals.published_today },
    through,
  };
}

function toCount(n: number): Count {
  return { count: Math.min(n, MOST), more: n > MOST };
}
