import { expect, onTestFinished, test, vi } from 'vitest';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { type Action, ACTIONS } from '../../src/heartbeat/actions.ts';
import { type Heartbeat, startHeartbeat } from '../../src/heartbeat/heartbeat.ts';
import { silentLog } from '../../src/log.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { getStep } from '../../src/steps/steps.ts';
import { makeLink } from '../../chaos/proxy/link.ts';
import { startTcpProxy } from '../http/tcp-proxy.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';
import { eventsOf, gate } from '../support/worker.ts';

const db = useDatabase();

/** A heartbeat whose timer has nothing to do: somebody's beat has just ended. */
async function useHeartbeat(
  actions: readonly Action[] = ACTIONS,
  database: Database = db.database,
): Promise<Heartbeat> {
  await db.database.query(
    `insert into ops_beats (id, started_at, finished_at, lease_expires_at, asked_by)
     values (gen_random_uuid(), clock_timestamp(), clock_timestamp(), clock_timestamp(), 'nobody')`,
  );
  const heartbeat = startHeartbeat(database, { intervalMs: 3_600_000, log: silentLog(), actions });
  onTestFinished(() => heartbeat.close());
  return heartbeat;
}

/** Resolves when the next transaction of this pool is over: a beat was begun, or one to join was found. */
function afterTransaction(database: Database): Promise<void> {
  const over = gate();
  const { transaction } = database;
  database.transaction = async (work) => {
    try {
      return await transaction(work);
    } finally {
      database.transaction = transaction;
      over.open();
    }
  };
  return over.opened;
}

async function beatRow(id: string): Promise<{ asked_by: string; finished: boolean } | undefined> {
  const [row] = await db.database.query<{ asked_by: string; finished: boolean }>(
    'select asked_by, finished_at is not null as finished from ops_beats where id = $1',
    [id],
  );
  return row;
}

test('a beat runs every action, records each with its duration, and is an event', async () => {
  const heartbeat = await useHeartbeat();
  const beat = await heartbeat.beat('key:ann');
  expect(beat.joined).toBe(false);
  expect(beat.actions).toMatchObject([
    { action: 'recoverStaleSteps', status: 'ok', beat_id: beat.id, details: { requeued: 0, failed: 0 } },
    { action: 'forgetOldAnswers', status: 'ok', beat_id: beat.id, details: { deleted: 0 } },
    { action: 'countEvents', status: 'ok', beat_id: beat.id, details: { minutes_dropped: 0 } },
    {
      action: 'logHeartbeat',
      status: 'ok',
      beat_id: beat.id,
      details: {
        asked_by: 'key:ann',
        actions: [
          { action: 'recoverStaleSteps', status: 'ok' },
          { action: 'forgetOldAnswers', status: 'ok' },
          { action: 'countEvents', status: 'ok' },
        ],
      },
    },
  ]);
  for (const { duration_ms } of beat.actions) expect(duration_ms).toBeGreaterThanOrEqual(0);
  expect(await beatRow(beat.id)).toEqual({ asked_by: 'key:ann', finished: true });
  const events = await eventsOf(db.database, beat.id);
  expect(events.map((event) => event.kind)).toEqual([
    'heartbeat.action',
    'heartbeat.action',
    'heartbeat.action',
    'heartbeat.action',
    'heartbeat.beat',
  ]);
  expect(events.at(-1)?.payload).toMatchObject({
    cause: { by: 'key:ann' },
    actions: [{ status: 'ok' }, { status: 'ok' }, { status: 'ok' }],
  });
});

