import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { insertActionRun } from '../../src/engine/action-runs.ts';
import { retireWorker } from '../../src/engine/workers.ts';
import { verifyLog } from '../../src/events/proof/verify.ts';
import { ACTIONS } from '../../src/heartbeat/actions.ts';
import { startHeartbeat } from '../../src/heartbeat/heartbeat.ts';
import { silentLog } from '../../src/log.ts';
import { pauseSchedule, removeSchedule } from '../../src/schedules/schedules.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { useDatabase } from '../support/database.ts';
import { emptyHome, tamper } from '../support/sealed-log.ts';
import { openPolicy, proposer, readLog, sealAll, testWorker } from '../support/loop.ts';
import { whatIsWrong } from '../support/history.ts';
import { add, partsOf, takeAll } from '../support/schedules.ts';
import { dropEnded } from '../support/retention.ts';

const db = useDatabase();
const home = emptyHome();

test('beats, reports and sightings are dropped; policy, agents and what happened to a workspace are not', async () => {
  const { database } = db;
  await openPolicy(database);
  const heartbeat = startHeartbeat(database, { intervalMs: 3_600_000, log: silentLog(), actions: ACTIONS });
  await heartbeat.beat('test');
  await heartbeat.close();
  await insertActionRun(database, {
    action: 'sweep',
    status: 'ok',
    details: {},
    durationMs: 1,
    beatId: null,
  });
  const workspace = randomUUID();
  await database.query(
    `insert into ops_events (kind, source, entity, entity_id, payload) values
       ('agent.note', 'agent:pm', 'report', 'pm', '{}'),
       ('file.task_created', 'files', 'workspace', $1, '{"filename": "a.txt"}'),
       ('workspace.halted', 'files', 'workspace', $1, '{"set": {"halted": null}}')`,
    [workspace],
  );
  await database.query(`insert into ops_workspaces (id, path, mode) values ($1, '/w', 'process')`, [
    workspace,
  ]);
  const before = (await readLog(database)).filter((event) => event.entity === 'policy');

  const dropped = await dropEnded(database, home);
  expect(dropped.events).toBeGreaterThan(5);
  const left = await readLog(database);
  expect(left.filter((event) => event.entity === 'policy')).toEqual(before);
  expect(left.filter((event) => ['beat', 'report'].includes(event.entity ?? ''))).toEqual([]);
  expect(left.filter((event) => event.entity === 'workspace').map((event) => event.kind)).toEqual([
    'workspace.halted',
  ]);
  expect(await database.query('select from ops_beats')).toEqual([]);
  expect(await database.query('select from ops_action_runs')).toEqual([]);
});

test('of a schedule its changes and its newest due time are kept, also when it is paused or its proposals are gone', async () => {
  const { database } = db;
  const away = { agent_id: 'research', kind: 'research', every_seconds: 60 };
  for (const name of ['runs', 'rests', 'goes']) await add(database, { ...away, name });
  for (const hours of [1, 2, 3]) await takeAll([partsOf(database)], new Date(Date.now() + hours * 3_600_000));
  await pauseSchedule(database, 'rests', 'test');
  await removeSchedule(database, 'goes', 'test');
  await dropEnded(database, home);
  const left = (await readLog(database)).filter((event) => event.entity === 'schedule');
  const kindsOf = (name: string) =>
    left.filter((event) => event.entity_id === name).map((event) => event.kind);
  expect(kindsOf('runs')).toEqual(['schedule.created', 'schedule.proposed']);
  expect(kindsOf('rests')).toEqual(['schedule.created', 'schedule.paused']);
  expect(kindsOf('goes')).toEqual(['schedule.created', 'schedule.removed']);
});

test('workers that ended go with their events, but for those that a kept step names', async () => {
  const { database } = db;
  const gone = await testWorker(database);
  await retireWorker(database, gone.workerId);
  const alive = await testWorker(database);
  const named = await testWorker(database);
  await proposer(database)({ kind: 'analysis' });
  await named.claimOne();
  await database.query(
    `with died as (update ops_workers set ended_at = now(), ended_as = 'died' where worker_id = $1)
     insert into ops_events (kind, source, entity, entity_id, payload)
     values ('worker.died', 'heartbeat', 'worker', $1, '{"from": "alive", "to": "died"}')`,
    [named.workerId],
  );
  expect(await dropEnded(database, home)).toMatchObject({ workers: 1 });
  const rows = await database.query<{ worker_id: string }>('select worker_id from ops_workers order by 1');
  expect(rows.map((row) => row.worker_id)).toEqual([alive.workerId, named.workerId].sort());
});

test('an old event that was altered stays, the others go', async () => {
  const { database } = db;
  await database.query(
    `insert into ops_events (kind, source, entity, entity_id, payload)
     select 'agent.note', 'agent:pm', 'report', 'pm', '{}' from generate_series(1, 3)`,
  );
  await sealAll(database);
  const change = (source: string) =>
    database.transaction((tx) =>
      tamper(
        tx,
        `update ops_events set source = '${source}' where id = (select min(id) from ops_events where entity = 'report')`,
      ),
    );
  await change('agent:x');
  await expect(dropEnded(database, home)).rejects.toMatchObject({ code: 'log_damaged' });
  expect(await database.query(`select source from ops_events where entity = 'report'`)).toEqual([
    { source: 'agent:x' },
  ]);
  await change('agent:pm');
});

test('the log still gives the tables, and verifying still finds nothing', async () => {
  const { database } = db;
  await setPolicy(database, 'kind_caps', {}, 'test');
  const differ = await whatIsWrong(database, home);
  // The workspace was made by hand.
  expect(differ.filter((line) => !line.includes(': workspace '))).toEqual([]);
  expect(await verifyLog(database, { home })).toMatchObject({ ok: true, offence: null });
});
