import { connect } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import { SECURITY_HEADERS } from '../../src/http/security-headers.ts';
import type { HttpServer } from '../../src/http/serve.ts';
import { OPERATOR_KEY, useApp } from '../support/app.ts';

const t = useApp();
let server: HttpServer;
beforeAll(async () => {
  // So that a connection on which nothing more comes ends soon.
  const limits = {
    keepAliveTimeout: 150,
    headersTimeout: 300,
    requestTimeout: 300,
    connectionsCheckingInterval: 50,
  };
  server = await t.serve({ limits });
});

/** Sends bytes, and gives the status of every answer that came until the server ended the connection. */
function statusesOf(text: string): Promise<{ statuses: number[]; text: string }> {
  return new Promise((resolve) => {
    const socket = connect(server.port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('latin1').on('data', (part: string) => {
      answer += part;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
      resolve({ statuses, text: answer });
    });
    socket.write(Buffer.from(text, 'latin1'));
  });
}

const AUTH = `Authorization: Bearer ${OPERATOR_KEY}`;
const JSON_TYPE = 'Content-Type: application/json';
const ownHost = () => `Host: 127.0.0.1:${server.port}`;
const WISH = JSON.stringify({ agent_id: 'pm', kind: 'analysis', title: 'Look' });
const CHUNKED = `${WISH.length.toString(16)}\r\n${WISH}\r\n0\r\n\r\n`;
/** What a proxy would not see, and we must not either: a second request within the first. */
const second = () =>
  `POST /api/ops/pause HTTP/1.1\r\n${ownHost()}\r\n${AUTH}\r\n${JSON_TYPE}\r\nContent-Length: 2\r\n\r\n{}`;
const post = (framing: string[], body: string, line = 'POST /api/ops/proposals HTTP/1.1') =>
  [line, ownHost(), AUTH, JSON_TYPE, ...framing, '', body].join('\r\n');

const refused: [string, (smuggled: string) => string][] = [
  [
    'a length and chunks',
    (s) => post([`Content-Length: ${CHUNKED.length}`, 'Transfer-Encoding: chunked'], CHUNKED + s),
  ],
  ['chunks and a length', (s) => post(['Transfer-Encoding: chunked', 'Content-Length: 4'], CHUNKED + s)],
  ['two lengths', (s) => post(['Content-Length: 2', `Content-Length: ${WISH.length}`], WISH + s)],
  [
    'the same length twice',
    (s) => post([`Content-Length: ${WISH.length}`, `Content-Length: ${WISH.length}`], WISH + s),
  ],
  ['a list of lengths', (s) => post([`Content-Length: ${WISH.length}, ${WISH.length}`], WISH + s)],
  ['a length with a sign', (s) => post([`Content-Length: +${WISH.length}`], WISH + s)],
  ['a length below nothing', (s) => post(['Content-Length: -1'], WISH + s)],
  ['a length in hexadecimal', (s) => post([`Content-Length: 0x${WISH.length.toString(16)}`], WISH + s)],
  ['a length of nothing', (s) => post(['Content-Length:'], s)],
  ['a length beyond numbers', (s) => post(['Content-Length: 99999999999999999999999'], WISH + s)],
  ['a blank before the colon', (s) => post([`Content-Length : ${WISH.length}`], WISH + s)],
  ['a blank before the colon of the chunks', (s) => post(['Transfer-Encoding : chunked'], CHUNKED + s)],
  ['a folded header', (s) => post(['X-Folded: a\r\n b', 'Transfer-Encoding:\r\n chunked'], CHUNKED + s)],
  ['an unknown coding', (s) => post(['Transfer-Encoding: xchunked'], CHUNKED + s)],
  ['a coding after the chunks', (s) => post(['Transfer-Encoding: chunked, identity'], CHUNKED + s)],
  ['chunks twice', (s) => post(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], CHUNKED + s)],
  ['chunks behind a control character', (s) => post(['Transfer-Encoding: \x0bchunked'], CHUNKED + s)],
  ['chunks in quotes', (s) => post(['Transfer-Encoding: "chunked"'], CHUNKED + s)],
  ['a bare line feed between headers', (s) => post([`X: y\nContent-Length: ${WISH.length}`], WISH + s)],
  ['a bare carriage return', (s) => post([`X: y\rContent-Length: ${WISH.length}`], WISH + s)],
  ['a NUL in a header', (s) => post([`X: a\0b`, `Content-Length: ${WISH.length}`], WISH + s)],
  ['a line without a colon', (s) => post(['nothing', `Content-Length: ${WISH.length}`], WISH + s)],
  [
    'a chunk of a negative size',
    (s) => post(['Transfer-Encoding: chunked'], `-1\r\n${WISH}\r\n0\r\n\r\n${s}`),
  ],
  ['a chunk size with a prefix', (s) => post(['Transfer-Encoding: chunked'], `0x${CHUNKED}${s}`)],
  [
    'a chunk size beyond numbers',
    (s) => post(['Transfer-Encoding: chunked'], `fffffffffffffffff\r\n${WISH}\r\n0\r\n\r\n${s}`),
  ],
  [
    'a chunk that is longer than it says',
    (s) => post(['Transfer-Encoding: chunked'], `2\r\n${WISH}\r\n0\r\n\r\n${s}`),
  ],
  [
    'chunks parted by bare line feeds',
    (s) => post(['Transfer-Encoding: chunked'], `${CHUNKED.replaceAll('\r\n', '\n')}${s}`),
  ],
  [
    'HTTP/1.0 with chunks',
    (s) => post(['Transfer-Encoding: chunked'], CHUNKED + s, 'POST /api/ops/proposals HTTP/1.0'),
  ],
  [
    'HTTP/2.0 by hand',
    (s) => post([`Content-Length: ${WISH.length}`], WISH + s, 'POST /api/ops/proposals HTTP/2.0'),
  ],
  ['HTTP/0.9', (s) => `GET /api/ops/proposals\r\n\r\n${s}`],
  ['the preface of HTTP/2', (s) => `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${s}`],
  ['a tunnel', (s) => `CONNECT 127.0.0.1:5432 HTTP/1.1\r\n${ownHost()}\r\n${AUTH}\r\n\r\n${s}`],
];

