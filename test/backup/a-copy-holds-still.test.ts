import { mkdtempSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createApp } from '../../src/app.ts';
import { setPaused, setPolicy } from '../../src/policy/policy.ts';
import { isHeld } from '../../src/policy/released.ts';
import { courierParts, onlyWebhook, useReceiver } from '../support/webhooks.ts';
import { testConfig } from '../support/app.ts';
import { backUp, restore } from '../support/backup.ts';
import { useDatabase } from '../support/database.ts';
import { keepingLog } from '../support/log.ts';
import { eventually, openPolicy, proposer, sealAll, testWorker } from '../support/loop.ts';
import { add, date } from '../support/schedules.ts';
import { emptyHome } from '../support/sealed-log.ts';

const original = useDatabase();
const copy = useDatabase('empty');

test('a restored copy claims, proposes, calls and takes nothing until it is resumed; then all of it goes on', async () => {
  const { database } = original;
  const home = emptyHome();
  await openPolicy(database);
  await setPolicy(database, 'daily_caps', { timezone: 'UTC', per_agent: 1000, total: 1000 }, 'test');
  const receiver = await useReceiver();
  await onlyWebhook(courierParts(database), { url: receiver.url, template: 'slack', topics: ['proposal'] });
  await proposer(database)({ kind: 'deploy', title: 'Decide me' });
  const running = await proposer(database)({ title: 'Was running' });
  const worker = await testWorker(database);
  const claim = await worker.claimOne();
  await add(database, { name: 'nightly', every_seconds: 3_600, title: 'By the clock' });
  await date(database, 'nightly', new Date(Date.now() - 60_000));
  await sealAll(database);
  const { file } = await backUp(database, home);
  // Its schedule was dated back by hand.
  await restore(file, copy.database, { home: emptyHome(), acceptFindings: true });

  const copied = copy.database;
  const workspace = mkdtempSync(join(tmpdir(), 'opsloop-copy-'));
  await mkdir(join(workspace, 'inbox'), { recursive: true });
  await writeFile(join(workspace, 'inbox', 'task.txt'), 'Look at the pump.');
  const { log, warnings } = keepingLog();
  const config = {
    ...testConfig({ OPSLOOP_WORKSPACE: workspace, OPSLOOP_FILES: 'process', OPSLOOP_LLM: 'extractive' }),
    webhookHosts: ['127.0.0.1'],
  };
  const app = createApp({ config, databaseUrl: copy.url, log });
  try {
    await app.ready;
    // The claim of the worker that is not in this world is given back; nothing else moves.
    await eventually(async () => {
      const [step] = await copied.query<{ status: string }>('select status from ops_steps where id = $1', [
        claim.id,
      ]);
      return step?.status === 'queued';
    }, 40_000);
    expect(warnings.join()).toMatch(/restored from a backup.*opsloop resume/);
    expect((await app.health()).problems.join()).toMatch(/restored from a backup/);
    const counts = () =>
      copied.query(
        `select (select count(*) from ops_proposals) as proposals, (select count(*) from ops_workspaces) as workspaces,
           (select count(*) from ops_steps where status <> 'queued') as begun`,
      );
    expect(await counts()).toEqual([{ proposals: 2, workspaces: 0, begun: 0 }]);
    expect(receiver.asked).toEqual([]);
    // Pausing one agent is no resuming.
    await setPaused(copied, true, 'qa', 'test');

    await setPaused(copied, false, undefined, 'test');
    await eventually(async () => receiver.asked.length > 0, 30_000);
    await eventually(async () => {
      const rows = await copied.query<{ title: string; status: string }>(
        'select title, status from ops_proposals',
      );
      const done = (title: string) => rows.some((row) => row.title === title && row.status === 'completed');
      return done('Was running') && rows.some(({ title }) => title === 'By the clock') && rows.length >= 4;
    }, 60_000);
    expect(running.proposal.id).toBe(claim.proposal_id);
  } finally {
    await app.stop(1_000);
  }
}, 180_000);

test('no other way of writing the pause than its end releases a restored copy', async () => {
  const { database } = original;
  await setPolicy(database, 'paused', { enabled: true, agents: [], restored: true }, 'restore');
  await setPolicy(database, 'paused', { enabled: true, agents: ['pm'] }, 'test');
  expect(await isHeld(database)).toBe(true);
  await setPolicy(database, 'paused', { enabled: true, agents: [], restored: false }, 'test');
  await setPaused(database, true, undefined, 'test');
  await setPaused(database, false, 'pm', 'test');
  expect(await isHeld(database)).toBe(true);
  // Once it was resumed, a pause is no more than a pause.
  await setPolicy(database, 'paused', { enabled: false, agents: [], restored: true }, 'test');
  await setPolicy(database, 'paused', { enabled: true, agents: [] }, 'test');
  expect(await isHeld(database)).toBe(false);
});

test('a pause that cannot be read was written by no restore, and holds up no call for help', async () => {
  const { database } = original;
  expect(await isHeld(copy.database)).toBe(false);
  await setPolicy(database, 'paused', { enabled: true, agents: [], restored: true }, 'test');
  expect(await isHeld(database)).toBe(true);
  await database.query(`update ops_policy set value = '"broken"' where key = 'paused'`);
  expect(await isHeld(database)).toBe(false);
});
