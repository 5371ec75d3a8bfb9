import { isDeepStrictEqual } from 'node:util';
import type { Row, Rows } from './schema.ts';

/** Both as JSON: a member that is missing is null, and a time is the same in whatever zone it is written. */
export function isSame(column: string, a: unknown, b: unknown): boolean {
  const [left, right] = [a ?? null, b ?? null];
  if (left === right) return true;
  if (column.endsWith('_at') && typeof left === 'string' && typeof right === 'string')
    return isSameTime(left, right);
  return isDeepStrictEqual(left, right);
}

const TIME = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d(?::?\d\d)?)$/;

function isSameTime(left: string, right: string): boolean {
  const [a, b] = [microsOf(left), microsOf(right)];
  return a !== null && a === b;
}

function microsOf(text: string): bigint | null {
  const [, seconds, fraction = '', zone = ''] = TIME.exec(text) ?? [];
  if (seconds === undefined) return null;
  const offset = zone === 'Z' || zone.includes(':') ? zone : `${zone}:00`;
  const ms = Date.parse(`${seconds.replace(' ', 'T')}${offset}`);
  return Number.isNaN(ms) ? null : BigInt(ms) * 1_000n + BigInt(fraction.padEnd(6, '0'));
}

/** How the rows of a table differ from what the log tells of them. */
export function* differences(logged: Rows, stored: Rows): Generator<{ id: string; what: string }> {
  for (const [id, row] of stored) {
    const told = logged.get(id);
    if (told === undefined) yield { id, what: 'The row is there, and no event tells of it.' };
    else yield* columns(id, row, told);
  }
  for (const id of logged.keys())
    if (!stored.has(id)) yield { id, what: 'The log tells of it, and its row is not there.' };
}

function* columns(id: string, row: Row, told: Row): Generator<{ id: string; what: string }> {
  for (const [column, value] of Object.entries(row)) {
    if (isSame(column, value, told[column])) continue;
    yield {
      id,
      what: `Its ${column} is ${shown(value)} in the table and ${shown(told[column])} by the log.`,
    };
  }
}

/** A value in a sentence: a text as it is, anything else as JSON. */
export function said(value: unknown): string {
  return typeof value === 'string' ? value : shown(value);
}

const MOST_SHOWN = 200;

function shown(value: unknown): string {
  const text = JSON.stringify(value ?? null);
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
}
