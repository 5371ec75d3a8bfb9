import {
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type App, createApp } from '../../src/app.ts';
import { buildHttp } from '../../src/http/app.ts';
import { silentLog } from '../../src/log.ts';
import { foldersOf, makeFolders } from '../../src/workspace/disk/folders.ts';
import { keepInMemory } from '../../src/workspace/ending/memory.ts';
import { placePlanned } from '../../src/workspace/ending/place-planned.ts';
import { renameFinished } from '../../src/workspace/ending/rename.ts';
import { digestOf } from '../../src/workspace/inbox/take.ts';
import { acquire, makeOwner } from '../../src/workspace/owner.ts';
import { renewOwnership } from '../../src/workspace/owner-queries.ts';
import type { FileRow } from '../../src/workspace/schema.ts';
import { testConfig, toRequest } from '../support/app.ts';
import { useDatabase } from '../support/database.ts';
import { eventually, openPolicy } from '../support/loop.ts';

const db = useDatabase();

async function workspaceAt(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'opsloop-whose-')), 'workspace');
}

function start(workspace: string, env: Record<string, string> = {}): App {
  const app = createApp({
    config: testConfig({ OPSLOOP_WORKSPACE: workspace, OPSLOOP_LLM: 'extractive', ...env }),
    databaseUrl: db.url,
    log: silentLog(),
    parts: { heartbeat: false },
  });
  onTestFinished(() => app.stop());
  return app;
}
const owns = (app: App) => eventually(async () => app.bridge()?.isOwner());
const one = async <Row>(sql: string, values: unknown[] = []) =>
  (await db.database.query<Row>(sql, values))[0];

test('a workspace that is not mounted at the start is not made anew; it is said how to begin anew', async () => {
  await openPolicy(db.database, ['task']);
  const workspace = await workspaceAt();
  const first = start(workspace);
  await owns(first);
  await first.stop();
  await rename(workspace, `${workspace}.away`);
  await mkdir(workspace);
  const second = start(workspace);
  const problem = await eventually(async () => second.bridge()?.status().problems[0]);
  expect(problem).toContain('is it not mounted?');
  expect(await readdir(workspace)).toEqual([]);
  await rm(workspace, { recursive: true });
  await rename(`${workspace}.away`, workspace);
  await owns(second);
  expect(second.bridge()?.status().mode).toBe('process');

  // Gone for good: what the message says makes this folder the workspace again.
  await second.stop();
  await rm(workspace, { recursive: true });
  const third = start(workspace);
  const said = await eventually(async () => third.bridge()?.status().problems[0]);
  const [, mark = ''] = /echo '([^']+)'/.exec(said) ?? [];
  await mkdir(join(workspace, 'state'), { recursive: true });
  await writeFile(join(workspace, 'state', 'opsloop.json'), mark);
  await owns(third);
  await third.stop();
});

test('a second server with another folder leaves files alone, refuses submissions, and takes over at the end', async () => {
  const [here, there] = [await workspaceAt(), await workspaceAt()];
  const first = start(here);
  await owns(first);
  const second = start(there);
  await eventually(async () => second.bridge()?.status().held_elsewhere);
  expect((await second.health()).problems.join()).toContain(here);
  const answer = await buildHttp(second).request(
    ...toRequest('/api/submit', { method: 'POST', json: { text: 'x' } }),
  );
  expect(answer.status).toBe(409);
  await first.stop();
  await owns(second);
  await writeFile(join(there, 'inbox', 'mine.txt'), 'A fact.');
  await eventually(async () => (await readdir(join(there, 'inbox'))).includes('mine.txt.done'));
  await second.stop();
});

test('a workspace that was moved is told of', async () => {
  const workspace = await workspaceAt();
  const first = start(workspace);
  await owns(first);
  await first.stop();
  await rename(workspace, `${workspace}.moved`);
  const second = start(`${workspace}.moved`);
  await owns(second);
  expect(
    await one("select payload #>> '{set,path}' as path from ops_events where kind = 'workspace.moved'"),
  ).toEqual({ path: `${workspace}.moved` });
  await second.stop();
});

