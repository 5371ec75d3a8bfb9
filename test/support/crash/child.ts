import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Database } from '../../../src/db/database.ts';
import { eventually } from '../loop.ts';

const CHILD = resolve(import.meta.dirname, 'child.mjs');

export type Moment = 'before' | 'sent' | 'after';
export type Job = { name: string; state: unknown; at?: number; when?: Moment };
/** What a job came to; null when it was killed in the middle. */
export type Done = { statements: number; refused: { code: string | null; message: string } | null };

/** Processes that run operations, each until it is killed. The next one gets ready while one works. */
export function makeChildren(database: Database, databaseUrl: string) {
  let next = startChild(databaseUrl);
  let current: Promise<Child> | undefined;
  return {
    async run(job: Job): Promise<Done | null> {
      if (current === undefined) {
        current = next;
        next = startChild(databaseUrl);
      }
      const child = await current;
      const done = await child.run(job);
      if (done !== null) return done;
      current = undefined;
      await untilForgotten(database, child.name);
      return null;
    },
    async stop(): Promise<void> {
      for (const child of [current, next]) (await child)?.stop();
    },
  };
}

type Child = { name: string; run(job: Job): Promise<Done | null>; stop(): void };

async function startChild(databaseUrl: string): Promise<Child> {
  const child: ChildProcess = spawn(process.execPath, [CHILD], {
    env: { PATH: process.env.PATH ?? '', DATABASE_URL: databaseUrl, NODE_NO_WARNINGS: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new Error('a child without output');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ready = await lines.next();
  if (ready.value !== 'ready') throw new Error(`a child did not begin: ${String(ready.value)}`);
  return {
    name: `crash ${child.pid}`,
    async run(job) {
      child.stdin?.write(`${JSON.stringify(job)}\n`);
      const line = await lines.next();
      if (line.done !== true) return JSON.parse(line.value) as Done;
      const [, signal] =
        child.signalCode === null && child.exitCode === null
          ? ((await once(child, 'exit')) as [number | null, string | null])
          : [null, child.signalCode];
      if (signal !== 'SIGKILL') throw new Error(`a child ended by itself in ${job.name}`);
      return null;
    },
    stop: () => void child.kill('SIGKILL'),
  };
}

/** PostgreSQL still does what it was sent before it sees that nobody is there. */
async function untilForgotten(database: Database, name: string): Promise<void> {
  await eventually(async () => {
    const rows = await database.query('select from pg_stat_activity where application_name = $1', [name]);
    return rows.length === 0;
  });
}
