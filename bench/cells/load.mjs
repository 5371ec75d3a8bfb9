import { startChild } from '../lib/children.mjs';
import { nowMs, pause } from '../lib/clock.mjs';
import { until } from '../lib/postgres.mjs';
import { number } from '../lib/report.mjs';
import { inRounds, rowsOf } from '../lib/rounds.mjs';
import { warm } from '../lib/warm.mjs';
import { graphileWorker } from '../participants/graphile-worker.mjs';
import { opsloop } from '../participants/opsloop.mjs';
import { pgBoss } from '../participants/pg-boss.mjs';

const SHARES = [50, 70, 90];
/** The most that may be sent and not started while the maximum is looked for. */
const AHEAD = 2_000;
/** Fresh processes are slow for a moment; what is taken for their maximum must not be. */
const FIRST_WARM_UP_SECONDS = 3;
const WARM_UP_SECONDS = 1;

/** Steps started a second when the producer sends whatever is taken. */
async function findMaximum(producer, consumer, seconds) {
  await producer.ask('flood', { group: 'flood', together: 50, atOnce: 8 });
  const from = { at: nowMs() + FIRST_WARM_UP_SECONDS * 1_000 };
  const end = from.at + seconds * 1_000;
  let started = 0;
  while (nowMs() < end) {
    started = await consumer.ask('started');
    if (from.started === undefined && nowMs() >= from.at) Object.assign(from, { at: nowMs(), started });
    await producer.ask('allow', started + AHEAD);
    await pause(20);
  }
  const rate = ((started - from.started) * 1_000) / (nowMs() - from.at);
  await untilWorkedOff(consumer, await producer.ask('endFlood'));
  return rate;
}

const untilWorkedOff = (consumer, sent) =>
  until(async () => (await consumer.ask('started')) >= sent, 20, 120_000);

/** How long jobs wait for their start at this rate, once it has run for a moment. */
async function waitsAt(rate, seconds, producer, consumer) {
  await producer.ask('pace', { rate, seconds: WARM_UP_SECONDS, group: 'warm-up' });
  await producer.ask('pace', { rate, seconds, group: 'paced' });
  await untilWorkedOff(consumer, await producer.ask('sent'));
  const { paced } = await consumer.ask('waits');
  await consumer.ask('forget');
  return paced;
}

export const load = {
  name: 'load',
  heading: '2. Sustained load',
  what:
    'One process sends jobs, another works them; both run beside the database, which holds 5,000 finished jobs. First the maximum is looked for: the ' +
    'producer sends whatever is taken, never more than 2,000 ahead of the workers, so the slower of the two decides. Then it sends 50, 70 and 90 % of this ' +
    'maximum, every 10 ms what is due, without waiting for answers, and the time from the call to the start of the job is ' +
    'taken. Each participant is measured at shares of its own maximum. For graphile-worker and pg-boss what is due is one ' +
    'statement; opsloop gets single proposals, which it joins itself. pg-boss works with LISTEN, batches of 100, polls ' +
    'every 0.5 s (the shortest it allows) and goes on at once after a full batch.',
  async run({ postgres, quick, rounds, minutes, progress }) {
    const seconds = minutes ? minutes * 60 : quick ? 3 : 20;
    const participants = [
      opsloop(),
      graphileWorker({ localQueue: true }),
      pgBoss({ batch: 100, listen: true }),
    ];
    const found = await inRounds({ rounds, participants, progress, title: '2. Sustained load' }, (one) =>
      postgres.use(async (url) => {
        await warm(one, url);
        const [producer, consumer] = [startChild('producer.mjs'), startChild('consumer.mjs')];
        await consumer.ask('start', { spec: one.spec, url, options: { concurrency: 500 } });
        await producer.ask('start', { spec: one.spec, url });
        const result = { maximum: await findMaximum(producer, consumer, Math.min(seconds, 10)) };
        await consumer.ask('forget');
        for (const share of SHARES) {
          const rate = (result.maximum * share) / 100;
          const { p50, p99, p999 } = await waitsAt(rate, seconds, producer, consumer);
          Object.assign(result, { [`p50 ${share}`]: p50, [`p99 ${share}`]: p99, [`p999 ${share}`]: p999 });
        }
        await producer.stop();
        await consumer.stop();
        return result;
      }),
    );
    const maxima = rowsOf(found, { maximum: '' });
    const note = `The maxima: ${maxima.map((row) => `${row.participant} ${number(row.result.median)}/s`).join('; ')}.`;
    return [
      {
        id: 'load-maximum',
        title: '2. Maximum with a producer beside the workers',
        unit: 'steps/s',
        better: 'more',
        rows: maxima,
      },
      ...SHARES.map((share) => ({
        id: `load-${share}`,
        title: `2. Wait for the start at ${share} % of the own maximum (${seconds} s)`,
        note,
        unit: 'ms',
        better: 'less',
        rows: rowsOf(found, {
          [`p50 ${share}`]: 'p50',
          [`p99 ${share}`]: 'p99',
          [`p999 ${share}`]: 'p99.9',
        }),
      })),
    ];
  },
};
