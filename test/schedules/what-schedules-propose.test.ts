import { beforeEach, expect, test } from 'vitest';
import { setPolicy } from '../../src/policy/policy.ts';
import {
  changeSchedule,
  getSchedule,
  pauseSchedule,
  removeSchedule,
  resumeSchedule,
} from '../../src/schedules/schedules.ts';
import { takeDue } from '../../src/schedules/take-due.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, readLog } from '../support/loop.ts';
import { add, date, partsOf, proposedFor, takeAll } from '../support/schedules.ts';

const db = useDatabase();
beforeEach(async () => {
  await openPolicy(db.database);
  await db.database.query('delete from ops_schedules');
});

const MINUTE = 60_000;
const now = new Date();
const ago = (minutes: number) => new Date(now.getTime() - minutes * MINUTE);
const proposals = (name: string) =>
  db.database.query(
    `select status, agent_id, kind, title, body, priority, run_at, decision ->> 'reason' as reason
    from ops_proposals where created_by = $1 order by id`,
    [`schedule:${name}`],
  );

test('a due time becomes a proposal like any other, decided by policy, and the schedule moves on', async () => {
  const row = await add(db.database, { cron: '0 * * * *', body: 'Details.', priority: 7 });
  await date(db.database, row.name, ago(0));
  await takeAll([partsOf(db.database)], now);
  expect(await proposals(row.name)).toEqual([
    {
      status: 'approved',
      agent_id: 'pm',
      kind: 'analysis',
      title: 'Look around',
      body: 'Details.',
      priority: 7,
      run_at: ago(0),
      reason: expect.stringContaining('auto_approve'),
    },
  ]);
  const moved = await getSchedule(db.database, row.name);
  expect(moved).toMatchObject({ version: 2, last_due_at: ago(0), last_proposal_id: expect.any(String) });
  expect(moved.next_due_at?.getTime()).toBeGreaterThan(now.getTime());
});

test('what a cap refuses is recorded as rejected, and the schedule goes on', async () => {
  await setPolicy(db.database, 'kind_caps', { report: 1 }, 'test');
  const row = await add(db.database, { kind: 'report', every_seconds: 60 });
  for (const minutes of [2, 1, 0]) {
    await date(db.database, row.name, ago(minutes));
    await takeAll([partsOf(db.database)], ago(minutes));
  }
  const found = (await proposals(row.name)) as { status: string; reason: string }[];
  expect(found.map((one) => one.status)).toEqual(['pending', 'rejected', 'rejected']);
  expect(found[1]?.reason).toContain('kind_caps');
  const told = (await readLog(db.database)).filter(
    (event) => event.entity_id === row.name && event.kind === 'schedule.proposed',
  );
  expect(told.map((event) => event.payload?.status)).toEqual(['pending', 'rejected', 'rejected']);
  expect((await getSchedule(db.database, row.name)).next_due_at?.getTime()).toBeGreaterThan(now.getTime());
});

test('passed-over times are an event, and no proposal', async () => {
  const row = await add(db.database, {
    every_seconds: 3_600,
    starts_at: ago(305).toISOString(),
    missed: 'skip',
  });
  await date(db.database, row.name, ago(305));
  await takeAll([partsOf(db.database)], now);
  expect(await proposals(row.name)).toEqual([]);
  const told = (await readLog(db.database)).filter((event) => event.entity_id === row.name);
  expect(told.at(-1)).toMatchObject({
    kind: 'schedule.passed_over',
    payload: {
      cause: { by: 'scheduler' },
      due: null,
      missed: { from: ago(305).toISOString(), until: ago(-55).toISOString() },
    },
  });
});

test('a time that comes once comes once, and then the schedule is over', async () => {
  const row = await add(db.database, { at: new Date(now.getTime() + MINUTE).toISOString() });
  await takeAll([partsOf(db.database)], new Date(now.getTime() + 2 * MINUTE));
  expect(await proposedFor(db.database, row.name)).toEqual([new Date(now.getTime() + MINUTE)]);
  expect(await getSchedule(db.database, row.name)).toMatchObject({ next_due_at: null, paused: false });
});

test('who looked before a change proposes nothing by what stood there before', async () => {
  const row = await add(db.database, { every_seconds: 60 });
  const other = await add(db.database, { every_seconds: 60 });
  for (const one of [row, other]) await date(db.database, one.name, ago(0));
  const parts = partsOf(db.database);
  const seen = {
    ...parts,
    // Between the look and the proposal.
    propose: async (request: Parameters<typeof parts.propose>[0]) => {
      if (request.by === `schedule:${row.name}`)
        await changeSchedule(db.database, row.name, { title: 'Changed' }, 'test');
      return parts.propose(request);
    },
  };
  expect(await takeDue(seen, now, [])).toEqual({ taken: 2, failures: new Map() });
  expect(await proposals(row.name)).toEqual([]);
  expect(await proposedFor(db.database, other.name)).toEqual([ago(0)]);
  await takeAll([parts], now);
  expect(await proposals(row.name)).toMatchObject([{ title: 'Changed', run_at: ago(0) }]);
});

test('a paused one is not taken, resumed it goes on from now, removed it is gone and its proposals stay', async () => {
  const row = await add(db.database, { every_seconds: 60, missed: 'all' });
  await date(db.database, row.name, ago(3));
  await pauseSchedule(db.database, row.name, 'test');
  await takeAll([partsOf(db.database)], now);
  const { schedule } = await resumeSchedule(db.database, row.name, 'test');
  await takeAll([partsOf(db.database)], now);
  expect(await proposals(row.name)).toEqual([]);
  expect(schedule.next_due_at?.getTime()).toBeGreaterThan(now.getTime());

  await date(db.database, row.name, ago(0));
  await takeAll([partsOf(db.database)], now);
  await removeSchedule(db.database, row.name, 'test');
  await expect(getSchedule(db.database, row.name)).rejects.toMatchObject({ code: 'not_found' });
  expect(await proposals(row.name)).toHaveLength(1);
  // A new one of the same name begins anew.
  await add(db.database, { name: row.name, every_seconds: 60 });
  await date(db.database, row.name, ago(0));
  await takeAll([partsOf(db.database)], now);
  expect(await proposals(row.name)).toHaveLength(2);
});
