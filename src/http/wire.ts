import type { Context } from 'hono';
import type { HttpEnv } from './env.ts';

/**
 * The request as it came over the wire. Parsed headers hide what an attacker plays with: a second Host, a second
 * Authorization, an absolute target.
 */
export type Wire = {
  /** All values of a header of interest, in their order. */
  values(name: WireHeader): readonly string[];
  /** The request target as sent. */
  target: string;
  /** The version of HTTP that the request says it speaks. */
  version: string;
  /** The address at the other end of the socket, which can be a proxy. */
  peer: string;
  /** The port this connection came in on; without a socket it is unknown. */
  port: number | undefined;
};

const OF_INTEREST = [
  'host',
  'authorization',
  'origin',
  'sec-fetch-site',
  'sec-fetch-mode',
  'sec-fetch-dest',
  'content-type',
  'content-length',
  'content-encoding',
  'transfer-encoding',
  'x-forwarded-for',
  'idempotency-key',
  'last-event-id',
  'traceparent',
] as const;
export type WireHeader = (typeof OF_INTEREST)[number];

const NAMES = new Set<string>(OF_INTEREST);
const NONE: readonly string[] = [];

export function readWire(c: Context<HttpEnv>): Wire {
  const { incoming } = c.env ?? {};
  const found = new Map<string, string[]>();
  const add = (name: string, value: string) => {
    const lower = name.toLowerCase();
    if (!NAMES.has(lower)) return;
    const values = found.get(lower);
    if (values) values.push(value);
    else found.set(lower, [value]);
  };

  if (incoming) {
    const raw = incoming.rawHeaders;
    for (let i = 0; i < raw.length; i += 2) add(raw[i] ?? '', raw[i + 1] ?? '');
  } else {
    for (const [name, value] of c.req.raw.headers) add(name, value);
    if (!found.has('host')) found.set('host', [new URL(c.req.url).host]);
  }
  return {
    values: (name) => found.get(name) ?? NONE,
    target: incoming ? (incoming.url ?? '') : c.req.path,
    version: incoming?.httpVersion ?? '1.1',
    peer: incoming?.socket.remoteAddress ?? '127.0.0.1',
    port: incoming?.socket.localPort,
  };
}
