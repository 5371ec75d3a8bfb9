import { floor } from '../participants/floor.mjs';
import { graphileWorker } from '../participants/graphile-worker.mjs';
import { opsloop } from '../participants/opsloop.mjs';
import { pgBoss } from '../participants/pg-boss.mjs';
import { summary } from '../lib/report.mjs';

/** A backlog of steps that do nothing is worked off; the clock runs from the first worker to the last commit. */
export const drain = {
  name: 'drain',
  async run({ postgres, quick, rounds, progress }) {
    const batched = {
      title: `1a. Drain of a backlog, batches on`,
      steps: quick ? 5_000 : 50_000,
      concurrency: 500,
      participants: [
        opsloop(),
        floor(),
        graphileWorker({ localQueue: true }),
        pgBoss({ batch: 100 }),
        pgBoss({ batch: 1_000 }),
      ],
    };
    const single = {
      title: `1b. Drain, one at a time, 24 in parallel`,
      steps: quick ? 1_000 : 2_000,
      concurrency: 24,
      participants: [opsloop(), graphileWorker({ localQueue: false }), pgBoss({ batch: 1 })],
    };
    const tables = [];
    for (const { title, steps, concurrency, participants } of [batched, single]) {
      const found = new Map(participants.map((one) => [one, []]));
      for (let round = 1; round <= rounds; round++) {
        for (const one of participants) {
          progress(`${title}, round ${round} of ${rounds}: ${one.name}`);
          const database = await postgres.fresh();
          await one.prepare(database.url);
          await one.fill(database.url, steps);
          const seconds = await one.drain(database.url, { concurrency });
          found.get(one).push(steps / seconds);
          await database.drop();
        }
      }
      const rows = participants.map((one) => ({
        participant: one.name,
        keeps: one.keeps,
        result: summary(found.get(one)),
      }));
      tables.push({
        title: `${title} (${steps.toLocaleString('en')} steps)`,
        unit: 'steps/s',
        better: 'more',
        rows,
      });
    }
    return tables;
  },
};
