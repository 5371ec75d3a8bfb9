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
const AGAIN_MS = 60_000;

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

  const failing = new Map<string, number>();

  const loop = (async () => {
    for (let away = false; !closing.signal.aborted; ) {
      try {
        const looked = await writePending(database, folder, failing, log);
        away = false;
        if (looked < BATCH) await wake.wait(POLL_MS, closing.signal);
      } catch (error) {
        if (!away) log.warn({ err: toError(error).message }, 'published outputs wait to be written');
        away = true;
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

/**
 * Writes what is not noted as written. One that cannot be written is named in the log, left for a minute, and
 * does not hold up the others. Returns how many artefacts were looked at.
 * @param failing when each that failed is tried again
 */
export async function writePending(
  database: Database,
  folder: string,
  failing: Map<string, number>,
  log: Log,
): Promise<number> {
  const now = performance.now();
  const notYet = [...failing].filter(([, again]) => again > now).map(([name]) => name);
  const artefacts = await unwrittenArtefacts(database, BATCH, notYet);
  for (const { name, content } of artefacts) {
    try {
      await mkdir(folder, { recursive: true, mode: 0o755 });
      await putWhole(folder, name, content);
    } catch (error) {
      if (!failing.has(name))
        log.error({ file: name, err: toError(error).message }, 'an output cannot be written');
      failing.set(name, now + AGAIN_MS);
      continue;
    }
    await markWritten(database, name);
    failing.delete(name);
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
