import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFile,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { uuid7 } from '../../src/lib/uuid7.ts';
import { foldersOf } from '../../src/workspace/disk/folders.ts';
import { look } from '../../src/workspace/inbox/listing.ts';
import { refuseUnusable } from '../../src/workspace/ending/refuse-unusable.ts';
import type { Arrivals } from '../../src/workspace/inbox/arrivals.ts';
import { makeInbox } from '../../src/workspace/inbox/inbox.ts';
import { RECOVERS_WITHIN_MS, watchBridge } from '../support/bridge.ts';
import { useFiles } from '../support/files.ts';
import { eventually } from '../support/loop.ts';

const t = useFiles({ env: { OPSLOOP_FILES: 'process', OPS_WORKER_POLL: '0.1' } });

const { status, done, outputsOf, rowsOf, someTime, healthy, allThatIsKnown } = watchBridge(t);

const CANARY = 'canary-1f0e3dad-nobody-may-take-this';
const NOBODY = 65_534;
const IS_ROOT = process.geteuid?.() === 0;
beforeAll(() => {
  // Root goes on reading everything, and so does the bridge while it is nobody.
  if (IS_ROOT) execFileSync('chown', ['-R', String(NOBODY), dirname(t.workspace)]);
});
// Nothing here is the work of another executor.
afterEach(async () => {
  const halted = status()?.halted;
  if (halted) await t.app.bridge()?.resume('test');
  expect(halted).toBeNull();
});

const refusals = async () => (await t.events('file.refused')).map(({ payload }) => String(payload.filename));
const refusedNow = () => (status()?.refused ?? []).map(({ name }) => name);

/** What everything in the inbox is, by its exact name. */
async function entries(): Promise<Map<string, string>> {
  const names = await readdir(t.path('inbox'), { encoding: 'buffer' });
  const found = names.map(async (name) => {
    const { ino, mode, nlink, size } = await lstat(Buffer.concat([Buffer.from(`${t.path('inbox')}/`), name]));
    return [name.toString('latin1'), `${ino} ${mode} ${nlink} ${size}`] as const;
  });
  return new Map(await Promise.all(found));
}

const MOST = 1_048_576;
const UNUSABLE: Record<string, Buffer> = {
  'too-large.txt': Buffer.alloc(MOST + 1, 'a '),
  'not-utf8.txt': Buffer.from([0x61, 0xff, 0xfe, 0x62]),
  'with-nul.txt': Buffer.from('before\0after'),
};
const BLANK: Record<string, string> = { 'empty.txt': '', 'blank.txt': ' \t\r\n  ', 'bom.txt': '\ufeff' };
const KINDS = ['link.txt', 'loop.txt', 'nowhere.txt', 'hard.txt', 'pipe.txt', 'socket.txt', 'folder.txt'];
/** Names that are refused, and how they are told. */
const NAMES: [string | Buffer, string][] = [
  ...['con.txt', 'AUX.txt', 'com1.x.txt', 'a:b.txt', 'back\\slash.txt', 'what?.txt', ' blank-before.txt'].map(
    (name): [string, string] => [name, name],
  ),
  [`${'n'.repeat(246)}.txt`, `${'n'.repeat(246)}.txt`],
  ['new\nline.txt', 'new%0aline.txt'],
  ['bell\u0007.txt', 'bell%07.txt'],
  ['delete\u007f.txt', 'delete%7f.txt'],
  ['bidi\u202etxt.txt', 'bidi%e2%80%aetxt.txt'],
  ['zero\u200bwidth.txt', 'zero%e2%80%8bwidth.txt'],
  [Buffer.from([0x66, 0xff, 0x2e, 0x74, 0x78, 0x74]), 'f%ff.txt'],
];

