import { Agent, fetch } from 'undici';
import { cleanText } from '../lib/clean-text.ts';
import { hideSecrets } from './hide.ts';
import { checkDestination, lookUpPublic, RefusedDestination } from './destination.ts';

/** How a receiver took a call. */
export type Receipt =
  | { ok: true; status: number }
  | {
      ok: false;
      status: number | null;
      error: string;
      /** It asked for so much patience. */
      retryAfterMs: number | null;
    };

export type Post = {
  /** @param secrets what the receiver may repeat in its complaint and nobody else is to read */
  send(url: URL, headers: Record<string, string>, body: string, secrets: readonly string[]): Promise<Receipt>;
  close(): Promise<void>;
};

const TIMEOUT_MS = 10_000;
/** So much of an answer is read, so that a secret in what is kept of it is there as a whole. */
const MOST_READ = 16_000;
const LONGEST_COMPLAINT = 300;

/** @param allowed hosts (or `host:port`) that may be called although they are not public */
export function makePost(allowed: readonly string[], timeoutMs = TIMEOUT_MS): Post {
  const connect = { timeout: timeoutMs };
  const outside = new Agent({ connect: { ...connect, lookup: lookUpPublic } });
  const named = new Agent({ connect });

  return {
    async send(url, headers, body, secrets) {
      try {
        const { isNamed } = checkDestination(url, allowed);
        const response = await fetch(url, {
          method: 'POST',
          headers,
          body,
          redirect: 'manual',
          dispatcher: isNamed ? named : outside,
          signal: AbortSignal.timeout(timeoutMs),
        });
        const { status } = response;
        if (response.ok) {
          await response.body?.cancel();
          return { ok: true, status };
        }
        const said = await firstOf(response.body, secrets);
        if (status >= 300 && status < 400)
          return failure(status, `it redirects (HTTP ${status}); give its final address`);
        const retryAfterMs = readRetryAfter(response.headers.get('retry-after'));
        return { ...failure(status, `HTTP ${status}${said === '' ? '' : `: ${said}`}`), retryAfterMs };
      } catch (error) {
        return failure(null, reasonOf(error));
      }
    },
    async close() {
      await Promise.all([outside.destroy(), named.destroy()]);
    },
  };
}

function failure(status: number | null, error: string) {
  return { ok: false as const, status, error, retryAfterMs: null };
}

/** Seconds or a date; a day at most. */
function readRetryAfter(value: string | null): number | null {
  if (value === null) return null;
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 86_400_000) : null;
}

/** The beginning of what it said, without what is secret; the rest is not read. */
async function firstOf(body: ReadableStream<Uint8Array> | null, secrets: readonly string[]): Promise<string> {
  if (body === null) return '';
  const decoder = new TextDecoder();
  let text = '';
  // Leaving the loop cancels the body.
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length >= MOST_READ) break;
  }
  const said = hideSecrets(text, secrets).replaceAll(/\s+/g, ' ').trim();
  return cleanText(said.slice(0, LONGEST_COMPLAINT));
}

/** The innermost reason, without the address, which can hold a secret. */
function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return 'it cannot be reached';
  if (thrown instanceof RefusedDestination) return thrown.message;
  if (thrown.name === 'TimeoutError') return 'it did not answer in time';
  if (thrown.cause instanceof Error) return reasonOf(thrown.cause);
  const inner = thrown instanceof AggregateError ? thrown.errors[0] : undefined;
  if (inner instanceof Error) return reasonOf(inner);
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : thrown.name;
  return `it cannot be reached (${code})`;
}
