import { worthHiding } from '../api-key.ts';
import type { Http } from '../http.ts';
import type { Who } from '../http-error.ts';
import { makeLineSplitter } from '../line-splitter.ts';
import { LlmError } from '../llm-error.ts';

const OF_KEYS = /auth|key|token|secret|cookie/i;

/** Our own client in the shape of `fetch`: no redirects, errors with classes, no endless lines. */
export function cappedFetch(http: Http, who: Who, maxLineBytes: number): typeof globalThis.fetch {
  return async (input, init) => {
    const sent = Object.fromEntries(new Headers(init?.headers));
    // A package may have found a key by itself, in the environment.
    const keys = Object.entries(sent).flatMap(([name, value]) => (OF_KEYS.test(name) ? [value] : []));
    const response = await http.send({
      who: { ...who, hidden: [...(who.hidden ?? []), ...worthHiding(keys)] },
      method: 'POST',
      url: input instanceof Request ? input.url : String(input),
      headers: sent,
      body: typeof init?.body === 'string' ? init.body : undefined,
      signal: init?.signal ?? new AbortController().signal,
    });
    const splitter = makeLineSplitter(maxLineBytes);
    const limit = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        if (splitter.push(chunk) === undefined) {
          controller.error(new LlmError('too_long', `${who.provider} sent a line without end`));
        } else {
          controller.enqueue(chunk);
        }
      },
    });
    const headers = { 'content-type': response.headers.get('content-type') ?? '' };
    return new Response(response.body?.pipeThrough(limit) ?? null, { status: response.status, headers });
  };
}
