import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { isRunning } from './proc.ts';

export type End = { code: number | null; signal: NodeJS.Signals | null };
/** One process of a program. Times are in milliseconds since 1970. */
export type Boot = {
  pid: number;
  at: number;
  /** The signals that it was sent while it ran. */
  told: NodeJS.Signals[];
  /** Null while it runs. */
  end: End | null;
};

/** A program on the stage. Started again, it is a new process: a new boot. */
export type Actor = {
  name: string;
  /** Of the newest boot. */
  pid(): number;
  start(): void;
  isRunning(): boolean;
  signal(name: NodeJS.Signals): void;
  /** Resolves when the newest boot has ended. */
  ended(): Promise<End>;
  boots: Boot[];
  /** How much it has said so far. */
  said(): number;
  /** What it has said since then. */
  saidSince(place: number): string;
};

export type Script = {
  name: string;
  command: string;
  args: string[];
  env: Record<string, string>;
  logFile: string;
};

export function makeActor({ name, command, args, env, logFile }: Script): Actor {
  const boots: Boot[] = [];
  let child: ChildProcess | undefined;
  let ended: ReturnType<Actor['ended']> = Promise.resolve({ code: null, signal: null });
  const size = () => statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  return {
    name,
    boots,
    pid: () => child?.pid ?? 0,
    start() {
      const output = openSync(logFile, 'a');
      child = spawn(command, args, { env, stdio: ['ignore', output, output] });
      closeSync(output);
      const boot: Boot = { pid: child.pid ?? 0, at: Date.now(), told: [], end: null };
      boots.push(boot);
      ended = once(child, 'exit').then(([code, signal]) => (boot.end = { code, signal }));
    },
    isRunning: () => child?.pid !== undefined && isRunning(child.pid),
    signal(signal) {
      // What is sent to one that has ended is the cause of nothing.
      if (child?.kill(signal)) boots.at(-1)?.told.push(signal);
    },
    ended: () => ended,
    said: size,
    saidSince: (place) => (size() === 0 ? '' : readFileSync(logFile).subarray(place).toString()),
  };
}
