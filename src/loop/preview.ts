import type { Db } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { uuid7Floor } from '../lib/uuid7.ts';
import { dayAfter, daysAgo, tryPolicy } from '../policy/policy.ts';
import { type Change, makeChanges, makeReplay, type Replay, type Totals } from '../policy/replay.ts';
import type { Policy, PolicyKey } from '../policy/schema.ts';
import { type Example, selectExamples, selectLeftOut, selectReplay } from '../proposals/queries.ts';

const DAYS = 7;
const DAY_MS = 86_400_000;
const MOST_PROPOSALS = 50_000;
/** Judging so many takes some milliseconds, and other work comes in between. */
const PAGE = 500;

/** What keys act on that decide nothing about proposals. */
const ACTS_ON: Partial<Record<PolicyKey, string>> = {
  paused:
    'It stops the claiming of steps and gives running model calls back; proposals are decided all the same.',
  retention: 'It says how long what has ended is kept; it acts at the next beat.',
  stale_steps: 'It says when a running step counts as stuck, and how often a step may fail.',
  token_caps: 'It holds model steps at their claim; proposals are decided all the same.',
  reminders: 'It says when pending proposals are reminded of; nothing is decided by it.',
  prices: 'It reckons what model calls cost, from now on; nothing is decided by it.',
  concurrency: 'It limits how many steps run at once; proposals are decided all the same.',
  chains: 'It limits the tasks that answers of task files ask for, before they become proposals.',
};

/** One at a time in this process: each reads and judges very many proposals. */
let busy = false;

export type Preview = { applies: false; acts_on: string } | ({ applies: true } & Comparison);

export type Comparison = {
  proposals: number;
  from: Date;
  /** There were more than 50,000: only the newest whole days are in it, or the first 50,000 of today. */
  truncated: boolean;
  before: Totals;
  after: Totals;
  changes: (Omit<Change, 'examples'> & { examples: Example[] })[];
  steps: { before: ReturnType<Replay['steps']>; after: ReturnType<Replay['steps']> };
};

/**
 * What today's proposals and those of the 7 days before would become under another value of one key, beside what
 * they would become under the policy as it stands. Both are replayed, so that they differ by the value alone: what
 * was decided in truth has also to do with how the policy was then. Writes nothing.
 * @throws AppError invalid_policy, not_found, policy_unreadable, or conflict while another one is made
 */
export async function previewPolicy(db: Db, key: string, value: unknown): Promise<Preview> {
  const tried = await tryPolicy(db, key, value);
  const actsOn = ACTS_ON[tried.key];
  if (actsOn !== undefined) return { applies: false, acts_on: actsOn };
  if (busy)
    throw new AppError('conflict', 'Another preview is being made; ask again when it is done.', {
      retryAfter: 2,
    });
  busy = true;
  try {
    return { applies: true, ...(await compare(db, tried.before, tried.after)) };
  } finally {
    busy = false;
  }
}

async function compare(db: Db, before: Policy, after: Policy): Promise<Comparison> {
  const zones = [before.daily_caps.timezone, after.daily_caps.timezone] as const;
  const since = await daysAgo(db, zones[0], DAYS);
  const leftOut = await selectLeftOut(db, { since, afterId: floorOf(since), most: MOST_PROPOSALS });
  // A day that began before would be judged with counters that lack what is left out.
  const from = leftOut === null ? since : await dayAfter(db, zones[0], leftOut.created_at);

  const [old, other, changes] = [makeReplay(before), makeReplay(after), makeChanges()];
  let proposals = 0;
  for (let afterId = floorOf(from); proposals < MOST_PROPOSALS; ) {
    const limit = Math.min(PAGE, MOST_PROPOSALS - proposals);
    const rows = await selectReplay(db, { since: from, afterId, zones, limit });
    for (const row of rows) changes.add(row.id, old.put(row, row.day), other.put(row, row.other_day));
    proposals += rows.length;
    const last = rows.at(-1);
    if (last === undefined || rows.length < limit) break;
    afterId = last.id;
  }
  return {
    proposals,
    from,
    truncated: leftOut !== null,
    before: old.totals(),
    after: other.totals(),
    changes: await withExamples(db, changes.list()),
    steps: { before: old.steps(), after: other.steps() },
  };
}

/** Ids are drawn by the clocks of several machines. */
function floorOf(time: Date): string {
  return uuid7Floor(new Date(time.getTime() - DAY_MS));
}

async function withExamples(db: Db, changes: Change[]): Promise<Comparison['changes']> {
  const rows = await selectExamples(
    db,
    changes.flatMap((change) => change.examples),
  );
  const rowOf = new Map(rows.map((row) => [row.id, row]));
  return changes.map((change) => ({
    ...change,
    examples: change.examples.flatMap((id) => rowOf.get(id) ?? []),
  }));
}
