import { countOutcomes } from '../clients/history.ts';
import type { Struck } from '../faults/strike-all.ts';
import { firstStepAfter, RERUN_LIMIT_MS } from '../verdict/recovery.ts';
import type { Report } from './report.ts';

const MOST_SHOWN = 50;

/** The whole run on one page. */
export function markdown(report: Report): string {
  const { verdict, drained, struck, machine } = report;
  const { log } = verdict.facts;
  return [
    `# Chaos: seed ${report.seed}, ${report.minutes} minutes: ${sayVerdict(report)}`,
    `${machine.date}; ${machine.cores} cores, ${machine.memoryGb} GB; Node ${machine.node}, PostgreSQL ${machine.postgres}, opsloop ${machine.opsloop}.`,
    `Again: \`npm run chaos -- ${report.command}\``,
    `## Faults: ${struck.length} planned, ${struck.filter(({ evidence }) => evidence !== null).length} struck`,
    table(
      ['at', 'fault', 'whom', 'for', 'evidence', 'next completed step after'],
      struck.map((fault) => faultRow(fault, report)),
    ),
    '## Operations of clients',
    table(
      ['operation', 'acknowledged', 'refused', 'not known'],
      [...countOutcomes(report.entries)].map(([f, { ok, fail, info }]) => [f, ok, fail, info]),
    ),
    'What is not known was sent again under the same key, where it has one, until it was.',
    '## Dead and frozen processes: their steps ran again',
    table(
      ['fault', 'whom', 'steps', 'the last one after', 'the database was away, too'],
      verdict.reruns.map((one) => [
        one.fault,
        one.target,
        one.steps,
        seconds(one.slowestMs),
        one.undisturbed ? 'no' : 'yes',
      ]),
    ),
    `${verdict.reruns.filter(({ undisturbed }) => undisturbed).length} of ${verdict.reruns.length} are held against the limit of ${seconds(RERUN_LIMIT_MS)}.`,
    '## The end',
    table(
      ['what', 'figure'],
      [
        ['missions all ended, after faults and load', drained.ms === null ? 'never' : seconds(drained.ms)],
        ...outcomes(report),
        ['events in the log', log.length],
        ...report.tails.map(({ name, seen }): Cell[] => [`events seen by ${name}`, seen.length]),
        ['outputs in the workspace', verdict.facts.artefacts.length],
        ...[...verdict.peaks].map(([name, bytes]): Cell[] => [
          `most memory of ${name}`,
          `${Math.round(bytes / 1e6)} MB`,
        ]),
        ['violations', verdict.violations.length],
      ],
    ),
    ...list(
      'Violations',
      verdict.violations.map(({ rule, what }) => `${rule}: ${what}`),
    ),
    ...list('Too little happened', verdict.trivial),
    '![Throughput over time](throughput.svg)',
    '',
  ].join('\n\n');
}

export function sayVerdict({ verdict }: Pick<Report, 'verdict'>): string {
  if (verdict.violations.length > 0) return `${verdict.violations.length} violations`;
  return verdict.trivial.length > 0 ? 'trivial' : 'nothing lost, nothing twice';
}

type Cell = string | number;

function faultRow(fault: Struck, report: Report): Cell[] {
  const { name, target, evidence, beganAt, endedAt } = fault;
  const next = firstStepAfter(report.verdict.facts.log, endedAt);
  return [
    seconds(beganAt - report.startedAt),
    name,
    target,
    seconds(endedAt - beganAt),
    evidence ?? '**none**',
    next === null ? 'none' : seconds(next),
  ];
}

/** A mission that failed because its step spent its failures, or by an operator, is legal, and counted. */
function outcomes({ verdict }: Report): Cell[][] {
  const counts = new Map<string, number>();
  for (const { status, failure } of verdict.facts.missions) {
    const name = failure === null ? status : `${status}: ${failure.class}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, count]) => [`missions ${name}`, count]);
}

function table(head: string[], rows: Cell[][]): string {
  const line = (cells: Cell[]) =>
    `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function list(title: string, items: string[]): string[] {
  if (items.length === 0) return [];
  const more = items.length > MOST_SHOWN ? [`- and ${items.length - MOST_SHOWN} more`] : [];
  return [`## ${title}`, [...items.slice(0, MOST_SHOWN).map((item) => `- ${item}`), ...more].join('\n')];
}

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
