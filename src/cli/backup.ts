import { resolve } from 'node:path';
import { makeBackup, type Made } from '../backup/make.ts';
import { readConfig } from '../config.ts';
import { openDatabase } from '../db/database.ts';
import { makeLog } from '../log.ts';
import { openData } from './database.ts';
import { printFields, printJson, printLine } from './print.ts';
import { makeProgressLine } from './progress.ts';
import { untilInterrupted } from './interrupt.ts';
import { orStopped } from './or-stopped.ts';

/** Makes a backup. Exits with 1 when the check of its copy found something. */
export async function runBackup(
  file: string | undefined,
  options: { verify: boolean; withSecrets?: boolean },
  json: boolean,
): Promise<void> {
  const config = readConfig();
  const log = makeLog({ level: config.logLevel, terminal: process.stderr.isTTY });
  const signal = untilInterrupted();
  const line = makeProgressLine();
  const data = await openData(config, log);
  const database = openDatabase(data.url, { log, max: 2, listenUrl: null });
  try {
    const making = makeBackup({
      database,
      home: config.home,
      path: file === undefined ? undefined : resolve(file),
      settings: config.backups,
      verify: options.verify,
      withSecrets: options.withSecrets ?? false,
      dataDir: data.dataDir,
      onStep: (what, share) => line.show(() => `${what}  ${Math.floor(share * 100)} %`),
      signal,
    }).finally(line.clear);
    const made = await orStopped(making, signal, 'No backup was made.');
    if (made.check?.ok === false) process.exitCode = 1;
    if (json) printJson(made);
    else print(made, options.withSecrets ?? false);
  } finally {
    await database.close();
    await data.stop();
  }
}

function print(made: Made, withSecrets: boolean): void {
  const { check, seconds, dropped } = made;
  const checked = check?.ok
    ? `it restores and is sound, ${seconds.checking} s`
    : 'IT RESTORES, BUT IS NOT SOUND';
  printFields({
    backup: made.file,
    holds: `${made.rows.toLocaleString('en')} rows, events up to ${made.seq ?? 'none'}, as of ${made.taken_at}`,
    size: `${(made.bytes / 2 ** 20).toFixed(1)} MB in ${seconds.taking} s`,
    verified: check === null ? 'no: it was not restored anywhere' : checked,
    dropped: dropped.length > 0 ? `${dropped.length} older ones` : null,
  });
  for (const one of made.skipped) printLine(`Not taken along: ${one}`);
  for (const name of made.left)
    printLine(
      `Left of a check that was cut off: the database ${name}; somebody is in it, or another role made it.`,
    );
  for (const finding of check?.findings ?? []) printLine(`! ${finding}`);
  if (withSecrets) printLine('It holds keys and secrets: who has this file can do what this home can.');
}
