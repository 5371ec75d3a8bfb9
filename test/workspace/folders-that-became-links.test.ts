import { mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RECOVERS_WITHIN_MS, watchBridge } from '../support/bridge.ts';
import { useFiles } from '../support/files.ts';
import { eventually } from '../support/loop.ts';

const t = useFiles({ env: { OPSLOOP_FILES: 'process', OPS_WORKER_POLL: '0.1' } });
const { status, done, outputsOf, rowsOf, someTime, healthy, allThatIsKnown } = watchBridge(t);

const CANARY = 'canary-1f0e3dad-nobody-may-take-this';
let elsewhere = '';
beforeAll(async () => {
  elsewhere = await mkdtemp(join(tmpdir(), 'opsloop-elsewhere-'));
});
afterAll(() => rm(elsewhere, { recursive: true }));

/** Does something while a link to another folder stands in the place of one of ours, and that is shown. */
async function ledAway(folder: 'inbox' | 'outputs', work: () => Promise<void>): Promise<void> {
  const ours = join(t.workspace, folder);
  await rename(ours, `${ours}.real`);
  await symlink(elsewhere, ours);
  try {
    await eventually(async () => status()?.problems.join().includes(`${ours} is not a folder of its own`));
    await work();
  } finally {
    await rm(ours);
    await rename(`${ours}.real`, ours);
  }
}

/** Which parts of the bridge have told since then that they cannot work. */
async function toldSince(event: number): Promise<string[]> {
  const events = (await t.events('workspace.unavailable')).slice(event);
  return events.map(({ payload }) => String(payload.part)).sort();
}

test('an inbox that becomes a link is not read, and files are taken again once it is back', async () => {
  const before = (await t.events('workspace.unavailable')).length;
  await writeFile(join(elsewhere, 'trap.txt'), CANARY);
  await ledAway('inbox', async () => {
    await someTime();
    expect((await t.app.health()).problems.join()).toContain('is not a folder of its own');
    const submitted = await t.request('/api/submit', { method: 'POST', json: { name: 'x', text: 'x' } });
    expect(submitted.status).toBe(503);
    expect(await readdir(elsewhere)).toEqual(['trap.txt']);
  });
  await healthy();
  await t.drop('after-the-link.txt', 'A fact.');
  await done('after-the-link.txt');
  expect(await toldSince(before)).toEqual(['inbox', 'outputs']);
  expect(await readdir(elsewhere)).toEqual(['trap.txt']);
  expect(await allThatIsKnown()).not.toContain(CANARY);
}, 90_000);

test('nothing is written through outputs that become a link, and the task is finished once they are back', async () => {
  const before = (await t.events('workspace.unavailable')).length;
  await t.policy('paused', { enabled: true, agents: [] });
  await t.drop('under-way.txt', 'A fact.');
  await eventually(async () => (await rowsOf('under-way.txt'))[0]?.status === 'taken');
  await ledAway('outputs', async () => {
    await t.policy('paused', { enabled: false, agents: [] });
    await eventually(async () => (await rowsOf('under-way.txt'))[0]?.proposal_status === 'completed');
    await someTime();
    expect(await readdir(elsewhere)).toEqual(['trap.txt']);
  });
  await done('under-way.txt', RECOVERS_WITHIN_MS);
  await healthy();
  expect(await outputsOf('under-way')).toHaveLength(1);
  expect(await readdir(elsewhere)).toEqual(['trap.txt']);
  expect(await toldSince(before)).toEqual(['inbox', 'outputs']);
}, 90_000);

test('an inbox that becomes a link in the middle of many ends is not written to, and no task is done twice', async () => {
  const names = Array.from({ length: 40 }, (_, i) => `crowd-${i}.txt`);
  await t.policy('paused', { enabled: true, agents: [] });
  for (const name of names) await t.drop(name, 'A fact.');
  await eventually(async () => (await rowsOf('crowd-39.txt'))[0]?.status === 'taken');
  await ledAway('outputs', async () => {
    await t.policy('paused', { enabled: false, agents: [] });
    await eventually(async () => (await rowsOf('crowd-39.txt'))[0]?.proposal_status === 'completed');
  });
  await t.appears('inbox', 'crowd-0.txt.done', RECOVERS_WITHIN_MS);
  let strayed: string[] = [];
  await ledAway('inbox', async () => {
    strayed = (await readdir(elsewhere)).filter((name) => name !== 'trap.txt');
  });
  for (const name of strayed) await rm(join(elsewhere, name));
  await healthy();
  const rows = () => Promise.all(names.map(rowsOf));
  await eventually(
    async () => (await rows()).flat().every((row) => row.status === 'finished'),
    RECOVERS_WITHIN_MS,
  );
  expect(strayed).toEqual([]);
  for (const name of names)
    expect([name, await t.list('inbox')]).toEqual([name, expect.arrayContaining([`${name}.done`])]);
  expect((await rows()).map((each) => each.length)).toEqual(names.map(() => 1));
}, 150_000);

test('no route lists or shows what lies behind a folder that became a link', async () => {
  const name = 'pm_secret__2026-01-01_00-00-00.md';
  await writeFile(join(elsewhere, name), CANARY);
  const shown: string[] = [];
  const look = async (path: string) => {
    const response = await t.request(path);
    if (response.ok) shown.push(await response.text());
  };
  await ledAway('inbox', () => look('/api/inbox'));
  await ledAway('outputs', async () => {
    for (const path of ['/api/outputs', '/graph.json', `/api/out/${name}`]) await look(path);
  });
  await rm(join(elsewhere, name));
  await healthy();
  expect(shown.filter((body) => /canary|secret|trap/.test(body))).toEqual([]);
}, 90_000);
