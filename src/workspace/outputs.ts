import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from '../db/database.ts';
import { markWritten, unwrittenArtefacts } from '../engine/artefacts.ts';
import { toError } from '../errors.ts';
import { codeOf, syncDirectory } from '../lib/files.ts';
import { makeWake, sleep } from '../lib/wake.ts';
import type { Log } from '../log.ts';

export type OutputWriter = { close(): Promise<void> };

const POLL_MS = 3_000;
const BATCH = 50;

/**
 * Writes published artefacts into `outputs/` of the workspace, each exactly once: the name was fixed in the
 * database, the file is put in place whole and never over another, and only then is it noted as written. A
 * crash in between finds the file already there with the same content.
 */
export function startOutputWriter(database: Database, workspace: string, parentLog: Log): OutputWriter {
  const log = parentLog.child({ part: 'outputs' });
  const folder = join(workspace, 'outputs');
  const closing = new AbortController();
  const wake = makeWake();
  const stopListening = database.hints.on('sealed', wake.call);

  const loop = (async () => {
    for (let failing = false; !closing.signal.aborted; ) {
      try {
        const written = await writePending(database, folder);
        failing = false;
        if (written < BATCH) await wake.wait(POLL_MS, closing.signal);
      } catch (error) {
        if (!failing) log.warn({ err: toError(error).message }, 'published outputs wait to be written');
        failing = true;
        await sleep(POLL_MS, closing.signal);
      }
    }
  })();

  return {
    async close() {
      closing.abort();
      stopListening();
      await loop;
    },
  };
}

/** Writes what is not noted as written. Returns how many artefacts were looked at. */
export async function writePending(database: Database, folder: string): Promise<number> {
  const artefacts = await unwrittenArtefacts(database, BATCH);
  if (artefacts.length > 0) await mkdir(folder, { recursive: true, mode: 0o755 });
  for (const { name, content } of artefacts) {
    await putWhole(folder, name, content);
    await markWritten(database, name);
    database.hints.tell('events');
  }
  return artefacts.length;
}

/** Puts a file in place at once and durably. An existing file of the same content is the one from before a crash. */
async function putWhole(folder: string, name: string, content: string): Promise<void> {
  const path = join(folder, name);
  const temporary = join(folder, `.${name}.${randomBytes(6).toString('hex')}.tmp`);
  const file = await open(temporary, 'wx', 0o644);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(temporary, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST' || (await readFile(path, 'utf8')) !== content) throw error;
  } finally {
    await unlink(temporary);
  }
  await syncDirectory(folder);
}
