import { styleText } from 'node:util';
import { humanDuration } from '../lib/time.ts';
import { visible } from '../lib/visible.ts';

export { visible };

/** Only here is anything written to the standard output. */
export function printLine(text = ''): void {
  process.stdout.write(`${text}\n`);
}

/** For programs: one JSON document. */
export function printJson(value: unknown): void {
  printLine(JSON.stringify(value, null, 2));
}

/** What did not go well, for people, beside the output. */
export function printProblem(text: string): void {
  process.stderr.write(`${text}\n`);
}

type Column<Row> = { title: string; value: (row: Row) => string };

/** Columns as wide as their widest cell; the last one takes what is left of the line. */
export function printTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[], empty: string): void {
  if (rows.length === 0) {
    printLine(empty);
    return;
  }
  const cells = rows.map((row) => columns.map((column) => oneLine(column.value(row))));
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...cells.map((row) => row[index]?.length ?? 0)),
  );
  const line = (row: string[]) =>
    row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0))).join('  ');
  printLine(dim(line(columns.map((column) => column.title))));
  for (const row of cells) printLine(line(row));
}

/** A name and its value on a line each. */
export function printFields(fields: Record<string, string | null | undefined>): void {
  const shown = Object.entries(fields).filter(
    ([, value]) => value !== null && value !== undefined && value !== '',
  );
  const width = Math.max(...shown.map(([name]) => name.length));
  for (const [name, value] of shown) printLine(`${dim(name.padEnd(width))}  ${oneLine(value ?? '')}`);
}

/** "3 min ago", or nothing. */
export function ago(time: string | null | undefined): string {
  return time ? `${humanDuration(Date.now() - Date.parse(time))} ago` : '';
}

/** "$0.0123": small amounts keep their digits. */
export function usd(amount: number): string {
  return `$${amount.toFixed(amount !== 0 && amount < 1 ? 4 : 2)}`;
}

export function dim(text: string): string {
  return process.stdout.isTTY ? styleText('dim', text) : text;
}

export function bold(text: string): string {
  return process.stdout.isTTY ? styleText('bold', text) : text;
}

/** The same for what must stay one line: a title must not draw lines of its own. */
export function oneLine(text: string): string {
  return visible(text).replace(/[\n\t]/g, (character) => (character === '\n' ? '\\n' : '\\t'));
}
