import { randomUUID } from 'node:crypto';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { startLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { writeDurably } from '../../src/lib/files.ts';
import { silentLog } from '../../src/log.ts';
import { eventually } from './loop.ts';
import { runProgram, startUp } from './process.ts';

/** Nothing but what the program needs: no model, and tasks worked several at once. */
const LOAD_ENV = { OPSLOOP_LLM: 'extractive', OPSLOOP_FILES: 'process', OPS_WORKER_POLL: '0.1' };

type Up = Awaited<ReturnType<typeof startUp>>;
type Page = { proposals: { id: string; status: string }[] };

/** What clients were told: proposals that are taken and that are completed, and files that were submitted. */
export type Acknowledged = { proposals: Set<string>; completed: Set<string>; files: Map<string, string> };

/** So that the load is what a day is, only faster. */
export async function prepareHome(path: string): Promise<Up> {
  await writeDurably(join(path, 'config.json'), JSON.stringify({ slots: { task: 8 } }), 0o600);
  const up = await startUpAt(path);
  const policy = (key: string, value: unknown) => up.call('PUT', `/api/ops/policy/${key}`, { value });
  await policy('daily_caps', { timezone: 'UTC', per_agent: 1_000_000, total: 1_000_000 });
  await policy('kind_caps', {});
  await policy('auto_approve', { enabled: true, kinds: ['analysis', 'task'] });
  return up;
}

export const startUpAt = (path: string): Promise<Up> => startUp(homeAt(path), LOAD_ENV, ['--no-sample']);

function homeAt(path: string) {
  return { path, key: async () => (await readFile(join(path, 'operator.key'), 'utf8')).trim() };
}

/** Clients that propose, submit and drop files, until they are told to stop. */
export function startLoad(path: string, up: Up, name: string) {
  const acknowledged: Acknowledged = { proposals: new Set(), completed: new Set(), files: new Map() };
  const ending = new AbortController();
  const lane = async (work: (n: number) => Promise<void>) => {
    for (let n = 0; !ending.signal.aborted; n++) await work(n).catch(() => pause(10));
  };
  const propose = (client: number) => async (n: number) => {
    const request = { agent_id: 'pm', kind: 'analysis', title: `${name} ${client} ${n}`, body: 'One fact.' };
    const made = await up.call<{ proposal: { id: string } }>('POST', '/api/ops/proposals', request);
    acknowledged.proposals.add(made.proposal.id);
  };
  const submit = async (n: number) => {
    const text = `A fact of ${name}, number ${n}, submitted.`;
    const made = await up.call<{ file: string }>('POST', '/api/submit', { name: `${name}-${n}`, text });
    acknowledged.files.set(made.file, text);
  };
  const drop = async (n: number) => {
    const inbox = join(path, 'workspace/inbox');
    await writeFile(join(inbox, '.dropped'), `A fact of ${name}, number ${n}, dropped.`);
    await rename(join(inbox, '.dropped'), join(inbox, `${name}-dropped-${n}.txt`));
    // As fast as they are asked about, and no faster.
    await look();
  };
  const look = async () => {
    const page = await up.call<Page>('GET', '/api/ops/proposals?status=completed&limit=100');
    for (const { id } of page.proposals) acknowledged.completed.add(id);
  };
  const lanes = [lane(propose(0)), lane(propose(1)), lane(submit), lane(drop)];
  return {
    acknowledged,
    /** As it is now, so that what is told later does not count. */
    untilNow: (): Acknowledged => ({
      proposals: new Set(acknowledged.proposals),
      completed: new Set(acknowledged.completed),
      files: new Map(acknowledged.files),
    }),
    async stop() {
      ending.abort();
      await Promise.all(lanes);
    },
  };
}

export const sizeOf = ({ proposals, completed, files }: Acknowledged): number =>
  proposals.size + completed.size + files.size;

/** Until clients were told of so many new proposals and files, of some at least. */
export const isUnderWay = ({ proposals, files }: Acknowledged, wanted: number): boolean =>
  files.size > 2 && proposals.size + files.size >= wanted;

/**
 * Starts what a crash left in a home: everything that was acknowledged is there, the history holds, and the loop goes
 * on to its end with each file done once.
 */
export async function comesUpWhole(path: string, acknowledged: Acknowledged): Promise<void> {
  const local = await startLocalPostgres({ home: path, log: silentLog() });
  const database = openDatabase(local.url, { log: silentLog(), max: 2 });
  let up: Up | undefined;
  try {
    await isThere(database, acknowledged);
    // Whoever held them is as good as dead; a copy has it still alive beside it.
    await database.query("update ops_workspaces set lease_expires_at = now() - interval '1 s'");
    await database.query("update ops_workers set lease_expires_at = now() - interval '1 s'");
    up = await startUpAt(path);
    const { file } = await up.call<{ file: string }>('POST', '/api/submit', {
      name: `after-${randomUUID()}`,
      text: 'A fact.',
    });
    const names = [...acknowledged.files.keys(), file];
    const finished = "select from ops_files where status = 'finished' and name = any ($1)";
    await eventually(async () => (await database.query(finished, [names])).length >= names.length, 120_000);
    const active = "select from ops_missions where status = 'active'";
    await eventually(async () => (await database.query(active)).length === 0, 120_000);
    await areDoneOnce(database, path, names);
    expect(await runProgram(['check'], { OPSLOOP_HOME: path })).toMatchObject({ code: 0 });
    up.program.signal('SIGTERM');
    await up.program.ended;
  } finally {
    up?.program.signal('SIGKILL');
    await database.close();
    await local.stop();
  }
}

async function isThere(database: Database, { proposals, completed }: Acknowledged): Promise<void> {
  const rows = await database.query<{ id: string; status: string }>('select id, status from ops_proposals');
  const status = new Map(rows.map((row) => [row.id, row.status]));
  expect([...proposals].filter((id) => !status.has(id))).toEqual([]);
  expect([...completed].filter((id) => status.get(id) !== 'completed')).toEqual([]);
}

async function areDoneOnce(database: Database, path: string, names: string[]): Promise<void> {
  const rows = await database.query<{ name: string; output: string; content: string }>(
    `select f.name, f.output, a.content from ops_files f join ops_artefacts a on a.name = f.output
     where f.status = 'finished' and f.result = 'done'`,
  );
  const inbox = await readdir(join(path, 'workspace/inbox'));
  const outputs = await readdir(join(path, 'workspace/outputs'));
  for (const name of names) {
    const own = rows.filter((row) => row.name === name);
    const files = inbox.filter((file) => file === name || file.startsWith(`${name}.`));
    expect([name, own.length, files]).toEqual([name, 1, [`${name}.done`]]);
    const stem = `${name.slice(0, -'.txt'.length)}__`;
    expect([name, outputs.filter((file) => file.startsWith(stem))]).toEqual([name, [own[0]?.output]]);
    expect(await readFile(join(path, 'workspace/outputs', own[0]?.output ?? ''), 'utf8')).toBe(
      own[0]?.content,
    );
  }
}
