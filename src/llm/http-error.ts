import { cleanText } from '../lib/clean-text.ts';
import { LlmError, type LlmErrorClass } from './llm-error.ts';
import { retryAfterMs } from './retry-after.ts';

/** Whom a request is for, to name them in an error. */
export type Who = {
  provider: string;
  model?: string | undefined;
  key?: string | undefined;
  /** Taken out of every message: some servers repeat the key that they refuse, or all headers. */
  hidden?: readonly string[];
};

const LONGEST_MESSAGE = 500;

const TOO_LONG =
  /context[ _-]?(length|size|window)|maximum context|prompt is too long|input (length|is) (exceeds|too long)/i;
const NO_MODEL = /\bmodel\b.*(not found|does not exist|is not available)|model_not_found/i;

/** What a server answered instead of a stream of tokens. */
export function statusError(
  who: Who,
  status: number,
  headers: { get(name: string): string | null },
  body: string,
): LlmError {
  const said = messageIn(body);
  const hint = status === 401 || status === 403 ? ` ${keyHint(who)}` : '';
  const message = said === '' ? '' : `: ${said}`;
  return new LlmError(
    classOf(status, said),
    tidy(`${who.provider} answered with HTTP ${status}${message}${hint}`, who),
    { retryAfterMs: retryAfterMs(headers), provider: who.provider, model: who.model },
  );
}

/** An error that came in the stream, after HTTP 200. */
export function streamError(who: Who, error: unknown): LlmError {
  const said = messageOf(error) ?? 'it gave no reason';
  const status = statusIn(error);
  return new LlmError(
    status === undefined ? (TOO_LONG.test(said) ? 'too_long' : 'failed') : classOf(status, said),
    tidy(`${who.provider} broke off: ${said}`, who),
    { provider: who.provider, model: who.model },
  );
}

/** The connection could not be made, or broke before the server answered. */
export function networkError(who: Who, thrown: unknown): LlmError {
  return new LlmError('unavailable', tidy(`${who.provider} cannot be reached: ${reasonOf(thrown)}`, who), {
    provider: who.provider,
    model: who.model,
  });
}

/** The innermost reason: fetch itself only says that it failed. */
export function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const inner = thrown instanceof AggregateError ? thrown.errors[0] : thrown.cause;
  if (inner instanceof Error) return reasonOf(inner);
  return thrown.message || thrown.name;
}

function classOf(status: number, message: string): LlmErrorClass {
  if (status === 404) return 'model_missing';
  if (status === 429) return 'rate_limited';
  if (status === 413) return 'too_long';
  // 529 is "overloaded" of some hosted models.
  if ([408, 425, 502, 503, 504, 529].includes(status)) return 'unavailable';
  if (status >= 500) return 'failed';
  if (TOO_LONG.test(message)) return 'too_long';
  if (NO_MODEL.test(message)) return 'model_missing';
  return 'refused';
}

function keyHint(who: Who): string {
  return who.key === undefined
    ? '(no key was sent: set apiKeyEnv or apiKeyFile of this provider if it wants one)'
    : '(check the key in apiKeyEnv or apiKeyFile of this provider)';
}

function messageIn(body: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    // A page for browsers says nothing that helps here.
    return body.trimStart().startsWith('<') ? '' : body.trim();
  }
  return messageOf(parsed) ?? '';
}

/** Servers write {error: "..."}, {error: {message}}, {message} or {detail}. */
function messageOf(value: unknown, depth = 0): string | undefined {
  if (typeof value === 'string') return value;
  if (value === null || typeof value !== 'object' || depth > 3) return undefined;
  const inner = member(value, 'error') ?? member(value, 'message') ?? member(value, 'detail');
  return messageOf(inner, depth + 1);
}

function statusIn(error: unknown): number | undefined {
  if (error === null || typeof error !== 'object') return undefined;
  const code = member(error, 'code');
  return typeof code === 'number' && code >= 400 && code < 600 ? code : undefined;
}

function member(value: object, name: string): unknown {
  return Object.entries(value).find(([each]) => each === name)?.[1];
}

function tidy(message: string, who: Who): string {
  const shown = (who.hidden ?? []).reduce((text, secret) => text.replaceAll(secret, '[secret]'), message);
  const line = cleanText(shown).replaceAll(/\s+/g, ' ').trim();
  return line.length > LONGEST_MESSAGE ? cleanText(`${line.slice(0, LONGEST_MESSAGE)}...`) : line;
}
