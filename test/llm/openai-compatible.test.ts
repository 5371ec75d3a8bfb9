import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { LlmConfigInput } from '../../src/llm/llm.ts';
import { startOpenAiServer } from '../support/openai-server.ts';
import { makeTestLlm } from './make-test-llm.ts';

const KEY = 'sk-very-secret-0123456789';
const HEADER = 'another-secret-0123456789';
const FAST = { firstTokenMs: 150, idleMs: 150, totalMs: 400 };

async function start(
  config: LlmConfigInput = {},
  access: object = { apiKeyEnv: 'HOST_KEY', headers: { 'x-account': HEADER } },
) {
  const server = await startOpenAiServer({ models: ['gpt-x'] });
  const host = { type: 'openai-compatible', baseUrl: server.url, ...access } as const;
  const made = makeTestLlm(
    { mode: 'host:gpt-x', providers: { host }, ...config },
    { secrets: { HOST_KEY: KEY } },
  );
  const dispose = async () => {
    await made[Symbol.asyncDispose]();
    await server.close();
  };
  return { ...made, server, [Symbol.asyncDispose]: dispose };
}

test('a plain answer comes with its counts, and the key is sent', async () => {
  await using at = await start();
  at.server.next({ thinking: 'Hm.', text: ['One', ' two'] });
  expect(await at.ask({ maxOutputTokens: 50 })).toMatchObject({
    text: 'One two',
    engine: 'openai-compatible',
    llm: true,
    provider: 'host',
    model: 'gpt-x',
    usage: { inputTokens: 12, outputTokens: 7 },
    timings: { loadMs: null },
    finishReason: 'stop',
  });
  const { headers, body } = await at.server.request();
  expect(headers.authorization).toBe(`Bearer ${KEY}`);
  expect(body).toMatchObject({ stream: true, max_tokens: 50, stream_options: { include_usage: true } });
});

test('unknown counts are null', async () => {
  await using at = await start();
  at.server.next({ done: { usage: undefined } }, { done: { usage: { completion_tokens: 3 } } });
  expect((await at.ask()).usage).toEqual({ inputTokens: null, outputTokens: null, costUsd: null });
  expect((await at.ask()).usage).toEqual({ inputTokens: null, outputTokens: 3, costUsd: null });
});

test('structured output is asked for by a schema that is not strict, and validated', async () => {
  await using at = await start();
  at.server.next({ text: '{"ok":1}' }, { text: '{"ok":true}' });
  expect((await at.ask({ schema: z.object({ ok: z.boolean() }) })).object).toEqual({ ok: true });
  const { body } = await at.server.request();
  expect(body['response_format']).toMatchObject({
    type: 'json_schema',
    json_schema: { strict: false, schema: { required: ['ok'] } },
  });
  expect(body['temperature']).toBe(0);
});

test('a server that cannot take a schema is asked without one', async () => {
  await using at = await start();
  at.server.next(
    { status: 400, error: 'This response_format type is unavailable now' },
    { text: '{"ok":true}' },
  );
  expect((await at.ask({ schema: z.object({ ok: z.boolean() }) })).object).toEqual({ ok: true });
  expect(at.server.exchanges[1]?.body['response_format']).toBeUndefined();
});

test.each([
  [{ status: 404, error: 'The model gpt-x does not exist' }, 'model_missing', 'does not exist'],
  [{ status: 400, error: 'model gpt-x does not exist' }, 'model_missing', 'does not exist'],
  [{ status: 400, error: 'bad request' }, 'refused', 'bad request'],
  [
    { status: 400, error: "This model's maximum context length is 8192 tokens" },
    'too_long',
    'maximum context',
  ],
  [{ status: 413, error: 'too large' }, 'too_long', 'too large'],
  [{ status: 401, error: `Incorrect API key provided: ${KEY}` }, 'refused', 'check the key'],
  [{ text: 'One', errorLine: `no more for ${KEY}` }, 'failed', 'no more for [secret]'],
  [{ status: 401, error: `no ${HEADER}` }, 'refused', 'no [secret]'],
  [{ text: 'One', errorLine: `no ${HEADER}` }, 'failed', 'no [secret]'],
  [{ status: 403, error: 'no access' }, 'refused', 'check the key'],
  [{ status: 500, error: 'oops' }, 'failed', 'oops'],
  [{ status: 503, error: 'overloaded' }, 'unavailable', 'overloaded'],
  [{ status: 307, headers: { location: 'http://127.0.0.1:2/v1' } }, 'refused', 'redirects'],
  [{ text: 'One', errorLine: 'the engine died' }, 'failed', 'the engine died'],
  [{ raw: ['data: {"error":{"code":429,"message":"slow"}}\n\n'] }, 'rate_limited', 'slow'],
  [{ raw: ['data: {"choi\n\n'] }, 'failed', 'host'],
  [{ raw: ['<html>Log in, please</html>'] }, 'failed', 'host'],
  [{ raw: [] }, 'failed', 'host'],
  [{ text: 'One', end: 'missing' }, 'failed', 'host'],
  [{ text: 'One', end: 'cut' }, 'failed', 'host'],
  [{ text: 'One', done: { finish_reason: 'length' } }, 'too_long', 'limit of tokens'],
  [{ text: 'One', done: { finish_reason: 'content_filter' } }, 'refused', 'refused'],
  [{ text: 'One', done: { finish_reason: 'tool_calls' } }, 'failed', 'tool'],
  [{ text: '' }, 'invalid_output', 'nothing'],
] as const)('%j is %s', async (given, errorClass, part) => {
  await using at = await start();
  const { raw, ...reply } = { raw: undefined, ...given };
  at.server.next(raw === undefined ? reply : { raw: [...raw] });
  const error = await at.failure();
  expect(error).toMatchObject({ class: errorClass, provider: 'host', model: 'gpt-x' });
  expect(error.message).toContain(part);
  expect(JSON.stringify([error, error.message, error.stack, error.cause, at.logged()])).not.toContain(KEY);
  expect(at.server.exchanges).toHaveLength(1);
});

