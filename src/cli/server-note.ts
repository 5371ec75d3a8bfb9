import { join } from 'node:path';
import { homeOwner } from '../db/local/lock.ts';
import { readIfThere, writeDurably } from '../lib/files.ts';

/** Says in the home where its server listens, so that the commands find it and give nobody else the key. */
export function noteServer(home: string, port: number): Promise<void> {
  return writeDurably(join(home, 'server.json'), `${JSON.stringify({ pid: process.pid, port })}\n`, 0o600);
}

/** The port of the server that holds the home; null when none does. */
export async function notedPort(home: string): Promise<number | null> {
  const [text, owner] = [await readIfThere(join(home, 'server.json')), await homeOwner(home)];
  if (text === null || owner === null) return null;
  const note = JSON.parse(text) as { pid?: unknown; port?: unknown };
  return note.pid === owner.pid && typeof note.port === 'number' ? note.port : null;
}
