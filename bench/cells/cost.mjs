import { readCounters, untilAlone } from '../lib/costs.mjs';
import { withPool } from '../lib/postgres.mjs';
import { inRounds, rowsOf } from '../lib/rounds.mjs';
import { floor } from '../participants/floor.mjs';
import { graphileWorker } from '../participants/graphile-worker.mjs';
import { opsloop } from '../participants/opsloop.mjs';
import { pgBoss } from '../participants/pg-boss.mjs';

const MOST_ROUNDS = 3;
/** Each look at the tables is a commit, which is not to be counted. */
const LOOK_MS = 500;

const TABLES = [
  { name: 'wal', title: '9a. WAL', unit: 'bytes/step', better: 'less' },
  { name: 'pages', title: '9b. Whole pages in the WAL', unit: 'pages/step', better: 'less' },
  { name: 'commits', title: '9c. Commits', unit: 'commits/step', better: 'less' },
  { name: 'updates', title: '9d. Updated rows', unit: 'rows/step', better: 'less' },
  { name: 'hot', title: '9e. HOT share of the updates', unit: '%', better: 'more' },
];

/** What the database does for one step of a drain. */
const costOfDrain = (one, url, steps) =>
  withPool(url, async (pool) => {
    await one.prepare(url);
    await one.fill(url, steps);
    await untilAlone(pool);
    const before = await readCounters(pool);
    await one.drain(url, { concurrency: 500, lookEveryMs: LOOK_MS });
    await one.settle?.(url);
    await untilAlone(pool);
    const after = await readCounters(pool);
    const grown = (name) => after[name] - before[name];
    return {
      wal: grown('wal') / steps,
      pages: grown('pages') / steps,
      commits: grown('commits') / steps,
      updates: grown('updates') / steps,
      hot: (100 * grown('hot')) / grown('updates'),
    };
  });

export const cost = {
  name: 'cost',
  heading: '9. What a step costs the database',
  what:
    'WAL, commits and updated rows of a drain by one process, divided by the steps. No checkpoint is made between filling ' +
    'and draining; a checkpoint that the WAL itself brings on makes PostgreSQL write each page whole once, which is most of ' +
    'the spread. Transactions that only read count as commits, and the sealing of all events is included. HOT is the ' +
    'share of the updates that touched no index.',
  async run({ postgres, quick, rounds, progress }) {
    const steps = quick ? 5_000 : 50_000;
    const participants = [
      opsloop(),
      floor(),
      graphileWorker({ localQueue: true }),
      pgBoss({ batch: 100 }),
      pgBoss({ batch: 1_000 }),
    ];
    const title = '9. Cost of a drain';
    const found = await inRounds(
      { rounds: Math.min(rounds, MOST_ROUNDS), participants, progress, title },
      (one) => postgres.use((url) => costOfDrain(one, url, steps)),
    );
    return TABLES.map(({ name, title: what, unit, better }) => ({
      id: `cost-${name}`,
      title: `${what} of a drain (${steps.toLocaleString('en')} steps)`,
      unit,
      better,
      rows: rowsOf(found, { [name]: '' }),
    }));
  },
};
