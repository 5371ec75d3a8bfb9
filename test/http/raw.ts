import { connect, type Socket } from 'node:net';
import { OPERATOR_KEY } from '../support/app.ts';

export type RawAnswer = { status: number; headers: Record<string, string>; body: string };

/**
 * Sends bytes as they are and reads until the other side ends the connection.
 * @param half whether our side of the connection ends with them
 */
export function sendRaw(port: number, text: string | Buffer, half = false): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => {
      answer += part;
    });
    // The server may close while we still write; what it said before counts.
    socket.on('error', () => (answer === '' ? reject(new Error('no answer')) : resolve(parse(answer))));
    socket.on('close', () => resolve(parse(answer)));
    if (half) socket.end(text);
    else socket.write(text);
  });
}

function parse(answer: string): RawAnswer {
  const [head = '', ...rest] = answer.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
  return { status: Number(first.split(' ')[1]), headers, body: rest.join('\r\n\r\n') };
}

/** A request in text, as the operator unless the headers say otherwise. */
export function rawRequest(
  port: number,
  options: { method?: string; target?: string; headers?: string[]; body?: string; host?: string | null } = {},
): string {
  const { method = 'GET', target = '/api/ops/proposals', body = '' } = options;
  const headers = options.headers ?? [`Authorization: Bearer ${OPERATOR_KEY}`];
  const host = options.host === null ? [] : [`Host: ${options.host ?? `127.0.0.1:${port}`}`];
  return [`${method} ${target} HTTP/1.1`, ...host, 'Connection: close', ...headers, '', body].join('\r\n');
}

/** Reads an event stream over a socket that the test controls. */
export async function openRawStream(
  port: number,
  target: string,
  headers: string[] = [`Authorization: Bearer ${OPERATOR_KEY}`],
): Promise<{ socket: Socket; received(): string; until(found: (text: string) => boolean): Promise<string> }> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  let ended = false;
  const waiting = new Set<() => void>();
  const tell = () => {
    for (const look of waiting) look();
  };
  socket.setEncoding('utf8');
  socket.on('data', (part: string) => {
    text += part;
    tell();
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    ended = true;
    tell();
  });
  socket.write([`GET ${target} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...headers, '', ''].join('\r\n'));
  const until = (found: (text: string) => boolean) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        if (found(text)) resolve(text);
        else if (ended) reject(new Error(`the stream ended:\n${text.slice(-2_000)}`));
        else return;
        waiting.delete(look);
      };
      waiting.add(look);
      look();
    });
  return { socket, received: () => text, until };
}

/** The `id` of every event in the text of a stream. */
export function idsIn(text: string): number[] {
  return [...text.matchAll(/^id: (\d+)\r?\nevent: event/gm)].map((match) => Number(match[1]));
}
