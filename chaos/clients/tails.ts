import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { messagesOf } from '../../src/client.ts';
import { sleep } from '../lib/time.ts';
import { type Answer, type Means, send } from './api.ts';

/** One event as a reader saw it. */
export type Seen = { seq: number; id: number };
/** A reader of the log from its beginning, and all that it saw, in the order in which it did. */
export type Tail = { name: string; seen: Seen[]; run(stopping: AbortSignal): Promise<void> };

/** The server says something every 15 s; a connection that is silent for longer is dead. */
const SILENCE_MS = 20_000;
const AGAIN_MS = 500;
const PAGE = 500;
type Page = { events: Seen[]; next: string | null };

/**
 * Follows the stream, and after a break goes on where it was, at another server. Not by fetch, which on Node 20
 * forgets the signal of an answer that it has begun to give.
 */
export function makeStreamTail(means: Means, name: string): Tail {
  const seen: Seen[] = [];
  const follow = async (stopping: AbortSignal) => {
    const request = get(`${means.random.pick(means.urls)}/api/ops/events/stream`, {
      headers: { authorization: `Bearer ${means.apiKey}`, 'last-event-id': String(seen.at(-1)?.seq ?? 0) },
    });
    const end = () => void request.destroy();
    const timer = setTimeout(end, SILENCE_MS);
    stopping.addEventListener('abort', end, { once: true });
    try {
      const [incoming] = (await once(request, 'response')) as [IncomingMessage];
      if (incoming.statusCode !== 200) throw new Error(`it answered ${incoming.statusCode}`);
      const body = Readable.toWeb(incoming) as ReadableStream<Uint8Array>;
      for await (const message of messagesOf(new Response(body))) {
        timer.refresh();
        const event = message.data === '' ? null : (JSON.parse(message.data) as Partial<Seen>);
        if (event?.seq !== undefined && event.id !== undefined) seen.push({ seq: event.seq, id: event.id });
      }
    } finally {
      end();
      clearTimeout(timer);
      stopping.removeEventListener('abort', end);
    }
  };
  return {
    name,
    seen,
    async run(stopping) {
      while (!stopping.aborted) {
        await follow(stopping).catch(() => undefined);
        await sleep(AGAIN_MS, stopping);
      }
    },
  };
}

/** Reads pages, the newest first, back to what it knows, and then adds them in order. */
export function makePageTail(means: Means, name: string): Tail {
  const seen: Seen[] = [];
  const readNew = async () => {
    const known = seen.at(-1)?.seq ?? 0;
    const fresh: Seen[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const path: string = `/api/ops/events?limit=${PAGE}${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
      const page: Answer<Page> = await send<Page>(means, { method: 'GET', path });
      // A half-read page is read again from the start.
      if (page.outcome !== 'ok') return;
      const older = page.body.events.filter(({ seq }) => seq > known);
      fresh.push(...older.map(({ seq, id }) => ({ seq, id })));
      cursor = older.length === page.body.events.length ? page.body.next : null;
    }
    seen.push(...fresh.toReversed());
  };
  return {
    name,
    seen,
    async run(stopping) {
      while (!stopping.aborted) {
        await readNew();
        await sleep(AGAIN_MS, stopping);
      }
    },
  };
}
