import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, inject, test } from 'vitest';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { silentLog } from '../../src/log.ts';
import { TEMPLATE } from '../support/global-setup.ts';
import { startOllamaServer } from '../support/ollama-server.ts';

/**
 * A task whose answer asks for another, under a name that was done before: every write of taking and finishing
 * both, to the database and to the disk, is once the last thing a server does before SIGKILL. Another server then
 * goes on, and each time there is one proposal, one output, one `.done` and one event of each sort per file.
 */
const HARNESS = resolve(import.meta.dirname, '../support/killed-at-a-step.mjs');
const AT_ONCE = 3;

const ollama = await startOllamaServer({ models: ['qwen3'] });
ollama.on('qwen3:latest', ({ body }) => ({
  text: JSON.stringify(body.messages).includes('ask for more')
    ? 'Result.\nNEXT: child | a small task'
    : 'Small.',
}));
const server = openDatabase(inject('serverUrl'), { log: silentLog(), max: 4 });
afterAll(async () => {
  await ollama.close();
  await server.close();
});

async function scenario(killAt: number) {
  const root = await mkdtemp(join(tmpdir(), 'opsloop-killed-'));
  const workspace = join(root, 'workspace');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await server.query(`create database ${name} template ${TEMPLATE}`);
  const url = new URL(inject('serverUrl'));
  url.pathname = `/${name}`;
  const database = openDatabase(url.href, { log: silentLog(), max: 2 });
  try {
    await mkdir(join(workspace, 'inbox'), { recursive: true });
    await writeFile(join(workspace, 'inbox', 'parent.txt.done'), 'of last week');
    await writeFile(join(workspace, 'inbox', 'parent.txt'), 'ask for more');
    const env = {
      PATH: process.env.PATH ?? '',
      OPSLOOP_HOME: root,
      OPSLOOP_WORKSPACE: workspace,
      OPSLOOP_FILES: 'process',
      OPSLOOP_ALLOW_UNSAFE_DATABASE: '1',
      OLLAMA_URL: ollama.url,
      DATABASE_URL: url.href,
      EXPECTED_FILES: '2',
    };
    const first = await run({ ...env, KILL_AT: String(killAt) });
    if (first.signal === 'SIGKILL') await run(env);
    return { first, after: await look(database, workspace) };
  } finally {
    await database.close();
    await server.query(`drop database if exists ${name} with (force)`);
    await rm(root, { recursive: true });
  }
}

async function run(env: Record<string, string>) {
  const child = spawn(process.execPath, [HARNESS], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const timer = setTimeout(() => child.kill('SIGTERM'), 30_000);
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  clearTimeout(timer);
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`it ended with ${code ?? signal}: ${out}${err}`);
  return { out, signal };
}

async function look(database: Database, workspace: string) {
  const count = async (sql: string) =>
    (await database.query<{ n: number }>(`select count(*)::integer as n from ${sql}`))[0]?.n;
  const kinds = await database.query<{ kind: string; n: number }>(
    `select kind, count(*)::integer as n from ops_events
     where kind in ('file.task_created', 'file.task_settled', 'file.output_created', 'file.task_completed', 'step.completed')
     group by kind order by kind`,
  );
  const visible = async (folder: string) =>
    (await readdir(join(workspace, folder))).filter((name) => !name.startsWith('.')).sort();
  return {
    proposals: await count('ops_proposals'),
    files: await count("ops_files where status = 'finished' and result = 'done'"),
    events: Object.fromEntries(kinds.map(({ kind, n }) => [kind, n])),
    inbox: await visible('inbox'),
    older: await readFile(join(workspace, 'inbox', 'parent.txt.1.done'), 'utf8'),
    newer: await readFile(join(workspace, 'inbox', 'parent.txt.done'), 'utf8'),
    outputs: (await visible('outputs')).map((name) => name.replace(/__.*/, '')),
  };
}

const WHOLE = {
  proposals: 2,
  files: 2,
  events: {
    'file.output_created': 2,
    'file.task_completed': 2,
    'file.task_created': 2,
    'file.task_settled': 2,
    'step.completed': 2,
  },
  inbox: ['child.txt.done', 'parent.txt.1.done', 'parent.txt.done'],
  older: 'of last week',
  newer: 'ask for more',
  outputs: ['child', 'parent'],
};

test('a server killed before any of its writes leaves each file to be finished once', async () => {
  const { first, after } = await scenario(0);
  expect(after).toEqual(WHOLE);
  const writes = JSON.parse(first.out.trim().split('\n').at(-1) ?? '[]') as string[];
  expect(writes.length).toBeGreaterThan(40);

  let fired = 0;
  for (let at = 1; at <= writes.length; at += AT_ONCE) {
    const points = Array.from({ length: AT_ONCE }, (_, i) => at + i).filter(
      (point) => point <= writes.length,
    );
    await Promise.all(
      points.map(async (point) => {
        const { first: killed, after: found } = await scenario(point);
        if (killed.signal === 'SIGKILL') fired++;
        expect(found, `killed at ${point}: ${killed.out}`).toEqual(WHOLE);
      }),
    );
  }
  // The last writes of a run may be one or two fewer than in the first.
  expect(fired).toBeGreaterThan(writes.length - 4);
}, 600_000);
