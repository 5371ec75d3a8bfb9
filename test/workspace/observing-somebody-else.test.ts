import { mkdir, mkdtemp, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createApp } from '../../src/app.ts';
import { silentLog } from '../../src/log.ts';
import { testConfig } from '../support/app.ts';
import { useFiles } from '../support/files.ts';
import { eventually } from '../support/loop.ts';

const t = useFiles({
  parts: { worker: false },
  async before(workspace) {
    for (const folder of ['inbox', 'outputs']) await mkdir(join(workspace, folder), { recursive: true });
    await writeFile(join(workspace, 'inbox', 'old.txt.done'), 'long ago');
    await writeFile(join(workspace, 'outputs', 'old__2026-01-01_00-00-00.md'), 'long ago');
    await writeFile(join(workspace, 'inbox', 'waiting.txt'), 'not done yet');
  },
});

const told = async () =>
  (await t.events())
    .filter(({ kind }) => kind.startsWith('file.'))
    .map(({ kind, payload }) => `${kind} ${String(payload.filename)}`);
const tells = (count: number) =>
  eventually(async () => {
    const found = await told();
    return found.length >= count && found;
  });

test('a workspace that was there before is observed: what waits is told, what is history is counted', async () => {
  expect(t.app.bridge()?.status().mode).toBe('observe');
  expect(await tells(1)).toEqual(['file.task_created waiting.txt']);
  expect(await t.events('workspace.observed')).toMatchObject([{ payload: { known: 2, waiting: 1 } }]);
});

test('what the other executor does is told once, in its order, and nothing is executed', async () => {
  await writeFile(t.path('inbox', 'task.txt'), '@pm: something');
  await tells(2);
  await writeFile(t.path('outputs', 'task__2026-11-22_10-00-00.md'), 'the result');
  await rename(t.path('inbox', 'task.txt'), t.path('inbox', 'task.txt.done'));
  expect((await tells(4)).slice(1)).toEqual([
    'file.task_created task.txt',
    'file.output_created task__2026-11-22_10-00-00.md',
    'file.task_completed task.txt.done',
  ]);
  expect(await t.database.query('select from ops_proposals')).toEqual([]);
  expect(await t.list('inbox')).toContain('waiting.txt');
});

test('what happened while nobody looked is told later, once', async () => {
  await t.app.stop();
  const before = (await told()).length;
  await rename(t.path('inbox', 'waiting.txt'), t.path('inbox', 'waiting.txt.done'));
  await writeFile(t.path('inbox', 'missed.txt.done'), 'made and done in the dark');
  await writeFile(t.path('outputs', 'missed__2026-11-22_11-00-00.md'), 'its output');
  await writeFile(t.path('inbox', 'task.txt.done'), 'the same name again');
  const again = () =>
    createApp({
      config: testConfig({ OPSLOOP_WORKSPACE: t.workspace }),
      databaseUrl: t.url,
      log: silentLog(),
      parts: { worker: false, heartbeat: false },
    });
  const second = again();
  const found = await tells(before + 6);
  expect(found.slice(before).sort()).toEqual([
    'file.output_created missed__2026-11-22_11-00-00.md',
    'file.task_completed missed.txt.done',
    'file.task_completed task.txt.done',
    'file.task_completed waiting.txt.done',
    'file.task_created missed.txt.done',
    'file.task_created task.txt.done',
  ]);
  await second.stop();
  const third = again();
  await eventually(async () => third.bridge()?.isOwner());
  await writeFile(t.path('inbox', 'last.txt'), 'x');
  expect((await tells(found.length + 1)).slice(found.length)).toEqual(['file.task_created last.txt']);
  await third.stop();
});

test('the configuration turns it into processing, which is told and remembered', async () => {
  const start = (env: Record<string, string>) =>
    createApp({
      config: testConfig({ OPSLOOP_WORKSPACE: t.workspace, OPSLOOP_LLM: 'extractive', ...env }),
      databaseUrl: t.url,
      log: silentLog(),
      parts: { heartbeat: false },
    });
  const processing = start({ OPSLOOP_FILES: 'process' });
  await t.appears('inbox', 'last.txt.done');
  await processing.stop();
  const remembered = start({});
  await eventually(async () => remembered.bridge()?.isOwner());
  expect(remembered.bridge()?.status().mode).toBe('process');
  await remembered.stop();
  expect((await t.events('workspace.mode_changed')).map(({ payload }) => payload)).toMatchObject([
    { was: 'observe', set: { mode: 'process' } },
  ]);
});

test('observed from empty on, and after processing, what happens in the dark is told, and our own past is not', async () => {
  const workspace = join(await mkdtemp(join(tmpdir(), 'opsloop-observed-')), 'workspace');
  const path = (...names: string[]) => join(workspace, ...names);
  await mkdir(path('repo'), { recursive: true });
  const start = (env: Record<string, string> = {}) =>
    createApp({
      config: testConfig({ OPSLOOP_WORKSPACE: workspace, OPSLOOP_LLM: 'extractive', ...env }),
      databaseUrl: t.url,
      log: silentLog(),
      parts: { heartbeat: false },
    });
  const filenames = async () =>
    (await t.events()).filter(({ kind }) => kind.startsWith('file.')).map(({ payload }) => payload.filename);
  const first = start();
  await eventually(async () => (await t.events('workspace.observed')).length === 2);
  await first.stop();
  await writeFile(path('inbox', 'dark.txt.done'), 'made in the dark');
  const second = start();
  await eventually(async () => (await filenames()).filter((name) => name === 'dark.txt.done').length === 2);
  await second.stop();

  const processing = start({ OPSLOOP_FILES: 'process' });
  await eventually(async () => processing.bridge()?.isOwner());
  await writeFile(path('inbox', 'ours.txt'), 'A fact.');
  await eventually(async () => (await filenames()).includes('ours.txt.done'));
  await processing.stop();
  const observing = start({ OPSLOOP_FILES: 'observe' });
  await eventually(async () => (await t.events('workspace.observed')).length === 3);
  await writeFile(path('inbox', 'theirs.txt'), 'x');
  await eventually(async () => (await filenames()).includes('theirs.txt'));
  expect((await filenames()).filter((name) => name === 'ours.txt.done')).toHaveLength(1);
  expect(observing.bridge()?.processing()).toBeNull();
  await observing.stop();
});
