import type { EventRow } from '../../events/schema.ts';

/** The text of server-sent events. JSON has no line breaks, so one data line is enough. */
export function eventText(event: EventRow): string {
  return `id: ${event.seq}\nevent: event\ndata: ${JSON.stringify(event)}\n\n`;
}

/** Tells the reader its place without an event, so that it does not come back to what it has seen. */
export function placeText(comment: string, seq: number): string {
  return `: ${comment}\nid: ${seq}\n\n`;
}

export function errorText(code: string, message: string): string {
  return `event: error\ndata: ${JSON.stringify({ code, message })}\n\n`;
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
