import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, link, lstat, mkdir, readdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

/**
 * `left`: it stays as it is. `task`: its name is odd but harmless, so it is a task. `either`: it can never be a task,
 * but is given time before it is set aside.
 */
export type Fate = 'left' | 'task' | 'either';
export type Hostile = { family: string; name: Buffer; fate: Fate; put(path: Buffer): Promise<void> };

/** What must not be reached: files of somebody else, and the home with the operator's key. */
export type Targets = { secret: string; folder: string; hard(n: number): Promise<string>; key: string };

export const IS_ROOT = process.geteuid?.() === 0;
const HOSTILE_TEXT = 'A fact of a stranger.';

type Family = (n: number) => { name: string | Buffer; fate: Fate; put?: Hostile['put'] };

const DEVICES = ['con', 'PRN', 'aux', 'NUL', 'com1', 'LPT9', 'conin$', 'clock$', 'com¹', 'lpt³'];
const UNSEEN = ['\u202e', '\u2066', '\u200b', '\u200f', '\ufeff', '\u2028', '\u2029', '\u00ad', '\ue000'];
const NOT_UTF8 = [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf8, 0x88], [0xe2, 0x82]];
const of = <Item>(items: Item[], n: number): Item => items[n % items.length] as Item;
const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string)));

/** Names: what they could lead to, if somebody decoded, joined, shortened or printed them. */
const NAMES: Record<string, Family> = {
  'encoded traversal': (n) => ({ name: `..%2f..%2foutside%2fsecret-${n}.txt`, fate: 'left' }),
  'encoded dots': (n) => ({ name: `%2e%2e%2foutside%2fsecret-${n}.txt`, fate: 'task' }),
  'encoded twice': (n) => ({ name: `%252e%252e%252fsecret-${n}.txt`, fate: 'task' }),
  'other slashes': (n) => ({ name: `${of(['∕', '／', '⁄'], n)}outside${n}.txt`, fate: 'task' }),
  backslashes: (n) => ({ name: `..\\..\\outside\\secret-${n}.txt`, fate: 'left' }),
  drives: (n) => ({ name: `C:\\outside\\secret-${n}.txt`, fate: 'left' }),
  streams: (n) => ({ name: `secret-${n}.md:hidden.txt`, fate: 'left' }),
  devices: (n) => ({ name: `${of(DEVICES, n)}.${n}.txt`, fate: 'left' }),
  'dots at the end': (n) => ({ name: `dots-${n}.txt${'.'.repeat(1 + (n % 3))}`, fate: 'left' }),
  'blanks at the end': (n) => ({ name: `blanks-${n}.txt${' '.repeat(1 + (n % 3))}`, fate: 'left' }),
  'a blank before': (n) => ({ name: ` blank-${n}.txt`, fate: 'left' }),
  'control characters': (n) => ({
    name: `${String.fromCharCode(1 + (n % 31))}control-${n}.txt`,
    fate: 'left',
  }),
  'lines of a log': (n) => ({ name: `line-${n}\n{"level":50,"msg":"forged"}.txt`, fate: 'left' }),
  'colours of a terminal': (n) => ({ name: `\u001b[31mred-${n}\u001b[2J.txt`, fate: 'left' }),
  'what is not seen': (n) => ({ name: `un${of(UNSEEN, n)}seen-${n}.txt`, fate: 'left' }),
  'composed twins': (n) => ({ name: `caf\u00e9-${n}.txt`, fate: 'task' }),
  'decomposed twins': (n) => ({ name: `cafe\u0301-${n}.txt`, fate: 'task' }),
  'twins by case': (n) => ({ name: `${n % 2 ? 'tWIN' : 'Twin'}-${n >> 1}.txt`, fate: 'task' }),
  'as long as can be': (n) => ({
    name: `${n}${'é'.repeat(130)}`.slice(0, 123).concat('-.txt'),
    fate: 'left',
  }),
  'no text at all': (n) => ({ name: bytes(`raw-${n}-`, of(NOT_UTF8, n), '.txt'), fate: 'left' }),
  options: (n) => ({ name: `-rf -${n}.txt`, fate: 'task' }),
  'a command': (n) => ({ name: `$(touch pwned-${n}).txt`, fate: 'task' }),
  backticks: (n) => ({ name: `\`touch pwned-${n}\`;&.txt`, fate: 'task' }),
  quotes: (n) => ({ name: `it's'); drop table ops_files;-- ${n}.txt`, fate: 'task' }),
  pipes: (n) => ({ name: `x|touch pwned-${n}>"y".txt`, fate: 'left' }),
  'our own new files': (n) => ({ name: `.opsloop-new-${String(n).padStart(16, '0')}`, fate: 'left' }),
  'our own private names': (n) => ({
    name: `.opsloop-00000000-0000-7000-8000-${String(n).padStart(12, '0')}.finishing`,
    fate: 'left',
  }),
  'done and never begun': (n) => ({
    name: `never-${n}.txt.${of(['done', 'failed', '1.done'], n)}`,
    fate: 'left',
  }),
  'our own outputs': (n) => ({ name: `out-${n}__2026-11-22_10-11-12__EXEC.md.txt`, fate: 'task' }),
};

