import { execFileSync } from 'node:child_process';
import { type FSWatcher, watch } from 'node:fs';
import { chmod, lstat, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { FOLDERS } from '../../src/workspace/disk/folders.ts';
import { useFiles } from '../support/files.ts';
import { eventually } from '../support/loop.ts';

/** The disk that the workspace is on; empty where this machine lets us mount none. */
let disk = '';
// Before the app's own end is named, so that it comes after it.
afterAll(() => {
  if (disk !== '') execFileSync('umount', ['-l', disk]);
});

const t = useFiles({
  env: { OPSLOOP_FILES: 'process', OPS_WORKER_POLL: '0.1' },
  async before(workspace) {
    const folder = dirname(workspace);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
      disk = folder;
    } catch {
      // Whoever may not mount has outputs that cannot be written to instead of a full disk.
    }
  },
});

/** After a trouble, the bridge looks again ever more slowly. */
const RECOVERS_WITHIN_MS = 60_000;
const status = () => t.app.bridge()?.status();
const healthy = () => eventually(async () => status()?.problems.length === 0, RECOVERS_WITHIN_MS);
const pause = (enabled: boolean) => t.policy('paused', { enabled, agents: [] });
const outputsOf = async (stem: string) =>
  (await t.list('outputs')).filter((name) => name.startsWith(`${stem}__`));

async function count(sql: string, ...values: unknown[]): Promise<number> {
  return (await t.database.query(`select ${sql}`, values)).length;
}

/** The tasks are proposals, and these have run to their end, whatever the files do. */
const taken = (names: string[]) =>
  eventually(async () => (await count('from ops_files where name = any ($1)', names)) === names.length);
const worked = (names: string[]) =>
  eventually(
    async () =>
      (await count(
        `from ops_files f join ops_proposals p on p.id = f.proposal_id where f.name = any ($1) and p.status = 'completed'`,
        names,
      )) === names.length,
  );

const finished = (names: string[]) =>
  eventually(async () => {
    const open = await count(`from ops_files where name = any ($1) and status <> 'finished'`, names);
    return open === 0;
  }, RECOVERS_WITHIN_MS);

/** How often each part of the bridge has told since then that it cannot work. */
async function toldSince(event: number): Promise<Record<string, number>> {
  const times: Record<string, number> = {};
  for (const { payload } of (await t.events('workspace.unavailable')).slice(event))
    times[String(payload.part)] = (times[String(payload.part)] ?? 0) + 1;
  return times;
}

/** The bridge has lived on for some seconds: it has renewed its lease. */
async function someTime(): Promise<void> {
  const lease = async () => {
    const [row] = await t.database.query<{ at: Date }>('select lease_expires_at as at from ops_workspaces');
    return Number(row?.at);
  };
  const from = await lease();
  await eventually(async () => (await lease()) >= from + 5_000);
}

/** As if a minute had passed: after that, an output that could not be written is tried again. */
function letAMinutePass(): void {
  ahead += 61_000;
  t.app.database.hints.tell('sealed');
}
let ahead = 0;
const now = performance.now.bind(performance);
vi.spyOn(performance, 'now').mockImplementation(() => now() + ahead);

/** Makes outputs/ impossible to write to, by whatever really does it here. Returns how it ends. */
async function breakDisk(): Promise<() => Promise<void>> {
  const filler = join(disk, 'filler');
  const outputs = join(t.workspace, 'outputs');
  if (disk !== '') {
    await expect(writeFile(filler, Buffer.alloc(2 * 1_048_576))).rejects.toThrow('ENOSPC');
    return () => rm(filler);
  }
  for (const folder of ['inbox', 'outputs']) await chmod(join(t.workspace, folder), 0o555);
  if (await isRefused(join(outputs, '.probe')))
    return async () => {
      for (const folder of ['inbox', 'outputs']) await chmod(join(t.workspace, folder), 0o755);
    };
  // Permissions do not bind root.
  await rename(outputs, `${outputs}.real`);
  await writeFile(outputs, '');
  return async () => {
    await rm(outputs);
    await rename(`${outputs}.real`, outputs);
  };
}

const isRefused = (path: string) =>
  writeFile(path, 'x').then(
    () => rm(path).then(() => false),
    () => true,
  );

/** Every temporary name under which somebody began to write an output. */
function watchAttempts(): { names: Set<string>; watcher: FSWatcher } {
  const names = new Set<string>();
  const watcher = watch(join(t.workspace, 'outputs'), { persistent: false }, (_, name) => {
    if (name?.startsWith('.opsloop-new-')) names.add(name);
  });
  return { names, watcher };
}

const tasks = (stem: string) =>
  Array.from({ length: 40 }, (_, i) => `${stem}-${String(i).padStart(2, '0')}.txt`);

