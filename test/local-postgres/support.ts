import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { afterAll, afterEach, vi } from 'vitest';
import { isThere } from '../../src/lib/files.ts';
import { type Host, thisHost } from '../../src/db/local/host.ts';
import { silentLog } from '../../src/log.ts';

// Making a cluster takes one second alone, and several on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

export const log = silentLog();
export const isRoot = process.getuid?.() === 0;
export const isLinux = process.platform === 'linux';

type Scope = 'test' | 'file';
const folders: Record<Scope, string[]> = { test: [], file: [] };
const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await clean('test');
});

afterAll(() => clean('file'));

export function endAfterTest(child: ChildProcess): void {
  children.push(child);
}

async function clean(scope: Scope): Promise<void> {
  for (const folder of folders[scope].splice(0)) {
    await killServersIn(folder);
    await rm(folder, { recursive: true, force: true });
  }
}

/** A new folder that everybody may pass through; what still runs in it at the end of its scope is ended. */
export async function newFolder(scope: Scope = 'test'): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'opsloop-pg-')));
  await chmod(folder, 0o711);
  folders[scope].push(folder);
  return folder;
}

/** Tests of one file may share a home: making a cluster takes a second, starting it again a tenth. */
export async function newHome(scope: Scope = 'test'): Promise<string> {
  return join(await newFolder(scope), 'home');
}

/** This machine, but with clusters outside the home below a folder of the test. */
export function hostWith(changes: Partial<Host>): Host {
  return { ...thisHost(), ...changes };
}

async function killServersIn(folder: string): Promise<void> {
  await until(async () => (await killProcessesIn(folder)) === 0);
}

/** How many there were; they may take a moment to be gone. */
export async function killProcessesIn(folder: string): Promise<number> {
  const pids = await processesIn(folder);
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended between the listing and here.
    }
  }
  return pids.length;
}

/** Processes that work in a folder or below it, as all of PostgreSQL's do in their data folder. */
export async function processesIn(folder: string): Promise<number[]> {
  if (!isLinux)
    return postmasterOf(join(folder, 'home', 'postgres', 'data')).then(
      (pid) => [pid],
      () => [],
    );
  const pids: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const cwd = await readlink(`/proc/${name}/cwd`).catch(() => '');
    if (`${cwd}/`.startsWith(`${folder}/`)) pids.push(Number(name));
  }
  return pids;
}

export async function postmasterOf(dataDir: string): Promise<number> {
  const text = await readFile(join(dataDir, 'postmaster.pid'), 'utf8');
  return Number(text.split('\n')[0]);
}

/** Postmasters are the processes of the data folder whose parent is none of them. */
export async function postmastersIn(dataDir: string): Promise<number[]> {
  const pids = await processesIn(dataDir);
  const found: number[] = [];
  for (const pid of pids) {
    const fields = await statOf(pid).catch(() => null);
    if (fields !== null && !pids.includes(fields.parent)) found.push(pid);
  }
  return found;
}

export async function statOf(
  pid: number,
): Promise<{ parent: number; group: number; session: number; start: string }> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (index: number): string => fields[index] ?? '';
  return { parent: Number(field(1)), group: Number(field(2)), session: Number(field(3)), start: field(19) };
}

export async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 10_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

export async function until(condition: () => Promise<boolean> | boolean, withinMs = 20_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`the condition was not met within ${withinMs} ms`);
    await delay(20);
  }
}

const repository = resolve(import.meta.dirname, '../..');
let built: Promise<string> | undefined;

/** Compiles src/db/local for real child processes, which cannot read TypeScript on Node 20. */
function build(): Promise<string> {
  built ??= buildOnce(join(repository, 'node_modules', '.cache', 'opsloop-local-postgres'));
  return built;
}

/** Kept under a name made from the sources, so that the test files of a run compile once. */
async function buildOnce(cache: string): Promise<string> {
  const hash = createHash('sha256');
  for (const folder of ['src/db/local', 'src']) {
    for (const name of (await readdir(join(repository, folder))).sort()) {
      if (name.endsWith('.ts')) hash.update(await readFile(join(repository, folder, name)));
    }
  }
  const folder = join(cache, hash.digest('hex').slice(0, 16));
  if (await isThere(folder)) return folder;
  await mkdir(cache, { recursive: true });
  for (const name of await readdir(cache)) {
    // Another worker may be building the same one just now.
    if (!name.startsWith(basename(folder))) await rm(join(cache, name), { recursive: true, force: true });
  }
  const temporary = await mkdtemp(`${folder}-`);
  await chmod(temporary, 0o755);
  await writeFile(join(temporary, 'package.json'), '{"type":"module"}');
  const config = {
    extends: join(repository, 'tsconfig.build.json'),
    compilerOptions: {
      rootDir: join(repository, 'src'),
      outDir: join(temporary, 'src'),
      declaration: false,
      noEmitOnError: false,
    },
    include: [join(repository, 'src/db/local')],
  };
  await writeFile(join(temporary, 'tsconfig.json'), JSON.stringify(config));
  const tsc = join(repository, 'node_modules/.bin/tsc');
  // It writes what it can even when a file has a type error; types are checked elsewhere.
  await promisify(execFile)(tsc, ['-p', join(temporary, 'tsconfig.json')]).catch(() => undefined);
  // Two workers may build at the same time: one of them gives the name, the other uses its own copy.
  return rename(temporary, folder).then(
    () => folder,
    () => temporary,
  );
}

export type Child = {
  process: ChildProcess;
  output(): string;
  said(text: string): Promise<void>;
  ended: Promise<number | null>;
};

/** Runs module code in a process of its own; it has `local`, `lock`, `log`, `say`, `isOrphan` and `forever`. */
export async function runChild(
  code: string,
  options: { uid?: number; gid?: number; detached?: boolean; args?: string[] } = {},
): Promise<Child> {
  const folder = await build();
  const head = `
    const local = await import('${folder}/src/db/local/local-postgres.js');
    const lock = await import('${folder}/src/db/local/lock.js');
    const { silentLog } = await import('${folder}/src/log.js');
    const log = silentLog();
    const say = (text) => process.stdout.write(text + '\\n');
    const parent = process.ppid;
    const isOrphan = () => process.ppid !== parent;
    const forever = () => new Promise(() => setInterval(() => isOrphan() && process.exit(), 1000));
    const [home] = process.argv.slice(1);
  `;
  const { args = [], ...rest } = options;
  const child = spawn(process.execPath, ['--input-type=module', '-e', head + code, ...args], {
    ...rest,
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  endAfterTest(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
  }
  const ended = new Promise<number | null>((done) => child.once('close', (exit) => done(exit)));
  const said = (wanted: string): Promise<void> =>
    until(() => {
      if (text.includes(wanted)) return true;
      if (child.exitCode !== null) throw new Error(`the child ended (${child.exitCode}): ${text}`);
      return false;
    });
  return { process: child, output: () => text, said, ended };
}

/** A copy of the bundled package as npm leaves it without install scripts: no links. */
export async function copyPackage(target: string): Promise<string> {
  const native = thisHost().native;
  if (native === null) throw new Error('the bundled PostgreSQL is not installed');
  await mkdir(target, { recursive: true });
  await promisify(execFile)('cp', ['-a', join(native, '..'), join(target, 'package')]);
  const copy = join(target, 'package', 'native');
  await promisify(execFile)('find', [copy, '-type', 'l', '-delete']);
  return copy;
}