/** Things that are no plain files, lead elsewhere, or never end. */
function things({ secret, folder, hard, key }: Targets): Record<string, Family> {
  const linkTo = (target: string) => (path: Buffer) => symlink(target, path);
  const left = (name: string, put: Hostile['put']) => ({ name, fate: 'left' as const, put });
  const text = (content: string | Buffer) => (path: Buffer) => writeFile(path, content);
  return {
    'link to a file': (n) => left(`link-${n}.txt`, linkTo(secret)),
    'link to a folder': (n) => left(`folder-link-${n}.txt`, linkTo(folder)),
    'link to the users': (n) => left(`users-${n}.txt`, linkTo('/etc/passwd')),
    'link to the key': (n) => left(`key-${n}.txt`, linkTo(key)),
    'link to the server': (n) =>
      left(`self-${n}.txt`, linkTo(`/proc/self/${of(['environ', 'mem', 'fd/1', 'cmdline'], n)}`)),
    'link to itself': (n) => left(`loop-${n}.txt`, linkTo(`loop-${n}.txt`)),
    'link to nothing': (n) => left(`dangling-${n}.txt`, linkTo(join(folder, `made-by-a-link-${n}`))),
    'link under a name of ours': (n) => left(`.opsloop-new-link-${n}`, linkTo(secret)),
    'hard link': (n) => left(`hard-${n}.txt`, async (path) => link(await hard(n), path)),
    FIFO: (n) => left(`pipe-${n}.txt`, async (path) => void execFileSync('mkfifo', [path.toString()])),
    socket: (n) => left(`socket-${n}.txt`, listen),
    device: (n) =>
      left(`device-${n}.txt`, IS_ROOT ? makeDevice(n) : (path) => mkdir(path).then(() => undefined)),
    folder: (n) =>
      left(`folder-${n}.txt`, async (path) => {
        await mkdir(path);
        await writeFile(Buffer.concat([path, Buffer.from('/inside.txt')]), HOSTILE_TEXT);
      }),
    'a terabyte of nothing': (n) => ({
      name: `huge-${n}.txt`,
      fate: 'either',
      put: async (path) => {
        await writeFile(path, HOSTILE_TEXT);
        await truncate(path, 2 ** 40);
      },
    }),
    'no text inside': (n) => ({
      name: `binary-${n}.txt`,
      fate: 'either',
      put: text(Buffer.from([0x61, 0, 0xff, n % 256])),
    }),
    'for nobody to read': (n) => ({
      name: `closed-${n}.txt`,
      // Permissions do not bind root.
      fate: IS_ROOT ? 'task' : 'left',
      put: async (path) => {
        await writeFile(path, HOSTILE_TEXT);
        await chmod(path, 0);
      },
    }),
  };
}

async function listen(path: Buffer): Promise<void> {
  const server = createServer().listen(path.toString());
  server.unref();
  await once(server, 'listening');
}

const makeDevice = (n: number) => async (path: Buffer) =>
  void execFileSync('mknod', [
    path.toString(),
    ...of(
      [
        ['c', '1', '5'],
        ['c', '1', '3'],
        ['b', '7', '0'],
      ],
      n,
    ),
  ]);

/** So many different ones, of every family in turn. */
export function hostileFiles(count: number, targets: Targets): Hostile[] {
  const families = Object.entries({ ...NAMES, ...things(targets) });
  return Array.from({ length: count }, (_, index) => {
    const [family, make] = of(families, index);
    const { name, fate, put } = make(Math.floor(index / families.length));
    return {
      family,
      name: Buffer.from(name as string),
      fate,
      put: put ?? ((path) => writeFile(path, HOSTILE_TEXT)),
    };
  });
}

/** Everything below a folder, with what it is and holds. */
export async function digestOfFolder(folder: string): Promise<string[]> {
  const lines: string[] = [];
  for (const entry of await readdir(folder, { recursive: true })) {
    const path = join(folder, entry);
    const { mode, uid, size, mtimeMs } = await lstat(path);
    const isFile = (mode & 0o170000) === 0o100000;
    const holds = isFile ? await readFile(path, 'latin1') : '';
    lines.push(`${entry} ${mode} ${uid} ${isFile ? size : ''} ${mtimeMs} ${holds}`);
  }
  return lines.sort();
}
