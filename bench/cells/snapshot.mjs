import pg from 'pg';
import { startChild } from '../lib/children.mjs';
import { nowMs } from '../lib/clock.mjs';
import { withPool } from '../lib/postgres.mjs';
import { summary } from '../lib/report.mjs';
import { warm } from '../lib/warm.mjs';
import { opsloop } from '../participants/opsloop.mjs';

const RATE = 800;
const WINDOWS = 5;
const MINUTES = 10;
const QUICK_MINUTES = 0.3;
const TELL_MS = 30_000;

const WITHOUT = { name: 'no snapshot', isHeld: false };
const HELD = { name: 'snapshot held', isHeld: true };

/** A transaction that sees the database as it is now, and so keeps everything that dies later from being cleaned up. */
async function holdSnapshot(url) {
  const client = new pg.Client({ connectionString: url });
  // When the database goes first, its cell has failed already.
  client.on('error', () => undefined);
  await client.connect();
  await client.query('begin isolation level repeatable read');
  await client.query('select count(*) from ops_steps');
  return () => client.end();
}

async function measure(url, isHeld, minutes, progress) {
  const one = opsloop();
  await warm(one, url);
  const [producer, consumer] = [startChild('producer.mjs'), startChild('consumer.mjs')];
  await consumer.ask('start', { spec: one.spec, url, options: { concurrency: 500 } });
  await producer.ask('start', { spec: one.spec, url });
  await producer.ask('pace', { rate: RATE, seconds: 2, group: 'warm-up' });
  await consumer.ask('forget');
  const letGo = isHeld ? await holdSnapshot(url) : () => undefined;
  const from = nowMs();
  const tell = () => progress(`  ${Math.round((nowMs() - from) / 1_000)} s of ${minutes * 60} s`);
  const telling = setInterval(tell, TELL_MS);
  await producer
    .ask('pace', { rate: RATE, seconds: minutes * 60, group: 'paced' })
    .finally(() => clearInterval(telling));
  const left = await withPool(url, (pool) =>
    pool.query("select count(*)::integer as count from ops_steps where status in ('queued', 'running')"),
  );
  const windowMs = (minutes * 60_000) / WINDOWS;
  const times = (...names) => consumer.ask('times', { names, from, windowMs, windows: WINDOWS });
  const claims = await times('opsloop_claim');
  const looks = await times('opsloop_lanes', 'opsloop_peek');
  const { paced: waits } = await consumer.ask('waits');
  await letGo();
  await producer.stop();
  await consumer.stop();
  return { claims, looks, waits, backlog: left.rows[0].count };
}

export const snapshot = {
  name: 'snapshot',
  heading: '5. A held snapshot',
  what:
    `${RATE} steps a second are proposed by one process and worked by another while a REPEATABLE READ transaction stays ` +
    'open, so that no dead row can be removed, and the same without it. Claims, and the looks that find where work is, are ' +
    'timed where the worker asks for them. Measured once, not in rounds.',
  async run({ postgres, quick, minutes = quick ? QUICK_MINUTES : MINUTES, progress }) {
    const found = [];
    for (const one of [WITHOUT, HELD]) {
      progress(`5. ${one.name}`);
      found.push({ one, ...(await postgres.use((url) => measure(url, one.isHeld, minutes, progress))) });
    }
    const row = ({ one }, measureName, value) => ({
      participant: one.name,
      measure: measureName,
      result: summary([value]),
    });
    const minute = (n) => Number(((n * minutes) / WINDOWS).toFixed(2));
    const windowName = (share, n) => `${share}, minute ${minute(n)} to ${minute(n + 1)}`;
    const rowsOf = (name) =>
      ['p50', 'p99'].flatMap((share) =>
        found.flatMap((each) =>
          each[name].map((window, n) => row(each, windowName(share, n), window[share])),
        ),
      );
    const of = `under ${RATE} steps/s for ${minutes} min`;
    return [
      {
        id: 'snapshot-claim',
        title: `5a. Time of a claim ${of}`,
        unit: 'ms',
        better: 'less',
        rows: rowsOf('claims'),
      },
      {
        id: 'snapshot-look',
        title: `5b. Time of a look where work is ${of}`,
        unit: 'ms',
        better: 'less',
        rows: rowsOf('looks'),
      },
      {
        id: 'snapshot-wait',
        title: `5c. Wait for the start ${of}`,
        unit: 'ms',
        better: 'less',
        rows: found.flatMap((each) => [row(each, 'p50', each.waits.p50), row(each, 'p99', each.waits.p99)]),
      },
      {
        id: 'snapshot-backlog',
        title: `5d. Steps not worked at the end ${of}`,
        unit: 'steps',
        better: 'less',
        rows: found.map((each) => row(each, '', each.backlog)),
      },
    ];
  },
};
