import { startChild } from '../lib/children.mjs';
import { pause } from '../lib/clock.mjs';
import { openClient } from '../lib/http-client.mjs';
import { until } from '../lib/postgres.mjs';
import { inRounds, rowsOf } from '../lib/rounds.mjs';
import { warm } from '../lib/warm.mjs';
import { opsloop, startApp } from '../participants/opsloop.mjs';
import { serveHttp } from '../../dist/index.js';

const OTHERS = Array.from({ length: 9 }, (_, n) => `other-${n + 1}`);
const SLOTS = 24;
const WORK_MS = 25;
const MOST_ROUNDS = 3;

async function makeAgents(url) {
  const app = await startApp(url, { parts: { worker: false }, migrate: false });
  const server = await serveHttp(app, { host: '127.0.0.1', port: 0 });
  const client = openClient(server.url);
  for (const agent of ['flooding', ...OTHERS]) await client.ask('PUT', `/api/ops/agents/${agent}`, {});
  client.close();
  await server.close();
  await app.stop(0);
}

/** The nine others alone for a while, then beside the one that floods, for as long as its steps wait. */
async function measure(url, flood, alone) {
  const one = opsloop();
  await warm(one, url);
  await makeAgents(url);
  const [producer, consumer] = [startChild('producer.mjs'), startChild('consumer.mjs')];
  const options = { concurrency: SLOTS, workMs: WORK_MS };
  await consumer.ask('start', { spec: one.spec, url, options });
  await producer.ask('start', { spec: one.spec, url });
  const others = { rate: OTHERS.length, agents: OTHERS };
  await producer.ask('pace', { ...others, seconds: alone, group: 'alone' });
  // As long as the slots need for the flood when none of them is ever free.
  const seconds = Math.floor((flood * WORK_MS) / SLOTS / 1_000);
  const before = await producer.ask('sent');
  await producer.ask('flood', {
    group: 'flooding',
    agent: 'flooding',
    together: 50,
    atOnce: 2,
    // What the others send counts too.
    allowed: before + flood + seconds * OTHERS.length,
  });
  await producer.ask('pace', { ...others, seconds, group: 'others' });
  await producer.ask('allSent');
  await producer.ask('endFlood');
  await until(async () => (await consumer.ask('started')) >= (await producer.ask('sent')), 50, 120_000);
  await pause(WORK_MS * 2);
  const waits = await consumer.ask('waits');
  await producer.stop();
  await consumer.stop();
  const named = (group, { p50, p99, max }) => ({
    [`${group} p50`]: p50,
    [`${group} p99`]: p99,
    [`${group} max`]: max,
  });
  return {
    ...named('alone', waits.alone),
    ...named('others', waits.others),
    ...named('flooding', waits.flooding),
  };
}

export const fairShare = {
  name: 'fair-share',
  heading: '7. Fair share',
  what:
    'One agent floods 20,000 proposals, as fast as they are taken, while nine others send one a second each. One process ' +
    `proposes for all of them, another works in ${SLOTS} slots steps that last ${WORK_MS} ms. The time from the call to the ` +
    'start of the step is taken for the nine, alone and beside the flood, and for the agent that floods.',
  async run({ postgres, quick, rounds, progress }) {
    const flood = quick ? 8_000 : 20_000;
    const alone = quick ? 5 : 20;
    const title = '7c. Fair share';
    const found = await inRounds(
      { rounds: Math.min(rounds, MOST_ROUNDS), participants: [{ name: 'opsloop' }], progress, title },
      () => postgres.use((url) => measure(url, flood, alone)),
    );
    const names = { alone: 'nine others, no flood', others: 'nine others', flooding: 'agent that floods' };
    const measures = Object.entries(names).flatMap(([group, name]) =>
      ['p50', 'p99', 'max'].map((share) => [`${group} ${share}`, `${name}, ${share}`]),
    );
    return [
      {
        id: 'fair-share',
        title: `${title}: wait for the start beside ${flood.toLocaleString('en')} proposals of one agent`,
        unit: 'ms',
        better: 'less',
        rows: rowsOf(found, Object.fromEntries(measures)),
      },
    ];
  },
};
