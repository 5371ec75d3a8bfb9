import * as fc from 'fast-check';

/** Texts that have broken programs: characters, numbers in words, paths, templates, and pieces of other languages. */
export const hostileText = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    'a\u0000b',
    '\ud800',
    'a\udc00',
    '\u202eevil\u202c',
    'a\u200bb\ufeff',
    '\u0085\u2028\u2029',
    '\r\nSet-Cookie: a=b',
    '__proto__',
    'constructor',
    'toString',
    '-1',
    '0',
    '1e400',
    'NaN',
    'infinity',
    'null',
    "' or 1=1--",
    '$1',
    '%s%n',
    '${7*7}',
    '{{7*7}}',
    '<script>alert(1)</script>',
    '../../etc/passwd',
    '..%2f..%2f',
    'CON',
    'exec',
    'EXEC: id',
    '٣',
    'ß'.repeat(100),
    '𝕏'.repeat(101),
    'x'.repeat(10_000),
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
);

/** Parts of a path as they are sent, not encoded by anybody. */
export const hostileSegment = fc.oneof(
  fc.constantFrom(
    '..%2f..%2fetc%2fpasswd',
    '%2e%2e',
    '..',
    '.',
    '%00',
    'a%00b',
    '%',
    '%E0%A4%A',
    '%C3%28',
    '%ed%a0%80',
    '%252e%252e',
    '..%5c',
    'a%2fb',
    ';a=b',
    '*',
    '%20',
    '+',
    '00000000-0000-0000-0000-000000000000',
    'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF',
    '0190a000-0000-7000-8000-00000000000g',
    '0190a00000007000800000000000000',
    '__proto__',
    'constructor',
    '-1',
    '9007199254740993',
    'a'.repeat(10_000),
    '%61'.repeat(3_000),
  ),
  hostileText.map((text) => encodeURIComponent(text.toWellFormed()) || '%20'),
);

/** Bodies that are JSON in name only, or that no parser should have to bear. */
export const hostileJson = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    'null',
    '[]',
    '7',
    '"text"',
    '{',
    '{}}',
    '\ufeff{}',
    '{"a":1,}',
    "{'a':1}",
    'NaN',
    '[1e400]',
    '{"value":9007199254740993}',
    '{"value":1e131071}',
    '{"value":-0,"title":-0}',
    `{"value":${'9'.repeat(1_000)}}`,
    '['.repeat(6_000),
    '{"a":'.repeat(6_000),
    nested(31),
    nested(32),
    nested(33),
    nested(6_000),
    '{"__proto__":{"admin":true}}',
    '{"constructor":{"prototype":{"admin":true}}}',
    '{"a":{"__proto__":1}}',
    `{"value":"${'x'.repeat(300_000)}"}`,
    `{"value":[${'1,'.repeat(30_000)}1]}`,
    `{${Array.from({ length: 5_000 }, (_, n) => `"k${n}":1`).join()}}`,
    '{"value":"\\u0000"}',
    '{"value":"\\ud800"}',
    '{"\\u0000":1}',
  ),
  fc.json(),
  fc.string({ unit: 'binary', maxLength: 60 }),
);

function nested(depth: number): string {
  return `{"value":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
}

/** Values of headers, as bytes. */
export const hostileHeader = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\u00ff\u00fe',
    'a\tb',
    '"',
    ',',
    ';',
    '\u00e9'.repeat(200),
    'x'.repeat(300),
    '%00',
    '١',
  ),
  fc.string({ maxLength: 30 }).map((text) => text.replaceAll(/[\r\n\0]/g, '')),
);

/** Headers that nobody asked for. */
export const hostileHeaderName = fc.constantFrom(
  'idempotency-key',
  'last-event-id',
  'accept',
  'accept-encoding',
  'accept-language',
  'traceparent',
  'user-agent',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-http-method-override',
  'forwarded',
  'range',
  'if-none-match',
  'cookie',
  'mcp-protocol-version',
  'mcp-session-id',
  'origin',
  'sec-fetch-site',
  'content-encoding',
  'upgrade',
);

/** Cursors that no list gave. */
export const hostileCursor = fc.oneof(
  fc.constantFrom('MTo', 'MTotMQ', 'MTo5OTk5OTk5OTk5OTk5OTk5', 'MTphYmM', '1:1', '=', 'MTo1e9'),
  fc.string({ maxLength: 60 }).map((text) => Buffer.from(`1:${text}`).toString('base64url')),
  hostileText,
);