test('a beat takes back what runs longer than policy allows, per kind', async () => {
  await openPolicy(db.database);
  await proposer(db.database)();
  const { id } = await (await testWorker(db.database)).claimOne();
  await db.database.query(`update ops_steps set claimed_at = now() - interval '31 minutes' where id = $1`, [
    id,
  ]);
  const heartbeat = await useHeartbeat();
  const limits = { after_minutes: 30, max_failures: 3 };

  await setPolicy(db.database, 'stale_steps', { ...limits, per_kind: { analyze: 60 } }, 'test');
  expect((await heartbeat.beat('test')).actions[0]?.details).toEqual({ requeued: 0, failed: 0 });
  expect((await getStep(db.database, id)).status).toBe('running');

  await setPolicy(db.database, 'stale_steps', limits, 'test');
  expect((await heartbeat.beat('test')).actions[0]?.details).toEqual({ requeued: 1, failed: 0 });
  expect(await getStep(db.database, id)).toMatchObject({
    status: 'queued',
    ready: true,
    failures: 1,
    failure: { class: 'stale' },
  });
});

test('answers to repeats are forgotten after 7 days and not before', async () => {
  await db.database.query(
    `insert into ops_idempotency (owner, idempotency_key, request_digest, status, answer, created_at)
     select 'key:ann', age, 'd', 201, '{}', now() - age::interval
     from unnest(array['7 days 1 second', '30 days', '6 days 23 hours', '0 days']) as age`,
  );
  const heartbeat = await useHeartbeat();
  expect((await heartbeat.beat('test')).actions[1]).toMatchObject({ status: 'ok', details: { deleted: 2 } });
  const left = await db.database.query(
    'select idempotency_key as age from ops_idempotency order by created_at',
  );
  expect(left).toEqual([{ age: '6 days 23 hours' }, { age: '0 days' }]);
  expect((await heartbeat.beat('test')).actions[1]?.details).toMatchObject({ deleted: 0 });
});

test('calls at once, in two processes, share one beat', async () => {
  const entered = gate();
  const hold = gate();
  let runs = 0;
  const slow: Action = {
    name: 'slow',
    async run() {
      runs++;
      entered.open();
      await hold.opened;
      return { runs };
    },
  };
  const here = await useHeartbeat([slow]);
  const other = db.open(4);
  const there = await useHeartbeat([slow], other);
  const first = here.beat('first');
  await entered.opened;
  const looked = afterTransaction(other);
  const rest = Array.from({ length: 9 }, (_, n) => (n % 2 ? here : there).beat(`also ${n}`));
  await looked;
  hold.open();
  const beats = await Promise.all([first, ...rest]);
  expect(runs).toBe(1);
  expect(new Set(beats.map(({ id }) => id)).size).toBe(1);
  expect(beats.map(({ joined }) => joined)).toEqual([false, ...rest.map(() => true)]);
  for (const { actions } of beats)
    expect(actions.map(({ action }) => action)).toEqual(['slow', 'logHeartbeat']);
});

