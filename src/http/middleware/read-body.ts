import type { IncomingMessage } from 'node:http';
import type { Context, MiddlewareHandler } from 'hono';
import { AppError } from '../../errors.ts';
import { depthOf, findPrototypeKey, findUnstorable } from '../../lib/storable.ts';
import { isClaimPath } from '../access.ts';
import type { HttpEnv } from '../env.ts';

const BODILESS = new Set(['GET', 'HEAD', 'DELETE']);
const JSON_TYPE = /^application\/json *(; *charset="?utf-8"?)?$/i;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads a body within its limit and makes sure that it is JSON which can be stored, before any schema sees it.
 * Placed behind the key, so that a stranger's bytes are never read.
 */
export function readBody(maxBytes: number): MiddlewareHandler<HttpEnv> {
  return async function readBody(c, next) {
    const { values } = c.get('wire');
    const [length] = values('content-length');
    const isThere = values('transfer-encoding').length > 0 || (length !== undefined && Number(length) > 0);
    if (!isThere && (c.env.incoming || !c.req.raw.body)) return next();
    if (BODILESS.has(c.req.method))
      throw new AppError('invalid_request', `A ${c.req.method} request has no body here; leave it out.`);
    const [type = 'none'] = values('content-type');
    if (!JSON_TYPE.test(type) || values('content-encoding').length > 0) {
      throw new AppError(
        'unsupported_media_type',
        `The body must be application/json in UTF-8, not compressed; the Content-Type given is ${type.slice(0, 100)}.`,
      );
    }
    if (Number(length ?? 0) > maxBytes) throw tooLarge(maxBytes);
    requireUsable(await readBytes(c, maxBytes), isClaimPath(c.req.path));
    await next();
  };
}

async function readBytes(c: Context<HttpEnv>, maxBytes: number): Promise<Uint8Array> {
  const { incoming } = c.env;
  if (incoming) {
    const bytes = await readIncoming(incoming, maxBytes);
    // Where the adapter looks for a body that somebody has read before it.
    Object.assign(incoming, { rawBody: bytes });
    return bytes;
  }
  const bytes = new Uint8Array(await c.req.arrayBuffer());
  if (bytes.length > maxBytes) throw tooLarge(maxBytes);
  return bytes;
}

function readIncoming(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (finish: () => void) => {
      incoming.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken);
      finish();
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > maxBytes) {
        incoming.pause();
        settle(() => reject(tooLarge(maxBytes)));
      }
    };
    const onEnd = () => settle(() => resolve(Buffer.concat(chunks)));
    const onBroken = () =>
      settle(() => reject(new AppError('invalid_request', 'The body ended before it was complete.')));
    incoming.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken);
  });
}

/** So that whatever walks through a result has a bottom; the limit of the result itself is below. */
const MOST_DEPTH_OF_RESULTS = 100;

/**
 * @param isResult what a model wrote: like a result of our own worker it is cleaned where it is stored, and not refused
 * @throws AppError invalid_json
 */
function requireUsable(bytes: Uint8Array, isResult: boolean): void {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message : 'it is not UTF-8';
    throw new AppError('invalid_json', `The body is not JSON: ${printable(reason)}.`);
  }
  const problem = isResult ? findTooDeep(value) : (findUnstorable(value) ?? nameOfPrototype(value));
  if (problem) throw new AppError('invalid_json', `The body cannot be stored: ${problem}.`);
}

function nameOfPrototype(value: unknown): string | null {
  return findPrototypeKey(value) && 'a member is named __proto__';
}

function findTooDeep(value: unknown): string | null {
  const isTooDeep = depthOf(value, MOST_DEPTH_OF_RESULTS) > MOST_DEPTH_OF_RESULTS;
  return isTooDeep ? `it is nested deeper than ${MOST_DEPTH_OF_RESULTS} levels` : null;
}

/** The parser quotes what it was given, which can be anything. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200);
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('too_large', `The request is larger than ${maxBytes} bytes.`, {
    details: { max_bytes: maxBytes },
  });
}
