import { execFileSync } from 'node:child_process';

export function childrenOf(pid: number): number[] {
  try {
    const listed = execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)]).toString();
    return listed.trim().split(/\s+/).map(Number);
  } catch {
    // It has none.
    return [];
  }
}

/** Whether it was there to be told. */
export function signalTo(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
