import type { Database } from '../db/database.ts';
import { markWritten, unwrittenArtefacts } from '../engine/artefacts.ts';
import type { Log } from '../log.ts';
import { type Folders, inRealFolder, unavailable } from './disk/folders.ts';
import { putWhole } from './disk/put-whole.ts';

const BATCH = 64;
const AT_ONCE = 8;
const AGAIN_MS = 60_000;

/** When each output that could not be written is tried again, and why it was not. */
export type Failing = Map<string, { again: number; problem: string }>;

/**
 * Writes what the database says belongs into `outputs/` and is not noted as written: each exactly once, because
 * its name and content were fixed before. A crash between file and note finds the file there with the same
 * content. One that cannot be written is told, left for a minute, and does not hold up the others.
 * @returns how many were looked at
 */
export async function writePending(
  database: Database,
  workspaceId: string,
  folders: Folders,
  failing: Failing,
  log: Log,
): Promise<number> {
  const now = performance.now();
  const notYet = [...failing].filter(([, { again }]) => again > now).map(([name]) => name);
  const artefacts = await unwrittenArtefacts(database, workspaceId, BATCH, notYet);

  const write = async (folder: string, { name, content }: (typeof artefacts)[number]) => {
    const problem = await putWhole(folder, name, content).then(
      (put) => (put.ok ? null : `${name} cannot be written: another file has its name`),
      (error: unknown) => unavailable(folders.path('outputs'), error).message,
    );
    if (problem === null) {
      await markWritten(database, name);
      failing.delete(name);
      return;
    }
    if (!failing.has(name)) log.error({ file: name }, problem);
    failing.set(name, { again: now + AGAIN_MS, problem });
  };
  for (let at = 0; at < artefacts.length; at += AT_ONCE) {
    await inRealFolder(folders, 'outputs', (folder) =>
      Promise.all(artefacts.slice(at, at + AT_ONCE).map((artefact) => write(folder, artefact))),
    );
  }
  if (artefacts.length > 0) database.hints.tell('events');
  return artefacts.length;
}