test('whoever does not own it any more puts no planned task back', async () => {
  const workspace = await workspaceAt();
  const app = start(workspace);
  await owns(app);
  const [row] = await db.database.query<{ id: string }>('select id from ops_workspaces where path = $1', [
    workspace,
  ]);
  const zombie = {
    database: db.database,
    propose: app.propose,
    folders: foldersOf(workspace),
    ownership: { workspaceId: row?.id ?? '', owner: '00000000-0000-4000-8000-00000000dead' },
    log: silentLog(),
  };
  const planned = {
    id: '00000000-0000-7000-8000-000000000001',
    name: 'child.txt',
    content: 'a task\n',
  } as FileRow;
  await expect(placePlanned(zombie, planned, new Set())).rejects.toThrow('another process owns');
  expect(await readdir(join(workspace, 'inbox'))).toEqual([]);
  await app.stop();
});

/** A file of the inbox that is about to be renamed. */
async function worked(text: string) {
  const folder = await mkdtemp(join(tmpdir(), 'opsloop-rename-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'a.txt'), text);
  const inode = String((await stat(join(folder, 'a.txt'), { bigint: true })).ino);
  const given = {
    id: 'x',
    name: 'a.txt',
    inode,
    digest: digestOf(text),
    ending: 'done' as const,
    text,
    takenAt: new Date(),
  };
  const drop = async (content: string) => {
    await writeFile(join(folder, '.new'), content);
    await rename(join(folder, '.new'), join(folder, 'a.txt'));
  };
  const list = async () => (await readdir(folder)).sort();
  return { folder, given, drop, list };
}

test('the same text renamed over a file in work is a task of its own', async () => {
  const { folder, given, drop, list } = await worked('twice');
  await utimes(join(folder, 'a.txt'), new Date(), new Date(Date.now() - 60_000));
  await new Promise((resolve) => setTimeout(resolve, 20));
  await drop('twice');
  await renameFinished(folder, given);
  expect(await list()).toEqual(['a.txt', 'a.txt.done']);
});

test('a file copied back from a backup is still the one that was taken', async () => {
  const { folder, given, drop, list } = await worked('restored');
  await drop('restored');
  await utimes(join(folder, 'a.txt'), new Date(), new Date(Date.now() - 3_600_000));
  await renameFinished(folder, given);
  expect(await list()).toEqual(['a.txt.done']);
});

test('what lies under the private name and is not ours gets its name back', async () => {
  const { folder, given, list } = await worked('ours');
  await writeFile(join(folder, '.opsloop-x.finishing'), 'somebody else’s');
  await rm(join(folder, 'a.txt'));
  await renameFinished(folder, given);
  expect(await list()).toEqual(['a.txt', 'a.txt.done']);
  expect(await readFile(join(folder, 'a.txt'), 'utf8')).toBe('somebody else’s');
  expect(await readFile(join(folder, 'a.txt.done'), 'utf8')).toBe('ours');
});

test('a file that cannot be read for a moment is not taken for another one', async () => {
  const { folder, given, list } = await worked('linked');
  await link(join(folder, 'a.txt'), join(folder, 'backup'));
  await renameFinished(folder, given);
  expect(await list()).toEqual(['a.txt.done', 'backup']);
});

test('goals that end together are all remembered', async () => {
  const workspace = await workspaceAt();
  const folders = foldersOf(workspace);
  await makeFolders(folders);
  const goals = ['a', 'b', 'c'].map((name) => ({
    goal_file: `GOAL_${name}.txt`,
    goal: name,
    created_at: name,
    subtasks: [],
  }));
  await Promise.all(goals.map((goal) => keepInMemory(folders, goal)));
  await keepInMemory(folders, goals[0] ?? { goal_file: '', goal: '', created_at: '', subtasks: [] });
  const memory = JSON.parse(await readFile(folders.path('state', 'memory.json'), 'utf8')) as {
    created_tasks: unknown[];
  };
  expect(memory.created_tasks).toHaveLength(3);
});

test('an owner that was frozen past its lease does not renew it beside another', async () => {
  const own = async (path: string) => {
    const acquired = await acquire(db.database, foldersOf(path), await makeOwner(), 'process');
    if (!('workspace' in acquired)) throw new Error('somebody else owns it');
    return acquired.workspace.id;
  };
  const here = await own(await workspaceAt());
  const frozen = await one<{ owner: string }>('select owner from ops_workspaces where id = $1', [here]);
  await db.database.query(
    "update ops_workspaces set lease_expires_at = now() - interval '1 s' where id = $1",
    [here],
  );
  await own(await workspaceAt());
  expect(await renewOwnership(db.database, { workspaceId: here, owner: frozen?.owner ?? '' })).toBeNull();
  await db.database.query('update ops_workspaces set owner = null, holder = null, lease_expires_at = null');
});
