import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { codeOf } from '../../lib/files.ts';

const run = promisify(execFile);

/** Enough to tell a process from a later one that got the same pid. `start` is null where nobody says. */
export type ProcessIdentity = { pid: number; start: string | null };

export async function ownIdentity(): Promise<ProcessIdentity> {
  return { pid: process.pid, start: await startOf(process.pid) };
}

/** When in doubt (another user's process, no start time to be had) a process counts as alive. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  if (!signalReaches(identity.pid)) return false;
  if ((await stateOf(identity.pid)) === 'Z') return false;
  const start = await startOf(identity.pid);
  return start === null || identity.start === null || start === identity.start;
}

function signalReaches(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

/** Z is a zombie: it ended, but its parent (often pid 1 of a container) never collected it. */
export async function stateOf(pid: number): Promise<string | null> {
  return (await statFields(pid))?.[0] ?? null;
}

async function startOf(pid: number): Promise<string | null> {
  if (process.platform === 'darwin') return startFromPs(pid);
  const fields = await statFields(pid);
  const ticks = fields?.[19];
  if (ticks === undefined) return null;
  // Ticks count from boot, so after a reboot the same pid could show the same number.
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return `${boot.trim()}:${ticks}`;
}

/** The fields of /proc/<pid>/stat from the third one (state) on; the second may hold spaces and parentheses. */
async function statFields(pid: number): Promise<string[] | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return stat === null ? null : stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

async function startFromPs(pid: number): Promise<string | null> {
  const answer = await run('/bin/ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => null);
  return answer === null ? null : answer.stdout.trim() || null;
}
