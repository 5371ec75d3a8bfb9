import type { Client } from '../client.ts';
import { AppError } from '../errors.ts';
import { sleep } from '../lib/wake.ts';

export type StreamedEvent = {
  seq: number;
  kind: string;
  entity: string | null;
  entity_id: string | null;
  created_at: string | null;
  payload: Record<string, unknown> | null;
};

/** Reads the event stream from after a number, and goes on where it was when the connection breaks. */
export async function* follow(
  client: Client,
  query: URLSearchParams,
  signal: AbortSignal,
): AsyncGenerator<StreamedEvent> {
  let last: string | undefined;
  while (!signal.aborted) {
    try {
      const headers: Record<string, string> = {
        accept: 'text/event-stream',
        ...(last === undefined ? {} : { 'last-event-id': last }),
      };
      const response = await client.fetch(`/api/ops/events/stream?${query.toString()}`, { headers, signal });
      for await (const message of messagesOf(response)) {
        if (message.id !== undefined) last = message.id;
        if (message.event === 'event' && message.data !== '') yield JSON.parse(message.data) as StreamedEvent;
      }
    } catch (error) {
      if (signal.aborted) return;
      // What the server refuses stays refused; a connection that breaks comes back.
      if (error instanceof AppError && error.status < 500 && error.code !== 'rate_limited') throw error;
    }
    await sleep(1_000, signal);
  }
}

type Message = { id?: string; event: string; data: string };

/** The messages of a text/event-stream (WHATWG HTML, 9.2.6), as far as our server uses it. */
async function* messagesOf(response: Response): AsyncGenerator<Message> {
  if (!response.body) return;
  let rest = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + chunk).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) yield parseMessage(block);
  }
}

function parseMessage(block: string): Message {
  const message: Message = { event: 'message', data: '' };
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const value = line.slice(colon + 1).replace(/^ /, '');
    const field = line.slice(0, colon);
    if (field === 'id') message.id = value;
    if (field === 'event') message.event = value;
    if (field === 'data') message.data += message.data === '' ? value : `\n${value}`;
  }
  return message;
}