test('a good file is done although the inbox is full of traps, which are told of once and left alone', async () => {
  const inbox = (name: string) => t.path('inbox', name);
  const secret = join(t.app.config.home, 'secret.txt');
  await writeFile(secret, CANARY);
  await writeFile(`${secret}.hard`, CANARY);
  await symlink(secret, inbox('link.txt'));
  await symlink('loop.txt', inbox('loop.txt'));
  await symlink('no-such-file', inbox('nowhere.txt'));
  await link(`${secret}.hard`, inbox('hard.txt'));
  execFileSync('mkfifo', [inbox('pipe.txt')]);
  const socket = createServer().listen(inbox('socket.txt'));
  await once(socket, 'listening');
  await mkdir(inbox('folder.txt'));
  await writeFile(join(inbox('folder.txt'), 'inside.txt'), CANARY);
  for (const [name] of NAMES)
    await writeFile(Buffer.concat([Buffer.from(`${t.path('inbox')}/`), Buffer.from(name)]), CANARY);
  await writeFile(inbox('.hidden.txt'), CANARY);
  for (const [name, content] of Object.entries({ ...UNUSABLE, ...BLANK }))
    await writeFile(inbox(name), content);
  const before = await entries();

  await t.drop('good.txt', 'A good fact.');
  await done('good.txt');
  await t.drop('again.txt', 'Another good fact.');
  await done('again.txt');

  const refused = [...NAMES.map(([, told]) => told), ...KINDS].sort();
  expect((await refusals()).sort()).toEqual(refused);
  expect(refusedNow().sort()).toEqual(refused);
  expect((await t.app.health()).problems.join()).toContain(
    `${refused.length} file(s) in the inbox are refused`,
  );
  const after = await entries();
  for (const ours of ['good.txt.done', 'again.txt.done']) after.delete(ours);
  expect(after).toEqual(before);
  expect(await allThatIsKnown()).not.toContain(CANARY);
  socket.close();
}, 60_000);

test.each(['trailing .txt', 'a..txt', '-rf.txt', 'ünï 日本.txt', "it's 100%.txt", 'x.txt.txt', 'a.md.txt'])(
  'the odd but harmless name "%s" is taken',
  async (name) => {
    await t.drop(name, 'A fact.');
    await done(name);
    expect(await outputsOf(name.slice(0, -4))).toHaveLength(1);
  },
);

test('a text of just the allowed size, and one behind a byte order mark, are taken', async () => {
  await t.drop('largest.txt', 'Fact. '.repeat(MOST).slice(0, MOST));
  await t.drop('marked.txt', '\ufeffA fact behind a mark.');
  await done('largest.txt');
  await done('marked.txt');
  expect(await t.read('outputs', await t.appears('outputs', 'marked__'))).toContain('A fact behind a mark.');
});

async function refuse(name: string): Promise<void> {
  const signature = await look(t.path('inbox', name));
  if (signature === null || typeof signature === 'string') throw new Error(`${name} is no plain file`);
  await refuseUnusable(await t.bridgeParts(), { name, problem: 'nobody can read it', signature });
}

test.each(Object.entries(UNUSABLE))(
  '%s is set aside as it is, and an output says why',
  async (name, content) => {
    await refuse(name);
    const failed = await t.appears('inbox', `${name}.failed`);
    expect((await readFile(t.path('inbox', failed))).equals(content)).toBe(true);
    const outputs = await outputsOf(name.slice(0, -4));
    expect(outputs).toEqual([expect.stringMatching(/__FAILED\.md$/)]);
    expect(await t.read('outputs', outputs[0] ?? '')).toContain('It cannot be a task: nobody can read it.');
  },
);

test('what was refused and is put right is taken, and is no longer told of', async () => {
  await rm(t.path('inbox', 'folder.txt'), { recursive: true });
  await t.drop('folder.txt', 'A fact and no folder.');
  await done('folder.txt');
  await eventually(async () => !refusedNow().includes('folder.txt'));
});

test('a refusal is shown all the time and told of once, also while a cap holds all files', async () => {
  const [before, shown] = [await refusals(), refusedNow().sort()];
  await t.policy('daily_caps', { timezone: 'UTC', per_agent: 1_000_000, total: 0 });
  await t.drop('held.txt', 'A fact that waits.');
  await eventually(async () => status()?.waiting.length);
  await someTime();
  const meanwhile = refusedNow().sort();
  await t.policy('daily_caps', { timezone: 'UTC', per_agent: 1_000_000, total: 1_000_000 });
  await done('held.txt');
  await t.drop('after-held.txt', 'A fact.');
  await done('after-held.txt');
  expect(meanwhile).toEqual(shown);
  expect(await refusals()).toEqual(before);
});

test('a file that may not be read is refused and holds up nobody', async () => {
  await asNobody(async () => {
    await writeFile(t.path('inbox', '.mine'), CANARY, { mode: 0 });
    await rename(t.path('inbox', '.mine'), t.path('inbox', 'mine.txt'));
    try {
      await eventually(async () => refusedNow().includes('mine.txt') || status()?.problems.length);
      await t.drop('yours.txt', 'A fact that all may read.');
      await done('yours.txt');
      expect(refusedNow()).toContain('mine.txt');
    } finally {
      await rm(t.path('inbox', 'mine.txt'));
      await healthy();
    }
  });
}, 90_000);

