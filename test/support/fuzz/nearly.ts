import * as fc from 'fast-check';
import type { Schema } from './operations.ts';
import { type Hints, type Resolve, validFor } from './valid.ts';

/** A value with one thing wrong: a type, a limit, an enum's neighbour, a member missing, unknown or null. */
export function nearlyFor(schema: Schema, resolve: Resolve, hints: Hints = {}): fc.Arbitrary<unknown> {
  if (schema.$ref) return nearlyFor(resolve(schema.$ref), resolve, hints);
  const valid = validFor(schema, resolve, hints);
  const nearly: fc.Arbitrary<unknown>[] = [fc.constant(null), otherType(schema)];
  if (schema.enum) nearly.push(fc.constantFrom(...schema.enum.flatMap(neighboursOf)));
  if (schema.maxLength !== undefined) nearly.push(fc.constant('x'.repeat(schema.maxLength + 1)));
  if (schema.minLength !== undefined) nearly.push(fc.constant(''));
  if (schema.maximum !== undefined) nearly.push(fc.constantFrom(schema.maximum + 1, schema.maximum + 0.5));
  if (schema.minimum !== undefined) nearly.push(fc.constantFrom(schema.minimum - 1, schema.minimum - 0.5));
  if (schema.format === 'date-time') nearly.push(fc.constantFrom(...WRONG_TIMES));
  if (schema.items !== undefined) {
    const { items, maxItems = 500 } = schema;
    nearly.push(nearlyFor(items, resolve, hints).map((one) => [one]));
    nearly.push(
      validFor(items, resolve, hints).map((one) => Array.from({ length: maxItems + 1 }, () => one)),
    );
    nearly.push(fc.constant([]));
  }
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    nearly.push(
      fc.tuple(valid, nearlyFor(child, resolve, hints)).map(([all, one]) => withMember(all, name, one)),
    );
    nearly.push(valid.map((all) => withMember(all, name, undefined)));
  }
  if (schema.properties) nearly.push(valid.map((all) => withMember(all, 'unknown_member', 1)));
  return fc.oneof(...nearly);
}

function withMember(all: unknown, name: string, value: unknown): unknown {
  return { ...(all as object), [name]: value };
}

function otherType({ type }: Schema): fc.Arbitrary<unknown> {
  const others = { string: 'x', number: 7, boolean: true, array: [1], object: { a: 1 } };
  return fc.constantFrom(
    ...Object.entries(others).flatMap(([name, one]) => ([type].flat().includes(name) ? [] : [one])),
  );
}

function neighboursOf(value: unknown): unknown[] {
  return typeof value === 'string'
    ? [`${value}s`, value.slice(0, -1), value.toUpperCase(), ` ${value}`]
    : [value];
}

const WRONG_TIMES = [
  'infinity',
  '-infinity',
  '0000-01-01T00:00:00Z',
  '99999-01-01T00:00:00Z',
  '+275760-09-13T00:00:00Z',
  '2026-02-30T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-01-01T24:00:00Z',
  '2026-01-01T00:00:60Z',
  '2026-01-01T00:00:00+99:99',
  '2026-01-01',
  'now',
];