test('a full disk is told of once and not hammered, and later everything is written exactly once', async () => {
  const TASKS = tasks('full');
  await pause(true);
  for (const name of TASKS) await t.drop(name, `A fact about ${name}.`);
  await taken(TASKS);
  const attempts = watchAttempts();
  const putRight = await breakDisk();
  expect(await isRefused(join(t.workspace, 'outputs', '.probe'))).toBe(true);
  await rm(join(t.workspace, 'outputs', '.probe'), { force: true }).catch(() => undefined);
  await pause(false);
  await worked(TASKS);
  await eventually(async () => (await t.app.health()).problems.join().includes(t.workspace));

  await someTime();
  const submitted = await t.request('/api/submit', { method: 'POST', json: { name: 'more', text: 'x' } });
  expect(submitted.status).toBe(503);
  expect(Object.values(await toldSince(0))).not.toEqual([]);
  expect(Object.values(await toldSince(0)).every((times) => times === 1)).toBe(true);
  expect(attempts.names.size).toBeLessThanOrEqual(TASKS.length);
  letAMinutePass();
  await someTime();
  expect(Object.values(await toldSince(0)).every((times) => times === 1)).toBe(true);
  expect(attempts.names.size).toBeLessThanOrEqual(2 * TASKS.length);
  expect(await t.events('file.output_created')).toEqual([]);
  attempts.watcher.close();

  await putRight();
  letAMinutePass();
  await healthy();
  await finished(TASKS);
  expect(await t.list('inbox')).toEqual(TASKS.map((name) => `${name}.done`));
  for (const name of TASKS) {
    const [output = '', ...more] = await outputsOf(name.slice(0, -4));
    expect(more).toEqual([]);
    expect(await t.read('outputs', output)).toContain(`A fact about ${name}.`);
  }
  expect(await t.events('file.output_created')).toHaveLength(TASKS.length);
  expect(await t.events('file.task_completed')).toHaveLength(TASKS.length);
  expect(await t.events('workspace.available')).toHaveLength(Object.keys(await toldSince(0)).length);
  for (const folder of ['inbox', 'outputs'])
    expect((await readdir(t.path(folder))).filter((name) => name.startsWith('.'))).toEqual([]);
}, 180_000);

test('a workspace that is moved away and back is told of, is not made anew, and loses nothing', async () => {
  const before = (await t.events('workspace.unavailable')).length;
  const away = `${t.workspace}.moved`;
  const names = tasks('moved');
  await pause(true);
  for (const name of names) await t.drop(name, `A fact about ${name}.`);
  await taken(names);
  await rename(t.workspace, away);
  await eventually(async () => (await t.app.health()).problems.join().includes('was it moved'));
  await pause(false);
  await worked(names);
  await someTime();
  const submitted = await t.request('/api/submit', { method: 'POST', json: { name: 'more', text: 'x' } });
  expect(submitted.status).toBe(503);
  await expect(lstat(t.workspace)).rejects.toThrow('ENOENT');
  expect(await toldSince(before)).toEqual({ inbox: 1, outputs: 1 });

  await rename(away, t.workspace);
  await finished(names);
  await healthy();
  for (const name of names) expect(await outputsOf(name.slice(0, -4))).toHaveLength(1);
  expect(await count('from ops_workspaces')).toBe(1);
}, 180_000);

test('tasks that all end at once are not taken for the work of another executor', async () => {
  const halts = await t.events('workspace.halted');
  await t.app.bridge()?.resume('test');
  await t.drop('after-the-move.txt', 'A fact.');
  await t.appears('inbox', 'after-the-move.txt.done');
  expect(halts).toEqual([]);
});

test('nothing is written into an empty workspace that stands where ours was, and no task is done twice', async () => {
  const away = `${t.workspace}.away`;
  await pause(true);
  await t.drop('unmounted.txt', 'A fact that is done once.');
  await taken(['unmounted.txt']);
  await rename(t.workspace, away);
  for (const folder of FOLDERS) await mkdir(join(t.workspace, folder), { recursive: true });
  await eventually(async () => (await t.app.health()).problems.join().includes('opsloop.json'));
  await pause(false);
  await worked(['unmounted.txt']);
  await someTime();
  const strayed = [...(await readdir(t.path('inbox'))), ...(await readdir(t.path('outputs')))];

  await rm(t.workspace, { recursive: true });
  await rename(away, t.workspace);
  await t.appears('inbox', 'unmounted.txt.done', RECOVERS_WITHIN_MS);
  await healthy();
  expect(await count(`from ops_files where name = 'unmounted.txt'`)).toBe(1);
  expect(await outputsOf('unmounted')).toHaveLength(1);
  expect(strayed).toEqual([]);
}, 180_000);
