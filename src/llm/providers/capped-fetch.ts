import type { Http } from '../http.ts';
import type { Who } from '../http-error.ts';
import { makeLineSplitter } from '../line-splitter.ts';
import { LlmError } from '../llm-error.ts';

/** Our own client in the shape of `fetch`: no redirects, errors with classes, no endless lines. */
export function cappedFetch(http: Http, who: Who, maxLineBytes: number): typeof globalThis.fetch {
  return async (input, init) => {
    const response = await http.send({
      who,
      method: 'POST',
      url: input instanceof Request ? input.url : String(input),
      headers: Object.fromEntries(new Headers(init?.headers)),
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