test.each(refused)('%s: nothing behind it is taken for a request', async (_what, make) => {
  const { statuses, text } = await statusesOf(make(second()));
  // One refusal, or none where the connection is no more.
  expect(statuses.length).toBeLessThanOrEqual(1);
  for (const status of statuses) expect([400, 403, 408, 413]).toContain(status);
  if (statuses.length === 1)
    for (const name of Object.keys(SECURITY_HEADERS))
      expect(text.toLowerCase()).toContain(`\r\n${name.toLowerCase()}: `);
});

test('none of them has proposed or paused anything', async () => {
  const made = await t.database.query('select id from ops_proposals');
  const [paused] = await t.database.query(`select value from ops_policy where key = 'paused'`);
  expect({ made, paused }).toEqual({ made: [], paused: { value: { enabled: false, agents: [] } } });
});

test.each<[string, string[], string]>([
  [
    'an extension of a chunk',
    ['Transfer-Encoding: chunked'],
    `${WISH.length.toString(16)};a=b\r\n${WISH}\r\n0\r\n\r\n`,
  ],
  [
    'a trailer',
    ['Transfer-Encoding: chunked'],
    `${WISH.length.toString(16)}\r\n${WISH}\r\n0\r\nX-Admin: yes\r\n\r\n`,
  ],
  ['zeros before a chunk size', ['Transfer-Encoding: chunked'], `000${CHUNKED}`],
  ['blanks around a length', [`Content-Length:   ${WISH.length}  `], WISH],
])('%s is allowed, and ends where it says', async (_what, framing, body) => {
  const { statuses } = await statusesOf(
    post(framing, `${body}GET /api/status HTTP/1.1\r\n${ownHost()}\r\n\r\n`),
  );
  expect(statuses).toEqual([201, 200]);
});

test('requests sent ahead are answered in their order, each by its own key', async () => {
  const get = (path: string, key: string | null) =>
    [`GET ${path} HTTP/1.1`, ownHost(), ...(key ? [`Authorization: Bearer ${key}`] : []), '', ''].join(
      '\r\n',
    );
  const { statuses } = await statusesOf(
    [
      get('/api/ops/missions', OPERATOR_KEY),
      get('/api/ops/missions', null),
      get('/api/status', null),
      get('/api/ops/missions', 'nonsense'),
      get('/api/ops/missions', OPERATOR_KEY),
    ].join(''),
  );
  expect(statuses).toEqual([200, 401, 200, 401, 200]);
});

test('a connection is not kept for more requests than a thousand', async () => {
  const one = `GET /api/status HTTP/1.1\r\n${ownHost()}\r\n\r\n`;
  const { statuses } = await statusesOf(one.repeat(1_500));
  expect(statuses.filter((status) => status === 200)).toHaveLength(1_000);
});

test.each(['TRACE', 'TRACK', 'DEBUG', 'PATCH', 'LINK', 'PROPFIND', 'MKCOL', 'SEARCH'])(
  '%s reflects nothing and does nothing',
  async (method) => {
    const { statuses, text } = await statusesOf(
      `${method} /api/ops/policy HTTP/1.1\r\n${ownHost()}\r\n${AUTH}\r\nX-Secret: 12345\r\n\r\n`,
    );
    expect([400, 404, 405]).toContain(statuses[0]);
    expect(text).not.toContain('12345');
  },
);
