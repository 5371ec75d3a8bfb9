import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** Cleans up behind the run, also when the run itself is killed. */
export type Warden = {
  /** Tells of a mount that is to be taken away. */
  remember(mount: string): void;
  /** Kills, unmounts and removes everything of this run. */
  cleanUp(): Promise<void>;
};

/** In a session of its own, so that no Ctrl+C reaches it; our end of its input closes whenever we end. */
export function startWarden(mark: string, folder: string): Warden {
  const { OPSLOOP_CHAOS_RUN: _mark, ...env } = process.env;
  const child: ChildProcess = spawn(
    process.execPath,
    [join(import.meta.dirname, 'warden.mjs'), mark, folder],
    {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env,
    },
  );
  const ended = once(child, 'exit');
  return {
    remember: (mount) => void child.stdin?.write(`${mount}\n`),
    async cleanUp() {
      child.stdin?.end();
      await ended;
    },
  };
}
