import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { homeOwner } from '../../src/db/local/lock.ts';
import { describeLocalPostgres, startLocalPostgres } from '../../src/db/local/local-postgres.ts';
import { silentLog } from '../../src/log.ts';

const MAIN = resolve(import.meta.dirname, '../../dist/cli/main.js');

/** A running opsloop program, as a user would have started it. */
export type Program = {
  child: ChildProcess;
  pid: number;
  stdout(): string;
  stderr(): string;
  /** Resolves when the output holds the text; rejects when the program ends first. */
  says(text: string | RegExp, deadlineMs?: number): Promise<RegExpMatchArray>;
  signal(name: NodeJS.Signals): void;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
};

/** Only what a program needs: nothing of the machine's own settings. */
function environment(more: Record<string, string>): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: tmpdir(), OPSLOOP_LOG: 'info', ...more };
}

/** @param under what runs the program, with its own arguments */
export function startProgram(
  args: string[],
  env: Record<string, string>,
  cwd?: string,
  under: string[] = [],
): Program {
  const [command = '', ...rest] = [...under, process.execPath, MAIN, ...args];
  const child = spawn(command, rest, {
    env: environment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd ? { cwd } : {}),
  });
  let out = '';
  let err = '';
  const looks = new Set<() => void>();
  const look = () => {
    for (const one of looks) one();
  };
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    look();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
    look();
  });
  const ended = once(child, 'exit').then((exit) => {
    const [code, signal] = exit as [number | null, NodeJS.Signals | null];
    look();
    return { code, signal };
  });
  return {
    child,
    pid: child.pid ?? 0,
    stdout: () => out,
    stderr: () => err,
    signal: (name) => void child.kill(name),
    ended,
    says(text, deadlineMs = 30_000) {
      const pattern =
        typeof text === 'string' ? new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')) : text;
      return new Promise((resolveFound, reject) => {
        const fail = (why: string) =>
          reject(new Error(`"${pattern.source}" was not said (${why}):\n${out}\n${err}`));
        const timer = setTimeout(() => fail('in time'), deadlineMs);
        const check = () => {
          const found = `${out}\n${err}`.match(pattern);
          if (!found && child.exitCode === null && child.signalCode === null) return;
          clearTimeout(timer);
          looks.delete(check);
          if (found) resolveFound(found);
          else fail('it ended');
        };
        looks.add(check);
        check();
      });
    },
  };
}

/** Runs a command to its end. */
export async function runProgram(
  args: string[],
  env: Record<string, string>,
  cwd?: string,
  under: string[] = [],
) {
  const program = startProgram(args, env, cwd, under);
  const { code } = await program.ended;
  return { code, stdout: program.stdout(), stderr: program.stderr() };
}

export type TestHome = {
  path: string;
  key(): Promise<string>;
  /** Stops what is left of it and removes it. */
  [Symbol.asyncDispose](): Promise<void>;
};

/** A fresh, empty home in which an embedded PostgreSQL can live. */
export async function makeHome(): Promise<TestHome> {
  const path = await mkdtemp(join(tmpdir(), 'opsloop-home-'));
  await chmod(path, 0o711);
  return {
    path,
    key: async () => (await readFile(join(path, 'operator.key'), 'utf8')).trim(),
    async [Symbol.asyncDispose]() {
      const owner = await homeOwner(path);
      if (owner) process.kill(owner.pid, 'SIGKILL');
      if ((await describeLocalPostgres(path)).running) {
        await (await startLocalPostgres({ home: path, log: silentLog() })).stop();
      }
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** Starts `opsloop up` on a free port and waits until it is ready. */
export async function startUp(
  home: Pick<TestHome, 'path' | 'key'>,
  env: Record<string, string> = {},
  args: string[] = [],
  under: string[] = [],
) {
  const command = ['up', '--port', '0', ...args];
  const program = startProgram(command, { OPSLOOP_HOME: home.path, ...env }, undefined, under);
  const [, url = ''] = await program.says(/dashboard\s+(\S+)/, 60_000);
  await program.says('Ctrl+C stops everything');
  const call = async <T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<T> => {
    const key = env.OPSLOOP_API_KEY ?? (await home.key());
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as T;
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
    return answer;
  };
  return { program, url, call };
}
