import { startChild } from '../lib/children.mjs';
import { pause } from '../lib/clock.mjs';
import { withPool } from '../lib/postgres.mjs';
import { inRounds, rowsOf } from '../lib/rounds.mjs';
import { warm } from '../lib/warm.mjs';
import { opsloop } from '../participants/opsloop.mjs';

const SLOTS = 200;
const REAL_SECONDS = { from: 30, to: 30 * 60 };
const MOST_ROUNDS = 3;
const BODY =
  'The pump failed twice in May. It was ten years old. Nobody had looked at it since March. '.repeat(20);

/** `factor`: so much shorter are the calls; `seconds`: so long it is measured. */
const compressed = (factor, seconds) => ({ name: `1:${factor}`, factor, seconds });

/** Calls a second when every slot is always in use: their mean length is that of evenly spread logarithms. */
function mostCallsPerSecond(fromMs, toMs) {
  const mean = (toMs - fromMs) / Math.log(toMs / fromMs);
  return (SLOTS * 1_000) / mean;
}

async function measure(url, { factor, seconds }) {
  const [fromMs, toMs] = [REAL_SECONDS.from, REAL_SECONDS.to].map((real) => (real * 1_000) / factor);
  const one = opsloop({ plan: ['analyze'], agents: ['pm', 'research'], body: BODY });
  await warm(opsloop(), url);
  await one.prepare(url);
  const rampUpMs = toMs + 2_000;
  // At first all slots begin at once and the short calls end first, so more begin than later on.
  const mostCalls = (seconds + rampUpMs / 1_000) * mostCallsPerSecond(fromMs, toMs);
  await one.fill(url, Math.ceil(1.2 * mostCalls) + 2 * SLOTS);

  const model = startChild('model-server.mjs');
  const address = await model.ask('start', { slots: SLOTS, fromMs, toMs });
  const worker = startChild('opsloop.mjs');
  const env = { OPSLOOP_LLM: 'ollama:small', OPS_MODEL_RESEARCH: 'large', OLLAMA_URL: address };
  await worker.ask('start', { url, options: { modelSlots: SLOTS, env } });
  const { rssMb: rssIdle } = await worker.ask('usage');
  // By then the first calls have ended at times of their own, and no longer all together.
  await pause(rampUpMs);
  await worker.ask('resetUsage', { watchLoop: true });
  await model.ask('begin');
  await pause(seconds * 1_000);
  const [report, usage] = [await model.ask('report'), await worker.ask('usage')];
  return withPool(url, async (pool) => {
    const left = await pool.query("select count(*)::integer as count from ops_steps where status = 'queued'");
    if (left.rows[0].count === 0) throw new Error('there were too few proposals for the time');
    await worker.ask('end', toMs + 5_000);
    await worker.stop();
    const kept = await pool.query(
      `select sum((output -> 'usage' ->> 'output_tokens')::integer)::integer as tokens
       from ops_steps where status = 'completed' and kind = 'analyze'`,
    );
    const lost = (await model.ask('tokens')) - kept.rows[0].tokens;
    await model.stop();
    return { ...report, ...usage, rssIdle, lost };
  });
}

export const models = {
  name: 'models',
  heading: '8. Many model calls',
  what:
    `One worker process with ${SLOTS} slots and a simulated server that speaks Ollama's wire format: streamed lines, 30 ` +
    'tokens a second for each call. A call of reality lasts from 30 s to 30 min, evenly spread over its logarithm; here ' +
    'its length is divided (1:600 makes it 50 ms to 3 s), so calls begin and end that much more often than they would, ' +
    'while the tokens a second are those of reality. Two agents use two models in turn. The server sees when a call ends ' +
    'and when the next one comes to its place, and counts a reload when the model is another than before there. Tokens ' +
    'are lost when the server has spoken them and no completed step holds them.',
  async run({ postgres, quick, rounds, minutes, progress }) {
    const forms = quick
      ? [compressed(600, minutes ? minutes * 60 : 10)]
      : [compressed(600, (minutes ?? 1) * 60), compressed(60, (minutes ?? 3) * 60)];
    const title = '8. Many model calls';
    const found = await inRounds(
      { rounds: Math.min(rounds, MOST_ROUNDS), participants: forms, progress, title },
      (one) => postgres.use((url) => measure(url, one)),
    );
    const what = `${SLOTS} calls at once`;
    const oneTable = (id, titleText, unit, better, names) => ({
      id: `models-${id}`,
      title: `${titleText}, ${what}`,
      unit,
      better,
      rows: rowsOf(found, names),
    });
    return [
      oneTable('slots', '8a. Share of the time that a slot is in use', '%', 'more', { used: '' }),
      oneTable('rate', '8b. Calls begun', 'calls/s', 'more', { calls: '' }),
      oneTable('wait', '8c. End of a call to the next request in its place', 'ms', 'less', {
        waitP50: 'p50',
        waitP99: 'p99',
        waitMax: 'max',
      }),
      oneTable('loop', '8d. Delay of the event loop of the worker', 'ms', 'less', {
        loopP99: 'p99',
        loopMax: 'max',
      }),
      oneTable('memory', '8e. Resident memory of the worker', 'MB', 'less', {
        rssIdle: 'before',
        rssMb: 'at the end',
      }),
      oneTable('lost', '8f. Tokens that no completed step holds', 'tokens', 'less', { lost: '' }),
      oneTable('reloads', '8g. Calls for which a server with one model a place loads another', '%', 'less', {
        reloads: '',
      }),
    ];
  },
};
