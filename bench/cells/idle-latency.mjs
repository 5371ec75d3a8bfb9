import { startChild } from '../lib/children.mjs';
import { nowMs, somePause } from '../lib/clock.mjs';
import { openClient } from '../lib/http-client.mjs';
import { percentiles } from '../lib/report.mjs';
import { inRounds, rowsOf } from '../lib/rounds.mjs';
import { graphileWorker } from '../participants/graphile-worker.mjs';
import { opsloop } from '../participants/opsloop.mjs';
import { pgBoss } from '../participants/pg-boss.mjs';

/** The first samples meet a process that is still warming up. */
const withoutFirst = (values) => percentiles(values.slice(Math.ceil(values.length / 10)));
const PAUSE_MS = [20, 40];
const PATIENCE_MS = 10_000;

const ONE = { name: 'server and worker in one process' };
const TWO = { name: 'server and worker in two processes' };

/** From POST to the first step's start, and from there, which is where the step ends too, to the second's. */
async function overHttp(url, isOneProcess, samples) {
  await opsloop({ plan: ['noop', 'noop'] }).prepare(url);
  const server = startChild('opsloop.mjs');
  const worker = isOneProcess ? server : startChild('opsloop.mjs');
  const address = await server.ask('start', {
    url,
    http: true,
    options: { parts: { worker: isOneProcess } },
  });
  if (!isOneProcess) await worker.ask('start', { url });
  const client = openClient(address);
  const begin = [];
  const next = [];
  for (let i = 0; i < samples; i++) {
    const title = `Sample ${i}`;
    const starts = worker.ask('startsOf', { title, last: 2 });
    await somePause(...PAUSE_MS);
    const began = nowMs();
    await client.propose(title);
    const [first, second] = await starts;
    begin.push(first - began);
    next.push(second - first);
  }
  client.close();
  await server.stop();
  if (!isOneProcess) await worker.stop();
  const [a, b] = [withoutFirst(begin), withoutFirst(next)];
  return { beginP50: a.p50, beginP99: a.p99, nextP50: b.p50, nextP99: b.p99 };
}

/** From the call to the start of the job, both in this process. */
async function byCall(one, url, samples) {
  await one.prepare(url);
  const waits = [];
  let wake;
  const onStart = (mark) => wake(nowMs() - Number(mark));
  const consumer = await one.consume(url, { concurrency: 24, onStart });
  const tooLong = () => wake(PATIENCE_MS);
  for (let i = 0; i < samples; i++) {
    await somePause(PAUSE_MS[0], PAUSE_MS[1] + (one.pollMs ?? 0));
    const started = new Promise((resolve) => (wake = resolve));
    const timer = setTimeout(tooLong, PATIENCE_MS);
    await consumer.send([`${nowMs()}`]);
    waits.push(await started);
    clearTimeout(timer);
  }
  await consumer.stop();
  return withoutFirst(waits);
}

export const idleLatency = {
  name: 'idle-latency',
  isQuick: true,
  heading: '3. Idle latency',
  what:
    'How soon an idle system begins. A client in a process of its own POSTs one proposal at a time, 20 to 40 ms after the ' +
    'last one was worked, and the time to the start of its step is taken, then the time from the end of this step (it does ' +
    'nothing) to the start of the next step of the mission. For comparison one job at a time is given by a call within ' +
    'one process: propose() of opsloop, addJob() of graphile-worker, send() of pg-boss. Who polls is called at times ' +
    'that do not follow its polling.',
  async run({ postgres, quick, rounds, progress }) {
    const samples = quick ? 40 : 300;
    const title = '3a. Idle latency over HTTP';
    const http = await inRounds({ rounds, participants: [ONE, TWO], progress, title }, (one) =>
      postgres.use((url) => overHttp(url, one === ONE, samples)),
    );
    const callTitle = '3b. Idle latency of a call';
    const participants = [
      opsloop(),
      graphileWorker({ localQueue: false }),
      graphileWorker({ localQueue: true }),
      pgBoss({ batch: 1, listen: true }),
      pgBoss({ batch: 1 }),
    ];
    const calls = await inRounds({ rounds, participants, progress, title: callTitle }, (one) =>
      postgres.use((url) => byCall(one, url, one.pollMs ? Math.ceil(samples / 5) : samples)),
    );
    return [
      {
        id: 'idle-http',
        title: `${title} (${samples} samples a round)`,
        unit: 'ms',
        better: 'less',
        rows: rowsOf(http, {
          beginP50: 'POST to step started, p50',
          beginP99: 'POST to step started, p99',
          nextP50: 'end of a step to next step started, p50',
          nextP99: 'end of a step to next step started, p99',
        }),
      },
      {
        id: 'idle-call',
        title: `${callTitle} to the start of its job, one process`,
        unit: 'ms',
        better: 'less',
        rows: rowsOf(calls, { p50: 'p50', p99: 'p99' }),
      },
    ];
  },
};
