import { offer } from '../lib/children.mjs';
import { nowMs, pause } from '../lib/clock.mjs';
import { until } from '../lib/postgres.mjs';
import { bySpec } from '../participants/by-spec.mjs';

/** A process that sends jobs, each marked with its group and the moment of the call. */
const TICK_MS = 10;
const PATIENCE_MS = 60_000;
let producer;
let sent = 0;
let allowed = 0;
let ending;
let flood;

const marks = (group, count) => Array.from({ length: count }, () => `${group} ${nowMs().toFixed(3)}`);

/** What is due, each tick, whether or not earlier calls have been answered. */
async function pace({ rate, seconds, group, agents = [undefined] }) {
  const calls = [];
  const began = nowMs();
  let count = 0;
  for (let elapsed = 0; elapsed < seconds * 1_000; elapsed = nowMs() - began) {
    const due = Math.floor((elapsed / 1_000) * rate) - count;
    if (due > 0 && agents.length === 1) calls.push(producer.send(marks(group, due), agents[0]));
    else
      for (let i = 0; i < due; i++)
        calls.push(producer.send(marks(group, 1), agents[(count + i) % agents.length]));
    count += due;
    sent += due;
    await pause(TICK_MS);
  }
  await Promise.all(calls);
  return { sent: count };
}

/** As fast as it is taken, some calls at a time, as far as it is allowed. */
async function keepFlooding({ group, agent, together, atOnce }, signal) {
  const one = async () => {
    while (!signal.aborted) {
      const count = Math.min(together, allowed - sent);
      if (count <= 0) await pause(1);
      else {
        sent += count;
        await producer.send(marks(group, count), agent);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

offer({
  async start({ spec, url }) {
    producer = await bySpec(spec).produce(url);
  },
  pace,
  flood(options) {
    allowed = options.allowed ?? 0;
    ending = new AbortController();
    flood = keepFlooding(options, ending.signal);
    flood.catch(() => undefined);
  },
  allow(count) {
    allowed = count;
  },
  async endFlood() {
    ending.abort();
    await flood;
    return sent;
  },
  sent: () => sent,
  /** Until all that is allowed was sent. */
  allSent: () => until(() => sent >= allowed, 5, PATIENCE_MS),
  stop: () => producer?.stop(),
});
