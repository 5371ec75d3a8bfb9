import * as fc from 'fast-check';
import type { Caller } from './callers.ts';
import { MEANINGS, meaningOf } from './meanings.ts';
import {
  hostileCursor,
  hostileHeader,
  hostileHeaderName,
  hostileJson,
  hostileSegment,
  hostileText,
} from './hostile.ts';
import { nearlyFor } from './nearly.ts';
import type { Operation, Parameter, Schema } from './operations.ts';
import { type Resolve, validFor } from './valid.ts';

/** How the bytes of a request are sent. All but the first two break a rule of HTTP or of ours. */
export const FRAMINGS = ['length', 'chunked', 'too short', 'too long', 'two lengths', 'not UTF-8'] as const;
export type Framing = (typeof FRAMINGS)[number];

/** A request before the places in it are filled with what exists. */
export type Draft = {
  operation: Operation;
  /** `valid`: by the document it must not be refused as malformed. `nearly`: one thing is wrong. */
  intent: 'valid' | 'nearly' | 'hostile';
  caller: Caller;
  method: string;
  target: string;
  headers: [string, string][];
  body: string | null;
  framing: Framing;
  /** The path may lead to another route, or to none. */
  strays: boolean;
};

export type DraftParts = { operations: Operation[]; callers: Caller[]; resolve: Resolve };

export function draftsOf({ operations, callers, resolve }: DraftParts): fc.Arbitrary<Draft> {
  return fc.oneof(...operations.map((operation) => draftOf(operation, callers, resolve)));
}

function draftOf(operation: Operation, callers: Caller[], resolve: Resolve): fc.Arbitrary<Draft> {
  const entitled = callers.filter((caller) => caller.may(operation.lock, operation.name));
  const may = fc.constantFrom(...(entitled.length > 0 ? entitled : callers));
  const anybody = fc.constantFrom(...callers);
  const filled = (intent: Draft['intent'], caller: fc.Arbitrary<Caller>) =>
    filledFor(operation, resolve, intent, caller);
  return fc.oneof(
    { weight: 5, arbitrary: filled('valid', may) },
    { weight: 2, arbitrary: filled('valid', anybody) },
    { weight: 4, arbitrary: filled('nearly', may) },
    { weight: 4, arbitrary: filled('hostile', fc.oneof(may, anybody)) },
  );
}

/** What is valid but for who may send it. */
export function validDraftOf(operation: Operation, caller: Caller, resolve: Resolve): fc.Arbitrary<Draft> {
  return filledFor(operation, resolve, 'valid', fc.constant(caller));
}

function filledFor(
  operation: Operation,
  resolve: Resolve,
  intent: Draft['intent'],
  caller: fc.Arbitrary<Caller>,
): fc.Arbitrary<Draft> {
  return fc
    .record({
      caller,
      path: pathFor(operation, intent),
      query: queryFor(operation, intent),
      headers: headersFor(operation, intent),
      body: bodyFor(operation, intent, resolve),
      framing:
        intent === 'hostile'
          ? fc.constantFrom(...FRAMINGS)
          : fc.constantFrom('length' as const, 'chunked' as const),
      method: intent === 'hostile' ? strayMethod(operation.method) : fc.constant(operation.method),
    })
    .map(
      ({ path, query, headers, ...rest }): Draft => ({
        ...rest,
        operation,
        intent,
        headers,
        target: `${path}${query === '' ? '' : `?${query}`}`,
        strays: intent === 'hostile',
      }),
    );
}

function strayMethod(method: string): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant(method) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        'HEAD',
        'OPTIONS',
        'GET',
        'POST',
        'PUT',
        'DELETE',
        'PATCH',
        'TRACE',
        'QUERY',
      ),
    },
  );
}

function pathFor(operation: Operation, intent: Draft['intent']): fc.Arbitrary<string> {
  const pieces = operation.path.split(/(\{\w+\})/).map((piece): fc.Arbitrary<string> => {
    if (!piece.startsWith('{')) return fc.constant(piece);
    const name = piece.slice(1, -1);
    const known = meaningOf(operation, name);
    const schema = operation.parameters.find((one) => one.in === 'path' && one.name === name)?.schema ?? {};
    const valid = known ?? validFor(schema, () => ({})).map((value) => encodeURIComponent(plain(value)));
    if (intent === 'valid') return valid as fc.Arbitrary<string>;
    const other = validFor(schema, () => ({})).map((value) => encodeURIComponent(plain(value)));
    if (intent === 'nearly') return fc.oneof(valid as fc.Arbitrary<string>, other);
    return fc.oneof(valid as fc.Arbitrary<string>, hostileSegment);
  });
  return fc.tuple(...pieces).map((parts) => parts.join(''));
}

