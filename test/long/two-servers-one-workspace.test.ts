import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { eventually, openPolicy } from '../support/loop.ts';
import { type Program, startProgram } from '../support/process.ts';

const FILES = 2_000;
const db = useDatabase();
const programs: Program[] = [];
afterAll(() => programs.forEach((program) => program.signal('SIGKILL')));

async function startServer(root: string, name: string, workspace: string): Promise<Program> {
  const home = join(root, name);
  await mkdir(home);
  await writeFile(join(home, 'config.json'), JSON.stringify({ slots: { task: 20 } }));
  const program = startProgram(['up', '--port', '0', '--no-sample'], {
    OPSLOOP_HOME: home,
    OPSLOOP_WORKSPACE: workspace,
    OPSLOOP_FILES: 'process',
    OPSLOOP_LLM: 'extractive',
    OPSLOOP_ALLOW_UNSAFE_DATABASE: '1',
    DATABASE_URL: db.url,
  });
  programs.push(program);
  await program.says('Ctrl+C stops everything');
  return program;
}

test('two servers on one workspace take each of 2,000 files once, also when the owner is killed', async () => {
  const root = await mkdtemp(join(tmpdir(), 'opsloop-two-'));
  const workspace = join(root, 'workspace');
  await mkdir(join(workspace, 'inbox'), { recursive: true });
  await openPolicy(db.database, ['task']);
  for (let i = 0; i < FILES; i++)
    await writeFile(
      join(workspace, 'inbox', `task_${String(i).padStart(4, '0')}.txt`),
      `Task number ${i}. It is small.`,
    );

  const first = await startServer(root, 'one', workspace);
  const second = await startServer(root, 'two', workspace);
  await second.says('leaves files alone');
  const count = async (sql: string) =>
    (await db.database.query<{ n: number }>(`select count(*)::integer as n from ${sql}`))[0]?.n ?? 0;
  // In the middle of taking and finishing.
  await eventually(async () => (await count("ops_files where status = 'finished'")) > 100, 60_000);
  first.signal('SIGKILL');
  await eventually(async () => (await count("ops_files where status = 'finished'")) === FILES, 90_000);

  expect(await count('ops_proposals')).toBe(FILES);
  expect(await count("ops_missions where status = 'completed'")).toBe(FILES);
  expect(await count("ops_steps where status = 'completed'")).toBe(FILES);
  for (const kind of [
    'file.task_created',
    'file.task_settled',
    'file.output_created',
    'file.task_completed',
  ]) {
    expect(await count(`ops_events where kind = '${kind}'`), kind).toBe(FILES);
    expect(
      await count(`(select entity_id from ops_events where kind = '${kind}' group by entity_id) as e`),
      kind,
    ).toBe(FILES);
  }
  const inbox = await readdir(join(workspace, 'inbox'));
  const outputs = await readdir(join(workspace, 'outputs'));
  expect(inbox.filter((name) => /^task_\d{4}\.txt\.done$/.test(name))).toHaveLength(FILES);
  expect(inbox.filter((name) => !name.startsWith('.'))).toHaveLength(FILES);
  expect(
    new Set(outputs.filter((name) => name.endsWith('.md')).map((name) => name.split('__')[0])).size,
  ).toBe(FILES);
  expect(outputs.filter((name) => name.endsWith('.md'))).toHaveLength(FILES);

  second.signal('SIGTERM');
  await second.ended;
  await rm(root, { recursive: true });
}, 180_000);
