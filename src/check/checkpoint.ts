import { join } from 'node:path';
import { z } from 'zod';
import type { Database } from '../db/database.ts';
import type { Head } from '../events/proof/heads.ts';
import { isInChain } from '../events/proof/sign.ts';
import { readIfThere, writeDurably } from '../lib/files.ts';

const Checkpoint = z.strictObject({ seq: z.int().positive(), hash: z.string(), at: z.string() });
/** Up to which place a whole history was found to hold, and the hash of the chain there. */
export type Checkpoint = z.infer<typeof Checkpoint>;

function checkpointFile(home: string): string {
  return join(home, 'checked.json');
}

/** The last checkpoint of this home, when it is one of this log; null when there is none. */
export async function readCheckpoint(database: Database, home: string): Promise<Checkpoint | null> {
  const text = await readIfThere(checkpointFile(home));
  const parsed = Checkpoint.safeParse(text === null ? null : parseJson(text));
  if (!parsed.success) return null;
  return (await isInChain(database, parsed.data)) ? parsed.data : null;
}

export async function writeCheckpoint(home: string, head: Head): Promise<void> {
  const checkpoint: Checkpoint = { ...head, at: new Date().toISOString() };
  await writeDurably(checkpointFile(home), `${JSON.stringify(checkpoint)}\n`, 0o600);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
