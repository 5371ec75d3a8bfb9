import * as fc from 'fast-check';
import type { Schema } from './operations.ts';

export type Resolve = (ref: string) => Schema;
/** What stands for a member of a name instead of its schema: things that exist, or that mean something. */
export type Hints = Record<string, fc.Arbitrary<unknown>>;

/**
 * Values that a schema accepts, those at its limits among them.
 * @param hints by the name of a member, at whatever depth
 */
export function validFor(
  schema: Schema,
  resolve: Resolve,
  hints: Hints = {},
  depth = 0,
): fc.Arbitrary<unknown> {
  const inner = (child: Schema, name = '') => hints[name] ?? validFor(child, resolve, hints, depth + 1);
  if (schema.$ref) return inner({ ...resolve(schema.$ref) });
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map((one) => inner(one)));
  const types = [schema.type ?? 'any'].flat();
  if (types.length > 1) return fc.oneof(...types.map((type) => inner({ ...schema, type })));
  const [type = 'any'] = types;
  switch (type) {
    case 'string':
      return textFor(schema);
    case 'integer':
    case 'number':
      return numberFor(schema);
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array': {
      const { items = {}, minItems = 0, maxItems = 3 } = schema;
      const usual = fc.array(inner(items), { minLength: minItems, maxLength: Math.max(minItems, 3) });
      if (depth > 2 || maxItems > 200) return usual;
      return oftenAndSeldom(usual, fc.array(inner(items), { minLength: maxItems, maxLength: maxItems }));
    }
    case 'object':
      return objectFor(schema, inner);
    default:
      return fc.jsonValue({ maxDepth: 2, stringUnit: 'grapheme' });
  }
}

function objectFor(
  schema: Schema,
  inner: (child: Schema, name?: string) => fc.Arbitrary<unknown>,
): fc.Arbitrary<unknown> {
  const { properties, required = [], additionalProperties, oneOf } = schema;
  if (oneOf) return fc.oneof(...oneOf.map((one) => objectFor(alternative(schema, one), inner)));
  if (properties) {
    const members = Object.fromEntries(
      Object.entries(properties).map(([name, child]) => [name, inner(child, name)]),
    );
    return fc.record(members, { requiredKeys: required.filter((name) => name in members) });
  }
  const value = typeof additionalProperties === 'object' ? inner(additionalProperties) : fc.jsonValue();
  const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,9}$/);
  return fc.dictionary(name, value, { maxKeys: 3 });
}

/** One of several forms of an object, without the members that only the others have. */
function alternative(schema: Schema, chosen: Schema): Schema {
  const ours = new Set(chosen.required);
  const theirs = schema.oneOf?.flatMap((one) => one.required ?? []).filter((name) => !ours.has(name));
  const { oneOf: _, properties = {}, required = [], ...rest } = schema;
  const kept = Object.entries(properties).filter(([name]) => !theirs?.includes(name));
  return { ...rest, properties: Object.fromEntries(kept), required: [...required, ...ours] };
}

function textFor({ pattern, format, minLength = 0, maxLength = 40 }: Schema): fc.Arbitrary<string> {
  if (format === 'uuid') return fc.uuid();
  if (format === 'date-time') return instant;
  if (pattern !== undefined)
    return fc.stringMatching(new RegExp(pattern)).filter((text) => text.length <= maxLength);
  const least = Math.max(minLength, 1);
  const usual = fc.string({ unit: 'grapheme', minLength: least, maxLength: Math.max(least, 20) });
  const longest = fc.string({ unit: 'grapheme-ascii', minLength: maxLength, maxLength });
  return oftenAndSeldom(usual, longest);
}

const DAY_MS = 86_400_000;
const instant = fc
  .integer({ min: -300 * DAY_MS, max: 300 * DAY_MS })
  .map((offset) => new Date(Date.now() + offset).toISOString());

function numberFor({ type, minimum = 0, maximum = 1_000 }: Schema): fc.Arbitrary<number> {
  const edges = fc.constantFrom(minimum, maximum);
  const whole = fc.integer({ min: Math.ceil(minimum), max: Math.min(maximum, 2 ** 31 - 1) });
  if (type === 'integer') return oftenAndSeldom(whole, edges);
  const broken = fc.double({ min: minimum, max: maximum, noNaN: true });
  return oftenAndSeldom(fc.oneof(whole, broken), edges);
}

function oftenAndSeldom<T>(often: fc.Arbitrary<T>, seldom: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 9, arbitrary: often }, { weight: 1, arbitrary: seldom });
}
