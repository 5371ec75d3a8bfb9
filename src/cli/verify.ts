import { readConfig } from '../config.ts';
import { requireCurrentSchema } from '../db/migrate.ts';
import { AppError } from '../errors.ts';
import { logKeyFile, readLogKey, readVerifier } from '../events/proof/key.ts';
import { type Verdict, verifyLog } from '../events/proof/verify.ts';
import { withDatabase } from './database.ts';
import { printFields, printJson, printLine } from './print.ts';
import { makeCountLine } from './progress.ts';

/** Verifies the event log of the database, and exits with 1 when something is wrong with it. */
export async function runVerify(trust: readonly string[], json: boolean): Promise<void> {
  const trusted = await Promise.all(trust.map(readVerifier));
  const progress = makeCountLine();
  await withDatabase(async (database, { home }) => {
    await requireCurrentSchema(database);
    const verdict = await verifyLog(database, {
      home,
      trusted,
      onProgress: ({ seq, total }) => progress.show({ what: 'events', done: seq, total }),
    });
    progress.clear();
    if (!verdict.ok) process.exitCode = 1;
    if (json) printJson(verdict);
    else print(verdict);
  });
}

function print({ offence, events, head, notes, ...verdict }: Verdict): void {
  const rate = `${verdict.seconds} s, ${verdict.events_per_second.toLocaleString('en')} a second`;
  printFields({
    'event log': offence === null ? 'is what was sealed' : 'IS NOT WHAT WAS SEALED',
    checked: `${events.checked} events in ${rate}`,
    dropped: events.dropped > 0 ? `${events.dropped} events, as signed events tell` : null,
    unsealed: events.unsealed > 0 ? `${events.unsealed} events wait for their seal` : null,
    'signed heads': `${verdict.heads_compared} are in the chain`,
    head: head && `${head.seq}, ${head.hash}`,
  });
  for (const note of notes) printLine(`note: ${note}`);
  if (offence === null) return;
  printLine('');
  printFields({
    'first offence': offence.kind,
    place: offence.seq === null ? null : String(offence.seq),
    event: offence.event_id === null ? null : String(offence.event_id),
    batch: offence.batch && `places ${offence.batch.first_seq} to ${offence.batch.last_seq}`,
    what: offence.what,
    'what to do': offence.todo,
  });
}

/** The public half of the home's key. @throws AppError not_found */
export async function printLogKey(json: boolean): Promise<void> {
  const { home } = readConfig();
  const key = await readLogKey(home);
  if (key === null)
    throw new AppError(
      'not_found',
      `There is no ${logKeyFile(home)} yet; the first beat of \`opsloop up\` makes it.`,
    );
  if (json) printJson({ id: key.id, public_key: key.publicPem });
  else printLine(key.publicPem.trimEnd());
}
