import type { Context } from 'hono';
import type { EventRow } from '../../events/schema.ts';
import type { HttpEnv } from '../env.ts';

export function setStreamHeaders(c: Context<HttpEnv>): void {
  c.header('Content-Type', 'text/event-stream; charset=utf-8');
  // Some proxies collect an answer before they pass it on, unless told not to.
  c.header('X-Accel-Buffering', 'no');
}

/** The text of server-sent events. JSON has no line breaks, so one data line is enough. */
export function eventText(event: EventRow): string {
  return `id: ${event.seq}\nevent: event\ndata: ${JSON.stringify(event)}\n\n`;
}

/** Tells the reader its place without an event, so that it does not come back to what it has seen. */
export function placeText(comment: string, seq: number): string {
  return `: ${comment}\nid: ${seq}\n\n`;
}

/** An event without a place: nobody comes back to it. */
export function namedText(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

export function errorText(code: string, message: string): string {
  return namedText('error', { code, message });
}

/** Texts of moderate size, so that a slow reader is seen to take something. */
export function pieces(events: EventRow[], size = 65_536): string[] {
  const texts: string[] = [];
  let text = '';
  for (const event of events) {
    text += eventText(event);
    if (text.length < size) continue;
    texts.push(text);
    text = '';
  }
  return text === '' ? texts : [...texts, text];
}
