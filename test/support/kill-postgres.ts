import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { childrenOf, signalTo } from './processes.ts';

/** The process of a data folder that all others of its server come from. */
export async function postmasterOf(dataDir: string): Promise<number> {
  return Number((await readFile(join(dataDir, 'postmaster.pid'), 'utf8')).split('\n')[0]);
}

/** Kills a process and its children at once, as a machine's out-of-memory killer can. */
export function killFamily(pid: number): void {
  const children = childrenOf(pid);
  // Who has ended with its parent is no trouble.
  for (const each of [pid, ...children]) signalTo(each, 'SIGKILL');
}

export async function killPostgres(dataDir: string): Promise<void> {
  killFamily(await postmasterOf(dataDir));
}
