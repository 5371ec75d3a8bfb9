import { spawn } from 'node:child_process';
import type { RunAs } from './run-as.ts';

export type ProgramResult = { code: number | null; output: string };

type RunOptions = {
  user: RunAs | null;
  timeoutMs: number;
  /** Output goes to this open file instead of `output`: a server outlives us, a pipe to us would not. */
  outputFd?: number;
};

const OUTPUT_LIMIT = 20_000;

/**
 * Runs one of PostgreSQL's programs in a session of its own, so that Ctrl+C on our terminal reaches
 * neither it nor the server it starts. Its environment holds none of our secrets and no PG* variables.
 */
export async function runProgram(file: string, args: string[], options: RunOptions): Promise<ProgramResult> {
  const { user, timeoutMs, outputFd } = options;
  const windows = process.platform === 'win32';
  const output = outputFd ?? 'pipe';
  const switching =
    user === null || user.self ? {} : { uid: user.uid ?? undefined, gid: user.gid ?? undefined };
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      ...switching,
      // The folder we are in may be closed to the other user.
      ...(windows
        ? {}
        : { cwd: '/', env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' } }),
      stdio: ['ignore', output, output],
      detached: true,
      windowsHide: true,
    });
    let text = '';
    const collect = (chunk: Buffer): void => {
      text = (text + chunk.toString('utf8')).slice(-OUTPUT_LIMIT);
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, output: text.trim() });
    });
  });
}
