import { inRounds, rowsOf } from '../lib/rounds.mjs';
import { floor } from '../participants/floor.mjs';
import { graphileWorker } from '../participants/graphile-worker.mjs';
import { opsloop } from '../participants/opsloop.mjs';
import { pgBoss } from '../participants/pg-boss.mjs';

const tables = (quick) => [
  {
    id: 'drain-batched',
    title: '1a. Drain of a backlog, batches on',
    steps: quick ? 5_000 : 50_000,
    concurrency: 500,
    participants: [
      opsloop(),
      floor(),
      graphileWorker({ localQueue: true }),
      pgBoss({ batch: 100 }),
      pgBoss({ batch: 1_000 }),
    ],
  },
  {
    id: 'drain-single',
    title: '1b. Drain, one at a time, 24 in parallel',
    steps: quick ? 1_000 : 2_000,
    concurrency: 24,
    participants: [opsloop(), graphileWorker({ localQueue: false }), pgBoss({ batch: 1 })],
  },
];

export const drain = {
  name: 'drain',
  isQuick: true,
  heading: '1. Drain',
  what:
    'A backlog of steps that do nothing, each the only one of its mission, is worked off by one process. The clock runs ' +
    'from the first worker to the last commit. The floor is the rows that opsloop writes for a claim and a completion, ' +
    'by bare SQL in batches of 500 over one connection: nothing is searched, skipped or sealed.',
  async run({ postgres, quick, rounds, progress }) {
    const results = [];
    for (const { id, title, steps, concurrency, participants } of tables(quick)) {
      const found = await inRounds({ rounds, participants, progress, title }, (one) =>
        postgres.use(async (url) => {
          await one.prepare(url);
          await one.fill(url, steps);
          return { rate: steps / (await one.drain(url, { concurrency })) };
        }),
      );
      results.push({
        id,
        title: `${title} (${steps.toLocaleString('en')} steps)`,
        unit: 'steps/s',
        better: 'more',
        rows: rowsOf(found, { rate: '' }),
      });
    }
    return results;
  },
};
