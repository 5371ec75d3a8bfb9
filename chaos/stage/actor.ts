import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { isRunning } from './proc.ts';

/** A program on the stage. Started again, it is a new process: a new boot. */
export type Actor = {
  name: string;
  /** Of the newest boot. */
  pid(): number;
  start(): void;
  isRunning(): boolean;
  signal(name: NodeJS.Signals): void;
  /** Resolves when the newest boot has ended. */
  ended(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** When each boot began, and its process id. */
  boots: { pid: number; at: number }[];
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
  const boots: Actor['boots'] = [];
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
      boots.push({ pid: child.pid ?? 0, at: Date.now() });
      ended = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
    },
    isRunning: () => child?.pid !== undefined && isRunning(child.pid),
    signal: (signal) => void child?.kill(signal),
    ended: () => ended,
    said: size,
    saidSince: (place) => (size() === 0 ? '' : readFileSync(logFile).subarray(place).toString()),
  };
}
