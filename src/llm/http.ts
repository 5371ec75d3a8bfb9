import { Agent, fetch, type Response } from 'undici';
import { networkError, statusError, type Who } from './http-error.ts';
import { LlmError } from './llm-error.ts';

const ERROR_BODY_BYTES = 64 * 1024;
const LISTING_BYTES = 8 * 1024 * 1024;

export type HttpCall = {
  who: Who;
  method: 'GET' | 'POST';
  url: string;
  headers: Record<string, string>;
  body?: string | undefined;
  signal: AbortSignal;
};

export type Http = {
  /** Gives the response once it is a success; everything else is an `LlmError`. */
  send(call: HttpCall): Promise<Response>;
  /** The same for a body that is one JSON value of a modest size. */
  sendForJson(call: HttpCall): Promise<unknown>;
  close(): Promise<void>;
};

export function makeHttp(): Http {
  // The client's own timeouts end a model that is still loading after 300 s. Ours are in deadlines.ts.
  const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });

  async function send(call: HttpCall): Promise<Response> {
    const response = await request(call);
    if (response.ok) return response;
    const { provider, model } = call.who;
    if (response.status >= 300 && response.status < 400) {
      await response.body?.cancel();
      // A redirect could take the prompt and the key to another machine.
      throw new LlmError('refused', `${provider} redirects elsewhere; give its final address as baseUrl`, {
        provider,
        model,
      });
    }
    throw statusError(
      call.who,
      response.status,
      response.headers,
      await readBody(response, ERROR_BODY_BYTES),
    );
  }

  async function request({ who, url, ...init }: HttpCall): Promise<Response> {
    try {
      return await fetch(url, { ...init, body: init.body ?? null, redirect: 'manual', dispatcher: agent });
    } catch (error) {
      if (init.signal.aborted) throw init.signal.reason;
      throw networkError(who, error);
    }
  }

  async function sendForJson(call: HttpCall): Promise<unknown> {
    const response = await send(call);
    try {
      return JSON.parse(await readBody(response, LISTING_BYTES));
    } catch {
      if (call.signal.aborted) throw call.signal.reason;
      throw networkError(call.who, 'it did not answer with JSON');
    }
  }

  return { send, sendForJson, close: () => agent.destroy() };
}

/** At most so many bytes as text; the rest of the body is not read. */
async function readBody(response: Response, maxBytes: number): Promise<string> {
  if (response.body === null) return '';
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  // Leaving the loop cancels the body.
  for await (const chunk of response.body) {
    bytes += chunk.byteLength;
    text += decoder.decode(chunk, { stream: true });
    if (bytes >= maxBytes) break;
  }
  return text;
}
