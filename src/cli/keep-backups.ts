import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Backups, startBackups } from '../backup/schedule.ts';
import type { Config } from '../config.ts';
import type { Database } from '../db/database.ts';
import { selectBegan } from '../db/migrate.ts';
import type { Log } from '../log.ts';

const MAIN = fileURLToPath(new URL('main.js', import.meta.url));
/** The server and its steps come first. */
const NICE = 10;
const MOST_TOLD = 2_000;

/** Makes backups when they are due, each in a process of its own that gets out of the way of this one. */
export function keepBackups(config: Config, database: Database, parentLog: Log): Backups {
  const log = parentLog.child({ part: 'backups' });
  const run = async (signal: AbortSignal) => {
    const { left, ...made } = await backUp(config.backups.verify, signal);
    log.info(made, 'a backup was made');
    if (left.length > 0) log.warn({ left }, 'databases of checks that were cut off could not be dropped');
  };
  return startBackups(config.backups, { home: config.home, log, began: () => selectBegan(database), run });
}

/** @throws Error with what the program said, when it failed or found something */
async function backUp(
  verify: boolean,
  signal: AbortSignal,
): Promise<{ file: string; bytes: number; left: string[] }> {
  const args = [MAIN, '--json', 'backup', ...(verify ? [] : ['--no-verify'])];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'], windowsHide: true });
  const stop = () => child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  try {
    if (child.pid !== undefined) setPriority(child.pid, NICE);
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    const said = parse(text);
    if (code === 0) return { file: said.file ?? '', bytes: said.bytes ?? 0, left: said.left ?? [] };
    const found = said.check?.findings?.[0];
    const why = found === undefined ? said.error : `${said.file} restores, but is not sound: ${found}`;
    throw new Error((why ?? `it ended with code ${code}.`).slice(0, MOST_TOLD));
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

type Said = {
  file?: string;
  bytes?: number;
  left?: string[];
  error?: string;
  check?: { findings?: string[] } | null;
};

function parse(text: string): Said {
  try {
    return JSON.parse(text) as Said;
  } catch {
    return {};
  }
}