/** Permissions do not bind root. */
async function asNobody(work: () => Promise<void>): Promise<void> {
  if (IS_ROOT) process.seteuid?.(NOBODY);
  try {
    await work();
  } finally {
    if (IS_ROOT) process.seteuid?.(0);
  }
}

test('a task that an answer asked for is refused too when somebody fills its file with what nobody can read', async () => {
  await t.policy('paused', { enabled: true, agents: [] });
  await t.drop('first.txt', 'A fact that the other waits for.');
  await eventually(async () => (await rowsOf('first.txt')).length);
  await insertPlanned('second.txt', 'first.txt');
  await t.appears('inbox', 'second.txt');
  await eventually(async () => (await rowsOf('second.txt'))[0]?.inode);
  await writeFile(t.path('inbox', 'second.txt'), UNUSABLE['with-nul.txt'] ?? '');
  try {
    await refuse('second.txt');
    await t.appears('inbox', 'second.txt.failed');
  } finally {
    await writeFile(t.path('inbox', 'second.txt'), 'A fact.');
    await t.policy('paused', { enabled: false, agents: [] });
  }
});

test('what cannot be a task yet is left alone as long as somebody writes it', async () => {
  const folders = foldersOf(await mkdtemp(join(tmpdir(), 'opsloop-slow-writer-')));
  await mkdir(folders.path('inbox'));
  const inbox = makeInbox({ ...(await t.bridgeParts()), folders }, NO_ARRIVALS);
  const clock = vi.spyOn(performance, 'now');
  const lookAt = (seconds: number) => {
    clock.mockReturnValue(1_000_000_000 + seconds * 1_000);
    return inbox.look(new AbortController().signal);
  };
  const halfACharacter = Buffer.from('… ').subarray(0, 1);
  try {
    for (let seconds = 0; seconds < 60; seconds += 10) {
      await appendFile(
        folders.path('inbox', 'slow.txt'),
        Buffer.concat([Buffer.from('more '), halfACharacter]),
      );
      await lookAt(seconds);
      expect([seconds, (await lookAt(seconds + 2)).unusable]).toEqual([seconds, []]);
    }
    await lookAt(85);
    expect((await lookAt(90)).unusable).toMatchObject([{ name: 'slow.txt' }]);
  } finally {
    clock.mockRestore();
    await rm(folders.root, { recursive: true });
  }
});

const NO_ARRIVALS: Arrivals = {
  follow: async () => undefined,
  movedIn: () => false,
  spoil: () => undefined,
  forget: () => undefined,
  isWatching: () => false,
  close: () => undefined,
};

test('a folder with the name that a finished task gets holds up no other task', async () => {
  const folder = t.path('inbox', 'barred.txt.done');
  await mkdir(folder);
  await t.drop('barred.txt', 'A fact.');
  await t.appears('outputs', 'barred__');
  await insertPlanned('asked-for.txt', null);
  try {
    await done('asked-for.txt');
  } finally {
    // Where it still is in the way.
    await rmdir(folder).catch(() => undefined);
    await eventually(async () => (await rowsOf('barred.txt'))[0]?.status === 'finished', RECOVERS_WITHIN_MS);
    await healthy();
  }
}, 120_000);

/** What an answer leaves in the database when it asks for a task. */
async function insertPlanned(name: string, after: string | null): Promise<void> {
  await t.database.query(
    `insert into ops_files (id, workspace_id, name, form, status, digest, content, agent_id, parent_id, root_id, depth,
       after_id)
     select $1, workspace_id, $2, 'task', 'planned', encode(sha256(convert_to($3, 'UTF8')), 'hex'), $3, agent_id, id,
       root_id, 1, (select id from ops_files where name = $4)
     from ops_files where name = 'good.txt'`,
    [uuid7(), name, `A fact for ${name}.\n`, after],
  );
  t.app.database.hints.tell('events');
}

test('a text of very many short lines holds up nobody', async () => {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  await t.drop('lines.txt', '-\n'.repeat(131_072));
  await done('lines.txt', 30_000);
  delay.disable();
  expect(delay.max / 1e6).toBeLessThan(2_000);
}, 60_000);

test('a text of nothing but backticks holds up no other task', async () => {
  await t.drop('backticks.txt', `EXEC: ${'` '.repeat(500_000)}`);
  await eventually(async () => (await rowsOf('backticks.txt')).length > 0);
  await t.drop('after-backticks.txt', 'A fact.');
  await done('after-backticks.txt');
  await t.appears('outputs', 'backticks__');
}, 60_000);