test.each([
  [{ 'retry-after': '7' }, 7000],
  [{ 'retry-after-ms': '250', 'retry-after': '1' }, 250],
  [{ 'retry-after': new Date(Date.now() + 60_000).toUTCString() }, 60_000],
])('%j is kept', async (headers, expected) => {
  await using at = await start();
  at.server.next({ status: 429, error: 'slow down', headers });
  const error = await at.failure();
  expect(error.class).toBe('rate_limited');
  expect(Math.abs((error.retryAfterMs ?? -1) - expected)).toBeLessThan(5000);
});

test.each([
  [{ hang: 'before-headers' }, 'No token within'],
  [{ hang: 'before-first-token' }, 'No token within'],
  [{ blankMs: 5 }, 'No token within'],
  [{ text: 'One', hang: 'mid-stream' }, 'silent'],
  [{ text: 'One', dripMs: 5 }, 'No end within'],
] as const)('%j is a timeout and closes the connection', async (reply, part) => {
  await using at = await start({ timeouts: FAST });
  at.server.next(reply);
  const error = await at.failure();
  expect(error.class).toBe('timeout');
  expect(error.message).toContain(part);
  const exchange = await at.server.request();
  await exchange.closed;
  expect(exchange.abandoned).toBe(true);
});

test.each([{ hang: 'before-headers' }, { text: 'One', hang: 'mid-stream' }] as const)(
  'giving up closes the connection at once: %j',
  async (reply) => {
    await using at = await start();
    at.server.next(reply);
    const controller = new AbortController();
    const failure = at.failure({}, controller.signal);
    const exchange = await at.server.request();
    controller.abort();
    expect((await failure).class).toBe('aborted');
    await exchange.closed;
    expect(exchange.abandoned).toBe(true);
  },
);

test.each([{ bytes: 200_000_000 }, { bytes: 200_000_000, oneLine: true }])(
  'an answer without measure is cut off: %j',
  async (flood) => {
    await using at = await start();
    at.server.next({ flood });
    expect(await at.failure()).toMatchObject({ class: 'too_long' });
    const exchange = await at.server.request();
    await exchange.closed;
    expect(exchange.bytesSent).toBeLessThan(20_000_000);
  },
);

test('a key file is read at every call, and must be private', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'opsloop-key-'));
  const apiKeyFile = join(folder, 'key');
  await using at = await start({}, { apiKeyFile });
  expect(await at.failure()).toMatchObject({ class: 'refused', message: expect.stringContaining('ENOENT') });
  await writeFile(apiKeyFile, 'first\n', { mode: 0o600 });
  await at.ask();
  await writeFile(apiKeyFile, 'second\n');
  await at.ask();
  expect(at.server.exchanges.map(({ headers }) => headers.authorization)).toEqual([
    'Bearer first',
    'Bearer second',
  ]);
  await writeFile(apiKeyFile, 'two\nlines');
  expect((await at.failure()).message).toContain('does not hold a key');
  await chmod(apiKeyFile, 0o640);
  expect((await at.failure()).message).toContain(`chmod 600 ${apiKeyFile}`);
  await rm(folder, { recursive: true });
});

test('a key that is not set is said so', async () => {
  await using at = await start({}, { apiKeyEnv: 'NOT_SET' });
  expect(await at.failure()).toMatchObject({ class: 'refused', message: expect.stringContaining('NOT_SET') });
  const { providers } = await at.llm.refresh();
  expect(providers.find(({ name }) => name === 'host')?.problem).toContain('NOT_SET');
});
