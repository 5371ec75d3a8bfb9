import { type CheckProgress, checkHistory, type Report } from '../check/check.ts';
import { readCheckpoint, writeCheckpoint } from '../check/checkpoint.ts';
import { requireCurrentSchema } from '../db/migrate.ts';
import { readVerifier } from '../events/proof/key.ts';
import { isThere } from '../lib/files.ts';
import { withDatabase } from './database.ts';
import { printFields, printJson, printLine, printTable } from './print.ts';
import { makeCountLine } from './progress.ts';

const WHAT: Record<CheckProgress['doing'], string> = {
  log: 'events verified',
  threads: 'events replayed',
};

/** Checks the history in the database, and exits with 1 when it does not hold. */
export async function runCheck(
  options: { trust: readonly string[]; sinceLast?: boolean },
  json: boolean,
): Promise<void> {
  const trusted = await Promise.all(options.trust.map(readVerifier));
  const progress = makeCountLine();
  await withDatabase(async (database, { home }) => {
    await requireCurrentSchema(database);
    const since = options.sinceLast ? await readCheckpoint(database, home) : null;
    const report = await checkHistory(database, {
      home,
      sinceSeq: since?.seq,
      trusted,
      onProgress: ({ doing, done, total }) => progress.show({ what: WHAT[doing], done, total }),
    });
    progress.clear();
    if (!report.ok) process.exitCode = 1;
    else if (report.log.head && (await isThere(home))) await writeCheckpoint(home, report.log.head);
    if (json) printJson(report);
    else printReport(report);
  });
}

/** What was held against what, and what did not hold. */
export function printReport({ ok, rules, findings, notes, ...report }: Report): void {
  printFields({
    history: ok ? 'holds' : 'DOES NOT HOLD',
    checked: `${report.threads} proposals with ${report.events} events in ${report.seconds} s`,
    replayed: report.since_seq === 0 ? 'the whole log' : `what happened since place ${report.since_seq}`,
  });
  printLine();
  printTable(
    rules,
    [
      { title: 'rule', value: ({ rule }) => rule },
      { title: 'held against', value: ({ checked }) => String(checked) },
      { title: 'broken', value: ({ findings: broken }) => String(broken) },
      { title: 'it says', value: ({ says }) => says },
    ],
    '',
  );
  for (const note of notes) printLine(`note: ${note}`);
  for (const finding of findings) {
    printLine();
    printFields({
      rule: finding.rule,
      [finding.entity]: finding.id,
      what: finding.what,
      events: finding.events.map(({ seq, id, kind }) => `${kind} (${placeOf(seq, id)})`).join(', '),
    });
  }
  const all = rules.reduce((sum, rule) => sum + rule.findings, 0);
  if (all > findings.length) printLine(`\nThese are the first ${findings.length} of ${all}.`);
  if (!ok)
    printLine(
      '\nLeave the database and the home as they are, and compare with a backup: `opsloop check` on it says whether it holds.',
    );
}

function placeOf(seq: number | null, id: number): string {
  return seq === null ? `event ${id}, not sealed` : `event ${id}, place ${seq}`;
}