test('an action that throws is recorded, and the others run', async () => {
  const fails: Action = { name: 'fails', run: () => Promise.reject(new Error('it could not')) };
  const silly: Action = {
    name: 'silly',
    run() {
      throw 'a text\0' as unknown;
    },
  };
  const heartbeat = await useHeartbeat([fails, silly, ...ACTIONS]);
  const { id, actions } = await heartbeat.beat('test');
  expect(actions.map(({ action, status }) => [action, status])).toEqual([
    ['fails', 'error'],
    ['silly', 'error'],
    ['recoverStaleSteps', 'ok'],
    ['forgetOldAnswers', 'ok'],
    ['countEvents', 'ok'],
    ['logHeartbeat', 'ok'],
  ]);
  expect(actions.map(({ details }) => details?.error)).toEqual([
    'it could not',
    'a text\uFFFD',
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect(await beatRow(id)).toMatchObject({ finished: true });
});

test('the beat of a process that died is superseded when its lease is over, and waited for before', async () => {
  const patient = db.open(2);
  const heartbeat = await useHeartbeat([], patient);
  const [dead] = await db.database.query<{ id: string }>(
    `insert into ops_beats (id, lease_expires_at, asked_by)
     values (gen_random_uuid(), clock_timestamp() + interval '2 minutes', 'the dead') returning id`,
  );
  const id = dead?.id ?? '';
  const looked = afterTransaction(patient);
  const joining = heartbeat.beat('patient');
  await looked;
  await db.database.query(
    `update ops_beats set lease_expires_at = clock_timestamp() - interval '1 second' where id = $1`,
    [id],
  );
  const other = await useHeartbeat([], db.open(2));
  const fresh = await other.beat('successor');
  expect(fresh).toMatchObject({ joined: false });
  expect(fresh.id).not.toBe(id);
  expect(await beatRow(id)).toBeUndefined();
  expect(await joining).toMatchObject({ id, joined: true });
});

test('a beat that takes long is renewed as long as its process is at it', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const [begun, over] = [gate(), gate()];
  const action: Action = {
    name: 'long',
    async run() {
      begun.open();
      await over.opened;
      return {};
    },
  };
  const beating = (await useHeartbeat([action])).beat('a');
  await begun.opened;
  await db.database.query(
    'update ops_beats set lease_expires_at = clock_timestamp() where finished_at is null',
  );
  vi.advanceTimersToNextTimer();
  const held = () =>
    db.database.query(
      'select from ops_beats where finished_at is null and lease_expires_at > clock_timestamp()',
    );
  await expect.poll(held).toHaveLength(1);
  over.open();
  expect(await beating).toMatchObject({ joined: false });
  expect(vi.getTimerCount()).toBe(0);
});

test('a beat that breaks off does not stand in the way of the next one', async () => {
  const heartbeat = await useHeartbeat([{ name: 'circular', run: () => Promise.resolve(circle()) }]);
  await expect(heartbeat.beat('test')).rejects.toThrow(/circular/i);
  expect(await db.database.query('select from ops_beats where finished_at is null')).toEqual([]);
  const other = await useHeartbeat([], db.open(2));
  expect(await other.beat('next')).toMatchObject({ joined: false });
});

test('a beat whose database went away in the middle is taken back as soon as that is there again', async () => {
  const proxy = await startTcpProxy(db.directUrl);
  const cut = openDatabase(proxy.url, { log: silentLog(), max: 2, listenUrl: null });
  const breaking = await useHeartbeat(
    [{ name: 'loseDatabase', run: async () => ({ cut: await proxy.cut() }) }],
    cut,
  );
  await expect(breaking.beat('a')).rejects.toThrow(/does not answer/);
  await proxy.restore();
  const unfinished = () => db.database.query('select from ops_beats where finished_at is null');
  await expect.poll(unfinished, { timeout: 10_000 }).toEqual([]);
  const other = await useHeartbeat([]);
  expect(await other.beat('b')).toMatchObject({ joined: false });
  await breaking.close();
  await cut.close();
});

test('a beat whose begin was committed without an answer does not stand in the way of the next one', async () => {
  const link = await makeLink('x', Number(new URL(db.directUrl).port), 'postgres');
  const address = Object.assign(new URL(db.directUrl), { port: String(link.port) });
  const cut = openDatabase(address.href, { log: silentLog(), max: 2, listenUrl: null });
  const breaking = await useHeartbeat([], cut);
  link.set({ kind: 'lose-replies' });
  // Every second answer to a COMMIT is lost.
  await cut.transaction((tx) => tx.query('select 1'));
  await expect(breaking.beat('a')).rejects.toThrow('COMMIT');
  link.set({ kind: 'pass' });
  const unfinished = () => db.database.query('select from ops_beats where finished_at is null');
  await expect.poll(unfinished, { timeout: 10_000 }).toEqual([]);
  await breaking.close();
  await cut.close();
});

test('closing does not wait for the beat of another process', async () => {
  const heartbeat = await useHeartbeat([]);
  await db.database.query(
    `insert into ops_beats (id, lease_expires_at, asked_by)
     values (gen_random_uuid(), clock_timestamp() + interval '2 minutes', 'the dead')`,
  );
  const joining = heartbeat.beat('test');
  const outcome = expect(joining).rejects.toMatchObject({ code: 'timed_out' });
  await heartbeat.close();
  await outcome;
  await db.database.query('update ops_beats set finished_at = clock_timestamp() where finished_at is null');
});

function circle(): Record<string, unknown> {
  const one: Record<string, unknown> = {};
  one.self = one;
  return one;
}
