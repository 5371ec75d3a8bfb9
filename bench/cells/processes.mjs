import { startChild } from '../lib/children.mjs';
import { nowMs } from '../lib/clock.mjs';
import { inRounds, rowsOf } from '../lib/rounds.mjs';
import { graphileWorker } from '../participants/graphile-worker.mjs';
import { opsloop } from '../participants/opsloop.mjs';
import { pgBoss } from '../participants/pg-boss.mjs';

const PROCESSES = [1, 2, 4, 8];
const CHAIN = 5;
const MOST_ROUNDS = 3;
const OPTIONS = { concurrency: 500 };

/** Seconds from the word to begin to the last commit, when so many processes drain together. */
async function drainTogether(one, url, count) {
  const consumers = Array.from({ length: count }, () => startChild('consumer.mjs'));
  // Starting a process is not what is measured.
  await Promise.all(consumers.map((consumer) => consumer.ask('ready')));
  const began = nowMs();
  const ends = await Promise.all(
    consumers.map((consumer) => consumer.ask('drain', { spec: one.spec, url, options: OPTIONS })),
  );
  await Promise.all(consumers.map((consumer) => consumer.stop()));
  return (Math.max(...ends) - began) / 1_000;
}

export const processes = {
  name: 'processes',
  heading: '7. Several processes, and missions of several steps',
  what:
    'The drain of the first cell by 1, 2, 4 and 8 worker processes on one database; they are loaded ' +
    'before the clock runs, and connect while it does. ' +
    `Then missions of ${CHAIN} steps, each of which can only be claimed when the one before is done, by one process; the ` +
    'others have no such thing, so opsloop is compared with itself.',
  async run({ postgres, quick, rounds: wanted, progress }) {
    const rounds = Math.min(wanted, MOST_ROUNDS);
    const steps = quick ? 5_000 : 50_000;
    const drainOf = (one, missions, perMission, count) =>
      postgres.use(async (url) => {
        await one.prepare(url);
        await one.fill(url, missions);
        return (missions * perMission) / (await drainTogether(one, url, count));
      });

    const title = '7a. Drain by several processes';
    const participants = [opsloop(), graphileWorker({ localQueue: true }), pgBoss({ batch: 100 })];
    const several = await inRounds({ rounds, participants, progress, title }, async (one) => {
      const result = {};
      for (const count of PROCESSES) result[count] = await drainOf(one, steps, 1, count);
      return result;
    });

    const chainTitle = '7b. Drain of missions';
    const single = { ...opsloop({ name: 'missions of 1 step' }), keeps: undefined };
    const chain = {
      ...opsloop({ name: `missions of ${CHAIN} steps`, plan: Array(CHAIN).fill('noop') }),
      keeps: undefined,
    };
    const both = { rounds, participants: [single, chain], progress, title: chainTitle };
    const chains = await inRounds(both, async (one) => {
      const perMission = one === chain ? CHAIN : 1;
      return { rate: await drainOf(one, steps / perMission, perMission, 1) };
    });
    return [
      {
        id: 'processes',
        title: `${title} (${steps.toLocaleString('en')} steps)`,
        unit: 'steps/s',
        better: 'more',
        rows: rowsOf(several, { 1: '1 process', 2: '2 processes', 4: '4 processes', 8: '8 processes' }),
      },
      {
        id: 'chains',
        title: `${chainTitle} (${steps.toLocaleString('en')} steps in all)`,
        unit: 'steps/s',
        better: 'more',
        rows: rowsOf(chains, { rate: '' }),
      },
    ];
  },
};
