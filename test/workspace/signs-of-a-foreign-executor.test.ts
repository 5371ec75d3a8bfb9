import { appendFile, rename, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { useFiles } from '../support/files.ts';
import { eventually } from '../support/loop.ts';

const t = useFiles({ parts: { worker: false } });

const halted = () => eventually(async () => t.app.bridge()?.status().halted);

test('a task in work that somebody else has done stops the taking, with an event, until an operator says so', async () => {
  await t.drop('ours.txt', 'a task');
  await eventually(async () => (await t.events('file.task_created')).length > 0);
  await rename(t.path('inbox', 'ours.txt'), t.path('inbox', 'ours.txt.done'));
  await halted();
  expect(await t.events('workspace.halted')).toHaveLength(1);
  expect((await t.app.health()).problems.join()).toContain('another executor works this inbox');

  await t.drop('next.txt', 'not taken');
  const status = await t.request('/api/ops/files/status');
  expect(await status.json()).toMatchObject({ halted: { reason: expect.stringContaining('ours.txt') } });
  expect(await t.events('file.task_created')).toHaveLength(1);

  const resumed = await t.request('/api/ops/files/resume', { method: 'POST', json: {} });
  expect(await resumed.json()).toEqual({ resumed: true });
  await eventually(async () => (await t.events('file.task_created')).length === 2);
});

test('a growing log of the older system is a sign too', async () => {
  await writeFile(t.path('logs', 'agent_mvp.log'), '[2026-11-22T10:00:00] started\n');
  await eventually(async () => {
    // Once seen, every further line is a sign of life.
    await appendFile(t.path('logs', 'agent_mvp.log'), '[2026-11-22T10:00:03] polling\n');
    t.app.bridge()?.wake();
    return t.app.bridge()?.status().halted;
  });
  expect((await t.events('workspace.halted')).at(-1)?.payload).toMatchObject({
    set: { halted: { reason: expect.stringContaining('agent_mvp.log') } },
  });
});
