import { expect, onTestFinished, test } from 'vitest';
import type { Action } from '../../src/heartbeat/actions.ts';
import { type Heartbeat, startHeartbeat } from '../../src/heartbeat/heartbeat.ts';
import { silentLog } from '../../src/log.ts';
import type { Database } from '../../src/db/database.ts';
import { useDatabase } from '../support/database.ts';
import { eventually } from '../support/loop.ts';

const db = useDatabase();
const HOUR_MS = 3_600_000;

function start(database: Database, intervalMs: number, actions: readonly Action[] = []): Heartbeat {
  const heartbeat = startHeartbeat(database, { intervalMs, log: silentLog(), actions });
  onTestFinished(() => heartbeat.close());
  return heartbeat;
}

async function beats(): Promise<{ asked_by: string; finished: boolean }[]> {
  return db.database.query(
    'select asked_by, finished_at is not null as finished from ops_beats order by started_at',
  );
}

/** As if the last beat had ended so long ago. */
async function lastBeatWas(age: string | null): Promise<void> {
  await db.database.query('delete from ops_beats');
  if (age === null) return;
  await db.database.query(
    `insert into ops_beats (id, started_at, finished_at, lease_expires_at, asked_by)
     values (gen_random_uuid(), now() - $1::interval, now() - $1::interval, now() - $1::interval, 'the last')`,
    [age],
  );
}

/** The timer looks at once; closing waits for what that look began. */
async function lookOnce(...heartbeats: Heartbeat[]): Promise<void> {
  await Promise.all(heartbeats.map((heartbeat) => heartbeat.close()));
}

test('an installation without a beat gets one at once', async () => {
  await lastBeatWas(null);
  await lookOnce(start(db.database, HOUR_MS));
  expect(await beats()).toEqual([{ asked_by: 'timer', finished: true }]);
});

test('a recent beat, whoever asked for it, is enough', async () => {
  await lastBeatWas('59 minutes');
  await lookOnce(start(db.database, HOUR_MS));
  expect(await beats()).toEqual([{ asked_by: 'the last', finished: true }]);
});

test('two processes beat once when it is due, however their looks fall', async () => {
  const other = db.open(4);
  for (let round = 0; round < 20; round++) {
    await lastBeatWas('61 minutes');
    await lookOnce(start(db.database, HOUR_MS), start(other, HOUR_MS));
    expect((await beats()).map(({ asked_by }) => asked_by)).toEqual(['the last', 'timer']);
  }
});

test('a process that looked before the other beat and begins after it does not beat again', async () => {
  await lastBeatWas('61 minutes');
  const late = db.open(4);
  const { transaction } = late;
  late.transaction = async (work) => {
    // Its look is over, its beat not begun; the other one beats meanwhile, from beginning to end.
    await lookOnce(start(db.database, HOUR_MS));
    return transaction(work);
  };
  await lookOnce(start(late, HOUR_MS));
  expect((await beats()).map(({ asked_by }) => asked_by)).toEqual(['the last', 'timer']);
});

test('the beat of a process that died in it does not keep the timer from beating', async () => {
  await lastBeatWas('61 minutes');
  await db.database.query(
    `insert into ops_beats (id, lease_expires_at, asked_by)
     values (gen_random_uuid(), clock_timestamp() - interval '1 second', 'the dead')`,
  );
  await lookOnce(start(db.database, HOUR_MS));
  expect(await beats()).toEqual([
    { asked_by: 'the last', finished: true },
    { asked_by: 'timer', finished: true },
  ]);
});

test('it goes on beating, at its interval', async () => {
  await lastBeatWas(null);
  const heartbeat = start(db.database, 100);
  await eventually(async () => (await beats()).length >= 3);
  await heartbeat.close();
  const gaps = await db.database.query<{ ms: number }>(
    `select extract(epoch from started_at - lag(finished_at) over (order by started_at))::float8 * 1000 as ms
     from ops_beats order by started_at offset 1`,
  );
  for (const { ms } of gaps) expect(ms).toBeGreaterThanOrEqual(100);
});

test('a beat that fails is tried again, and the timer lives', async () => {
  await lastBeatWas(null);
  let failures = 0;
  const database = db.open(4);
  const { transaction } = database;
  database.transaction = (work) =>
    failures++ < 2 ? Promise.reject(new Error('not now')) : transaction(work);
  const heartbeat = start(database, 100);
  await eventually(async () => (await beats()).length >= 1);
  expect(failures).toBeGreaterThan(2);
  await heartbeat.close();
});
