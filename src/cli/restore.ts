import { resolve } from 'node:path';
import { diskFull, freeSpace, RESERVE_BYTES, WAL_BYTES } from '../backup/folder.ts';
import type { Manifest } from '../backup/manifest.ts';
import { type Restored, restoreBackup } from '../backup/restore.ts';
import { type Config, readConfig } from '../config.ts';
import { openDatabase } from '../db/database.ts';
import { lockHome } from '../db/local/lock.ts';
import { requireSafeSettings } from '../db/settings.ts';
import { makeLog, silentLog } from '../log.ts';
import { type DataSource, startDatabase } from './database.ts';
import { untilInterrupted } from './interrupt.ts';
import { orStopped } from './or-stopped.ts';
import { printFields, printJson, printLine } from './print.ts';
import { makeProgressLine } from './progress.ts';

/** Restores a backup into an empty database. */
export async function runRestore(
  file: string,
  { acceptFindings = false, withSecrets = false }: { acceptFindings?: boolean; withSecrets?: boolean },
  json: boolean,
): Promise<void> {
  const config = readConfig();
  const log = makeLog({ level: config.logLevel, terminal: process.stderr.isTTY });
  const signal = untilInterrupted();
  const line = makeProgressLine();
  // A server that starts meanwhile would make a database of its own.
  const lock = await lockHome(config.home);
  try {
    const data = await startDatabase(config, log);
    try {
      await requireSafe(config, data);
      const restoring = restoreBackup({
        path: resolve(file),
        url: data.url,
        home: config.home,
        acceptFindings,
        withSecrets,
        onStep: (what, share) => line.show(() => `${what}  ${Math.floor(share * 100)} %`),
        onManifest: (manifest) => requireSpace(manifest, data.dataDir),
        signal,
      }).finally(line.clear);
      const restored = await orStopped(restoring, signal, 'The database is as empty as it was.');
      if (json) printJson(restored);
      else print(restored, data);
    } finally {
      await data.stop();
    }
  } finally {
    await lock.release();
  }
}

async function requireSafe(config: Config, { url }: DataSource): Promise<void> {
  const database = openDatabase(url, { log: silentLog(), max: 1, listenUrl: null });
  try {
    await requireSafeSettings(database, config.allowUnsafeDatabase);
  } finally {
    await database.close();
  }
}

/** Rows with their indexes. */
const TIMES_THE_TEXT = 2;

async function requireSpace({ tables }: Manifest, dataDir: string | undefined): Promise<void> {
  if (dataDir === undefined) return;
  const text = tables.reduce((sum, { bytes }) => sum + bytes, 0);
  const needs = text * TIMES_THE_TEXT + WAL_BYTES + RESERVE_BYTES;
  const free = await freeSpace(dataDir);
  if (free < needs) throw diskFull(dataDir, { free, needs, for: 'restoring' });
}

function print(restored: Restored, data: DataSource): void {
  const { check, kept, left_out, migrated, heads_moved_to } = restored;
  printFields({
    restored: `${restored.rows.toLocaleString('en')} rows in ${restored.seconds} s, as of ${restored.taken_at}`,
    database: data.description,
    events: restored.seq === null ? 'none were sealed' : `go on after ${restored.seq}`,
    checked: check.ok ? 'every table reads back as it was, and the event log is sound' : 'IT IS NOT SOUND',
    migrated: migrated.length > 0 ? `to schema ${migrated.at(-1)}` : null,
    'not written': kept.length > 0 ? `${kept.join(', ')}: this home has others` : null,
    'left out': left_out.length > 0 ? `${left_out.join(', ')}: only --with-secrets writes them` : null,
    'moved aside': heads_moved_to,
  });
  for (const finding of check.findings) printLine(`! ${finding}`);
  printLine('');
  printLine(
    'It is paused: after `opsloop up`, nothing is claimed, proposed by clock, called or written until you say',
  );
  printLine(
    '`opsloop resume`. Look first at `opsloop attention`; and at `opsloop keys`: one that was revoked after the',
  );
  printLine(
    'backup is valid again. Is the original still alive, remove the webhooks and schedules of this copy.',
  );
}