function queryFor(operation: Operation, intent: Draft['intent']): fc.Arbitrary<string> {
  const parameters = operation.parameters.filter((one) => one.in === 'query');
  const hostile = fc.oneof(hostileText, hostileCursor);
  const valueOf = ({ name, schema }: Parameter): fc.Arbitrary<unknown> => {
    const valid = MEANINGS[name] ?? validFor(schema, () => ({}));
    if (intent === 'valid') return valid;
    return intent === 'nearly'
      ? fc.oneof(
          valid,
          nearlyFor(schema, () => ({})),
        )
      : fc.oneof(valid, hostile);
  };
  const members = Object.fromEntries(
    parameters.map((one) => [one.name, fc.option(valueOf(one), { freq: 2 })]),
  );
  const extra =
    intent === 'valid'
      ? fc.constant('')
      : fc.constantFrom(
          '',
          '',
          '',
          'x=1',
          'limit=1&limit=2',
          'limit[]=1',
          '%00=%E0%A4%A',
          '&&&',
          '__proto__=1',
        );
  return fc.tuple(fc.record(members), extra).map(([given, more]) => {
    const pairs = Object.entries(given).flatMap(([name, value]) =>
      value === null || value === undefined ? [] : [`${name}=${encode(value)}`],
    );
    return [...pairs, ...(more === '' ? [] : [more])].join('&');
  });
}

/** Places stay as they are; everything else is encoded. */
function encode(value: unknown): string {
  const text = plain(value);
  return text.startsWith('@{') ? text : encodeURIComponent(text.toWellFormed());
}

function headersFor(operation: Operation, intent: Draft['intent']): fc.Arbitrary<[string, string][]> {
  const own = operation.parameters.filter((one) => one.in === 'header');
  const valid = own.map(({ name }) =>
    fc
      .option(MEANINGS[name] ?? fc.constant(''), { freq: 2 })
      .map((value) => (value === null ? [] : [[name, plain(value)]])),
  );
  const usual = fc.tuple(...valid).map((some) => some.flat() as [string, string][]);
  if (intent !== 'hostile') return usual;
  const odd = fc.array(fc.tuple(hostileHeaderName, hostileHeader), { maxLength: 2 });
  const type = fc.constantFrom<[string, string][]>(
    [],
    [],
    [],
    [['content-type', 'text/plain']],
    [['content-type', 'application/json; charset=utf-16']],
    [['content-type', 'multipart/form-data']],
    [['content-type', '']],
  );
  return fc.tuple(usual, odd, type).map((all) => all.flat());
}

function bodyFor(
  operation: Operation,
  intent: Draft['intent'],
  resolve: Resolve,
): fc.Arbitrary<string | null> {
  const { body } = operation;
  if (!body) return intent === 'hostile' ? fc.option(hostileJson, { freq: 4 }) : fc.constant(null);
  const hints = meaningsFor(operation);
  const valid = (MEANINGS[`body of ${operation.name}`] ?? validFor(body.schema, resolve, hints)).map(toText);
  if (intent === 'valid') return body.required ? valid : fc.option(valid, { freq: 3 });
  const nearly = nearlyFor(body.schema, resolve, hints).map(toText);
  if (intent === 'nearly') return fc.oneof(nearly, doubled(valid));
  return fc.oneof(hostileJson, withHostileMember(body.schema, resolve), valid);
}

function meaningsFor(operation: Operation) {
  const names = Object.keys(MEANINGS).filter((name) => !name.includes(' '));
  return Object.fromEntries(
    names.flatMap((name) => {
      const meaning = meaningOf(operation, name);
      return meaning ? [[name, meaning]] : [];
    }),
  );
}

/** A member that is there twice, with another value. */
function doubled(valid: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(valid, valid)
    .map(([one, two]) => `${one.slice(0, -1)}${one === '{}' || two === '{}' ? '' : ','}${two.slice(1)}`);
}

function withHostileMember(schema: Schema, resolve: Resolve): fc.Arbitrary<string> {
  const { properties = {} } = schema.$ref ? resolve(schema.$ref) : schema;
  const names = [...Object.keys(properties), 'constructor', 'x'];
  const usual = validFor(schema, resolve, MEANINGS);
  return fc
    .tuple(usual, fc.constantFrom(...names), fc.oneof(hostileText, fc.jsonValue()))
    .map(([all, name, value]) => toText({ ...(all as object), [name]: value }));
}

/** As it stands in an address or a header: texts without their quotes. */
function plain(value: unknown): string {
  return typeof value === 'string' ? value : toText(value);
}

function toText(value: unknown): string {
  return JSON.stringify(value) ?? '';
}
