import { readFileSync } from 'node:fs';
import { pause } from '../lib/clock.mjs';
import { withPool } from '../lib/postgres.mjs';
import { percentiles, summary } from '../lib/report.mjs';
import { opsloop, startApp } from '../participants/opsloop.mjs';

const STEPS_EACH = 10;
const SIZES = [0, 1_000_000, 10_000_000];
const QUICK_SIZES = [0, 100_000];
const SQL = readFileSync(new URL('../history.sql', import.meta.url), 'utf8');
const PROPOSALS = { alone: 500, together: 20_000 };
const STATEMENTS = { opsloop_claim: 'claim', opsloop_complete: 'completion' };

/** Finished steps by bulk insert, with their missions, proposals and sealed events. */
const addHistory = (url, steps) =>
  withPool(url, async (pool) => {
    const client = await pool.connect();
    const missions = steps / STEPS_EACH;
    const values = { missions, steps: STEPS_EACH, batch: 5_000 };
    await client.query(SQL.replaceAll(/\{(\w+)\}/g, (_, name) => values[name]));
    client.release();
    await pool.query('vacuum analyze');
    await pool.query('checkpoint');
  });

/** How long claims and completions take, for steps one after the other, and for a backlog in batches of 500. */
async function measure(url, steps) {
  const one = opsloop();
  await one.prepare(url);
  if (steps > 0) await addHistory(url, steps);
  const times = {};
  let form = 'warm-up';
  const onQuery = (name, _began, ms) => {
    const statement = STATEMENTS[name];
    if (statement) (times[`${statement}, ${form}`] ??= []).push(ms);
  };
  const app = await startApp(url, { migrate: false, onQuery });
  const propose = (title) => app.propose({ agentId: 'pm', kind: 'noop', title, body: null, by: 'bench' });
  for (let n = 0; n < PROPOSALS.alone * 1.2; n++) {
    if (n === PROPOSALS.alone * 0.2) form = 'one step at a time';
    await propose(`Alone ${n}`);
    await pause(5);
  }
  await app.stop(0);
  form = 'batches of 500';
  await one.fill(url, PROPOSALS.together);
  const worker = await startApp(url, { migrate: false, onQuery });
  await withPool(url, async (pool) => {
    const isDone = async () => (await pool.query('select from ops_steps where ready limit 1')).rowCount === 0;
    while (!(await isDone())) await pause(50);
  });
  await worker.stop(5_000);
  return Object.fromEntries(Object.entries(times).map(([name, values]) => [name, percentiles(values).p50]));
}

export const history = {
  name: 'history',
  heading: '6. A long history',
  what:
    'Claim and completion of new steps beside none, 1 million and 10 million finished ones, which bulk inserts have put ' +
    `there with their proposals, missions of ${STEPS_EACH} steps and sealed events: ${PROPOSALS.alone} steps one after ` +
    `the other, then a backlog of ${PROPOSALS.together.toLocaleString('en')} in batches. Each figure is the median of ` +
    'one statement, as the worker waits for it. Measured once.',
  async run({ postgres, quick, progress }) {
    const rows = [];
    for (const size of quick ? QUICK_SIZES : SIZES) {
      const participant = `${size.toLocaleString('en')} finished steps`;
      progress(`6. ${participant}`);
      const found = await postgres.use((url) => measure(url, size));
      for (const [name, p50] of Object.entries(found))
        if (!name.endsWith('warm-up')) rows.push({ participant, measure: name, result: summary([p50]) });
    }
    rows.sort((a, b) => a.measure.localeCompare(b.measure));
    return [{ id: 'history', title: '6. Claim and completion, p50', unit: 'ms', better: 'less', rows }];
  },
};
