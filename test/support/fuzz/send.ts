import { connect } from 'node:net';
import type { Draft, Framing } from './drafts.ts';

/** A request as its bytes. */
export type Sent = { head: string; body: Buffer; hasWholeBody: boolean };

export type Answer = {
  /** 0: the connection ended without one. */
  status: number;
  headers: Record<string, string>;
  body: string;
  ms: number;
};

const GIVE_UP_MS = 10_000;
/** An answer that goes on for ever is left once it has said something. */
const STREAMS = 'text/event-stream';

export function toBytes(draft: Draft, port: number, fill: (text: string) => string): Sent {
  const text = draft.body === null ? null : fill(draft.body);
  const plain = Buffer.from(text ?? '', 'utf8');
  const isThere = text !== null;
  const body =
    isThere && draft.framing === 'not UTF-8'
      ? Buffer.concat([plain, Buffer.from([0xc3, 0x28, 0xff])])
      : plain;
  const given = draft.headers.map(([name, value]): [string, string] => [name, fill(value)]);
  const has = (name: string) => given.some(([one]) => one === name);
  const bearer =
    draft.caller.bearer === null ? [] : [['authorization', `Bearer ${fill(draft.caller.bearer)}`]];
  const lines = [
    `${draft.method} ${fill(draft.target)} HTTP/1.1`,
    `host: 127.0.0.1:${port}`,
    'connection: close',
    ...(has('accept') ? [] : ['accept: application/json, text/event-stream']),
    ...bearer.map((pair) => pair.join(': ')),
    ...(isThere && !has('content-type') ? ['content-type: application/json'] : []),
    ...given.map((pair) => pair.join(': ')),
    ...(isThere ? framingLines(draft.framing, body.length) : []),
  ];
  return {
    head: `${lines.join('\r\n')}\r\n\r\n`,
    body: isThere && draft.framing === 'chunked' ? chunked(body) : body,
    hasWholeBody: !isThere || !['too short', 'too long', 'two lengths'].includes(draft.framing),
  };
}

function framingLines(framing: Framing, length: number): string[] {
  const lines: Record<Framing, string[]> = {
    length: [`content-length: ${length}`],
    chunked: ['transfer-encoding: chunked'],
    'too short': [`content-length: ${Math.max(0, length - 1)}`],
    'too long': [`content-length: ${length + 10}`],
    'two lengths': [`content-length: ${length}`, `content-length: ${length + 1}`],
    'not UTF-8': [`content-length: ${length}`],
  };
  return lines[framing];
}

function chunked(body: Buffer): Buffer {
  const middle = Math.floor(body.length / 2);
  const chunks = [body.subarray(0, middle), body.subarray(middle)].filter((chunk) => chunk.length > 0);
  const framed = chunks.flatMap((chunk) => [
    Buffer.from(`${chunk.length.toString(16)}\r\n`),
    chunk,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...framed, Buffer.from('0\r\n\r\n')]);
}

export function send(port: number, { head, body, hasWholeBody }: Sent): Promise<Answer> {
  return new Promise((resolve) => {
    const began = performance.now();
    const socket = connect(port, '127.0.0.1');
    const parts: Buffer[] = [];
    const finish = () => {
      clearTimeout(timer);
      resolve({ ...parse(Buffer.concat(parts)), ms: performance.now() - began });
    };
    const timer = setTimeout(() => socket.destroy(), GIVE_UP_MS);
    socket.on('data', (part: Buffer) => {
      parts.push(part);
      const text = part.toString('latin1');
      if (text.includes(STREAMS) || parts[0]?.includes(STREAMS)) if (/\n\n/.test(text)) socket.destroy();
    });
    // What was said before the connection broke counts.
    socket.on('error', () => undefined);
    socket.on('close', finish);
    const bytes = Buffer.concat([Buffer.from(head, 'latin1'), body]);
    // A body that never comes would be waited for; our half of the connection ends instead.
    if (hasWholeBody) socket.write(bytes);
    else socket.end(bytes);
  });
}

function parse(bytes: Buffer): Omit<Answer, 'ms'> {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return { status: 0, headers: {}, body: '' };
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  );
  const rest = bytes.subarray(end + 4);
  const body = headers['transfer-encoding'] === 'chunked' ? joined(rest) : rest;
  return { status: Number(first.split(' ')[1]), headers, body: body.toString('utf8') };
}

function joined(bytes: Buffer): Buffer {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const line = bytes.indexOf('\r\n', at);
    const size = line < 0 ? 0 : Number.parseInt(bytes.subarray(at, line).toString('latin1'), 16);
    if (!(size > 0)) break;
    chunks.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
  return Buffer.concat(chunks);
}

/** The same request as somebody would type it, for a terminal. */
export function toCurl(draft: Draft, port: number, fill: (text: string) => string): string {
  const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  const { head, body } = toBytes({ ...draft, framing: 'length' }, port, fill);
  const [, ...lines] = head.trimEnd().split('\r\n');
  const named = lines.filter((line) => !/^(host|connection|content-length|accept: application)/.test(line));
  return [
    `curl -i --path-as-is -X ${draft.method} ${quote(`http://127.0.0.1:${port}${fill(draft.target)}`)}`,
    ...named.map((line) => `-H ${quote(line)}`),
    ...(draft.body === null ? [] : [`--data-binary ${quote(body.toString('utf8'))}`]),
    `# as ${draft.caller.name}, ${draft.intent}, framing: ${draft.framing}`,
  ]
    .join(' ')
    .slice(0, 3_000);
}
