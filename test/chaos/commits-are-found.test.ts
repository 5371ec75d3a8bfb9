import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeCommitFinder } from '../../chaos/proxy/commit-finder.ts';

const startup = framed(null, Buffer.concat([int(196_608), Buffer.from('user\0opsloop\0\0')]));
const sslRequest = framed(null, int(80_877_103));
const query = (text: string) => framed('Q', Buffer.from(`${text}\0`));
const parse = (name: string, text: string) => framed('P', Buffer.from(`${name}\0${text}\0\0\0`));
const bind = framed('B', Buffer.from('\0\0\0\0\0\x01\0\0\0\x06commit\0\0'));
const sync = framed('S', Buffer.alloc(0));

function int(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(number);
  return bytes;
}

function framed(type: string | null, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type ?? ''), int(body.length + 4), body]);
}

/** How many pieces completed a COMMIT, when a stream is sent in pieces of these sizes. */
function countCommits(stream: Buffer, sizes: number[]): number {
  const finder = makeCommitFinder();
  let found = 0;
  for (let at = 0, n = 0; at < stream.length; n++) {
    const size = sizes[n % sizes.length] ?? 1;
    if (finder.feed(stream.subarray(at, at + size))) found++;
    at += size;
  }
  return found;
}

test('a COMMIT is found as a query and as a parsed statement, and nothing else is', () => {
  const said = (...messages: Buffer[]) => countCommits(Buffer.concat([startup, ...messages]), [1]);
  expect(said(query('commit'))).toBe(1);
  expect(said(query('  COMMIT'), query('begin'), query('end'))).toBe(2);
  expect(said(parse('', 'commit'), bind, sync)).toBe(1);
  expect(said(parse('named', 'Commit'), sync)).toBe(1);
  expect(said(query('select 1 as commit'), query('committed'), bind, sync)).toBe(0);
  expect(said(query("begin; select 'x'"), query('rollback'))).toBe(0);
  expect(countCommits(Buffer.concat([sslRequest, startup, query('commit')]), [1])).toBe(1);
});

test('it is found however the network cuts the stream, once, also behind long messages', () => {
  const long = query(`insert into t values ('${'commit '.repeat(5_000)}')`);
  const stream = Buffer.concat([
    sslRequest,
    startup,
    long,
    parse('', 'select 1'),
    bind,
    sync,
    query('commit'),
  ]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 1 }), (sizes) => {
      expect(countCommits(stream, sizes)).toBe(1);
    }),
  );
});
