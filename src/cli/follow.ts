import type { Client } from '../client.ts';
import { AppError } from '../errors.ts';
import { messagesOf } from '../event-stream.ts';
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
