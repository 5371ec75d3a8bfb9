import { expect, test } from 'vitest';
import { z } from 'zod';
import type { LlmConfigInput } from '../../src/llm/llm.ts';
import { startOllamaServer } from '../support/ollama-server.ts';
import { makeTestLlm, type TestLlm } from './make-test-llm.ts';

const FAST = { firstTokenMs: 150, idleMs: 150, totalMs: 400 };

async function start(config: LlmConfigInput = {}) {
  const ollama = await startOllamaServer({ models: ['qwen3'] });
  const made = makeTestLlm({ mode: 'ollama:qwen3', ollamaUrl: ollama.url, ...config });
  const dispose = async () => {
    await made[Symbol.asyncDispose]();
    await ollama.close();
  };
  return { ...made, ollama, [Symbol.asyncDispose]: dispose } satisfies TestLlm & { ollama: typeof ollama };
}

test('a plain answer comes with its counts and timings', async () => {
  await using at = await start();
  at.ollama.next({ text: ['One', ' two', ' three'] });
  expect(await at.ask({ maxOutputTokens: 99 })).toEqual({
    text: 'One two three',
    engine: 'ollama',
    llm: true,
    provider: 'ollama',
    model: 'qwen3',
    usage: { inputTokens: 12, outputTokens: 7, costUsd: null },
    timings: { firstTokenMs: expect.any(Number), totalMs: expect.any(Number), loadMs: 1500 },
    finishReason: 'stop',
  });
  const { body } = await at.ollama.request();
  expect(body).toEqual({
    model: 'qwen3',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Say hello.' },
    ],
    stream: true,
    truncate: false,
    shift: false,
    options: { num_ctx: 8192, num_predict: 99 },
  });
});

test('the settings of a provider reach its server, the same for every call', async () => {
  await using at = await start();
  const gpu = {
    type: 'ollama',
    baseUrl: `${at.ollama.url}/`,
    numCtx: 4096,
    keepAlive: '10m',
    think: 'low',
  } as const;
  await using other = makeTestLlm({ mode: 'gpu:qwen3', providers: { gpu } });
  const schema = z.object({ ok: z.boolean() });
  at.ollama.next({}, { text: '{"ok":true}' });
  await other.ask();
  await other.ask({ schema });
  const [plain, structured] = at.ollama.exchanges.map(({ body }) => body);
  expect(plain).toMatchObject({ keep_alive: '10m', think: 'low', options: { num_ctx: 4096 } });
  expect(structured).toMatchObject({ keep_alive: '10m', options: { num_ctx: 4096, temperature: 0 } });
});

test('unknown counts are null', async () => {
  await using at = await start();
  at.ollama.next({
    done: { prompt_eval_count: undefined, eval_count: undefined, load_duration: undefined },
  });
  expect(await at.ask()).toMatchObject({
    usage: { inputTokens: null, outputTokens: null },
    timings: { loadMs: null },
  });
});

test('thinking is no output, be it a member or a tag', async () => {
  await using at = await start();
  at.ollama.next({ thinking: 'Let me see.', text: 'Done.' }, { text: ['<thi', 'nk>Hm.</think>\n\nDone.'] });
  expect((await at.ask()).text).toBe('Done.');
  expect((await at.ask()).text).toBe('Done.');
});

test('a model that cannot think is asked again without it', async () => {
  await using at = await start({
    mode: 'gpu:qwen3',
    providers: { gpu: { type: 'ollama', baseUrl: 'http://127.0.0.1:2' } },
  });
  const gpu = { type: 'ollama', baseUrl: at.ollama.url, think: true } as const;
  await using other = makeTestLlm({ mode: 'gpu:qwen3', providers: { gpu } });
  at.ollama.next({ status: 400, error: '"qwen3" does not support thinking' }, { text: 'Fine.' });
  expect((await other.ask()).text).toBe('Fine.');
  expect(at.ollama.exchanges.map(({ body }) => body['think'])).toEqual([true, undefined]);
});

test('structured output is asked for by format and prompt, and validated', async () => {
  await using at = await start();
  at.ollama.next({ text: ['{"tit', 'le":"A","n":2}'] });
  const answer = await at.ask({ schema: z.object({ title: z.string(), n: z.int() }) });
  expect(answer.object).toEqual({ title: 'A', n: 2 });
  const { body } = await at.ollama.request();
  expect(body).toMatchObject({
    format: { type: 'object', required: ['title', 'n'] },
    options: { temperature: 0 },
  });
  expect(JSON.stringify(body['messages'])).toContain('JSON schema');
});

test('JSON is found in a fence and between words', async () => {
  await using at = await start();
  const schema = z.object({ ok: z.boolean() });
  at.ollama.next({ text: 'Sure:\n```json\n{"ok": true}\n```\n' }, { text: 'Here {"ok": false} it is' });
  expect((await at.ask({ schema })).object).toEqual({ ok: true });
  expect((await at.ask({ schema })).object).toEqual({ ok: false });
});

test('a wrong answer is repaired once, and both turns are counted', async () => {
  await using at = await start();
  at.ollama.next({ text: '{"ok":"maybe"}' }, { text: '{"ok":true}', done: { eval_count: 3 } });
  const answer = await at.ask({ schema: z.object({ ok: z.boolean() }) });
  expect(answer).toMatchObject({ object: { ok: true }, usage: { inputTokens: 24, outputTokens: 10 } });
  const messages = at.ollama.exchanges[1]?.body['messages'];
  expect(messages).toMatchObject([
    {},
    {},
    { role: 'assistant', content: '{"ok":"maybe"}' },
    { role: 'user' },
  ]);
});

test('a second wrong answer is invalid_output', async () => {
  await using at = await start();
  at.ollama.next({ text: 'no' }, { text: 'still no' }, {});
  const error = await at.failure({ schema: z.object({ ok: z.boolean() }) });
  expect(error).toMatchObject({ class: 'invalid_output', provider: 'ollama', model: 'qwen3' });
  expect(at.ollama.exchanges).toHaveLength(2);
});

test('JSON nested beyond measure is invalid_output', async () => {
  await using at = await start();
  const deep = '['.repeat(100_000);
  at.ollama.next({ text: deep }, { text: deep + ']'.repeat(100_000) });
  expect((await at.failure({ schema: z.object({}) })).class).toBe('invalid_output');
});

test('NUL and lone surrogates are made harmless, and split pairs are kept', async () => {
  await using at = await start();
  at.ollama.next(
    {
      raw: [
        '{"message":{"content":"a\\u0000b \\ud800 \\ud83d"}}\n',
        '{"message":{"content":"\\ude00"}}\n{"done":true}\n',
      ],
    },
    { text: '{"a\\u0000":"\\ud800"}' },
  );
  expect((await at.ask()).text).toBe('a\uFFFDb \uFFFD 😀');
  const { object } = await at.ask({ schema: z.record(z.string(), z.string()) });
  expect(object).toEqual({ 'a\uFFFD': '\uFFFD' });
});

test('lines and characters may be cut anywhere, and bad UTF-8 is replaced', async () => {
  await using at = await start();
  const bytes = Buffer.from('{"message":{"content":"añ😀"}}\r\n\n{"message":{"content":"X"},"done":true}');
  const bad = Buffer.from(bytes);
  bad[bytes.indexOf('X')] = 0xff;
  at.ollama.next({ raw: Array.from(bytes, (byte) => Uint8Array.of(byte)) }, { raw: [bad] });
  expect((await at.ask()).text).toBe('añ😀X');
  expect((await at.ask()).text).toBe('añ😀\uFFFD');
});

test.each([
  [{ status: 404, error: "model 'qwen3' not found" }, 'model_missing', "model 'qwen3' not found"],
  [{ status: 400, error: '"qwen3" does not support chat' }, 'refused', 'does not support chat'],
  [{ status: 400, error: 'the input length exceeds the context length' }, 'too_long', 'context length'],
  [{ status: 403, error: 'ollama cloud is disabled' }, 'refused', 'cloud is disabled'],
  [{ status: 500, error: 'model requires more system memory' }, 'failed', 'more system memory'],
  [{ status: 502, error: 'bad gateway' }, 'unavailable', 'HTTP 502'],
  [{ status: 503, error: 'server busy, please try again.' }, 'unavailable', 'server busy'],
  [{ status: 302, headers: { location: 'http://127.0.0.1:2/' } }, 'refused', 'redirects'],
  [{ text: 'One', errorLine: 'llama runner process has terminated' }, 'failed', 'runner process'],
  [{ text: 'One', end: 'missing' }, 'failed', 'no end'],
  [{ text: 'One', end: 'cut' }, 'failed', 'broke off'],
  [{ raw: ['<html>Log in, please</html>'] }, 'failed', 'may not be Ollama'],
  [{ raw: ['[1]\n'] }, 'failed', 'not of Ollama'],
  [{ raw: [] }, 'failed', 'no end'],
  [{ text: '{"ok":true}', done: { done_reason: 'length' } }, 'too_long', 'limit of tokens'],
  [{ text: 'One', done: { done_reason: 'unload' } }, 'failed', 'unload'],
  [{ text: '' }, 'invalid_output', 'nothing'],
  [{ thinking: 'only this', text: '' }, 'invalid_output', 'nothing'],
] as const)('%j is %s', async (reply, errorClass, part) => {
  await using at = await start();
  at.ollama.next({
    ...reply,
    text: 'text' in reply ? reply.text : [],
    raw: 'raw' in reply ? [...reply.raw] : undefined,
  });
  const error = await at.failure();
  expect(error).toMatchObject({ class: errorClass, provider: 'ollama', model: 'qwen3' });
  expect(error.message).toContain(part);
  expect(at.ollama.exchanges).toHaveLength(1);
});

test('a length limit counts for structured output too, even if its JSON is whole', async () => {
  await using at = await start();
  at.ollama.next({ text: '{"ok":true}', done: { done_reason: 'length' } });
  expect((await at.failure({ schema: z.object({ ok: z.boolean() }) })).class).toBe('too_long');
});

test.each([
  ['7', 7000],
  ['0.5', 500],
  [new Date(Date.now() + 3_600_000).toUTCString(), 3_600_000],
  [new Date(0).toUTCString(), 0],
  ['soon', undefined],
] as const)('Retry-After %s is kept', async (given, expected) => {
  await using at = await start();
  at.ollama.next({ status: 429, error: 'slow down', headers: { 'retry-after': given } });
  const error = await at.failure();
  expect(error.class).toBe('rate_limited');
  if (expected === undefined) expect(error.retryAfterMs).toBeUndefined();
  else expect(Math.abs((error.retryAfterMs ?? -1) - expected)).toBeLessThan(5000);
});

test('nobody at the address is unavailable', async () => {
  await using at = makeTestLlm({ mode: 'ollama:qwen3' });
  expect(await at.failure()).toMatchObject({
    class: 'unavailable',
    message: expect.stringContaining('ECONNREFUSED'),
  });
});

test.each([
  [{ hang: 'before-headers' }, 'No token within'],
  [{ hang: 'before-first-token' }, 'No token within'],
  [{ blankMs: 5 }, 'No token within'],
  [{ text: 'One', hang: 'mid-stream' }, 'silent'],
  [{ text: 'One', dripMs: 5 }, 'No end within'],
] as const)('%j is a timeout and closes the connection', async (reply, part) => {
  await using at = await start({ timeouts: FAST });
  at.ollama.next(reply);
  const error = await at.failure();
  expect(error.class).toBe('timeout');
  expect(error.message).toContain(part);
  const exchange = await at.ollama.request();
  await exchange.closed;
  expect(exchange.abandoned).toBe(true);
});

test('a model may load for longer than it may be silent', async () => {
  await using at = await start({ timeouts: { firstTokenMs: 10_000, idleMs: 50 } });
  at.ollama.next({ loadMs: 200, text: 'Awake.' });
  expect((await at.ask()).text).toBe('Awake.');
});

test.each([
  { hang: 'before-headers' },
  { hang: 'before-first-token' },
  { text: 'One', hang: 'mid-stream' },
] as const)('giving up closes the connection at once: %j', async (reply) => {
  await using at = await start();
  at.ollama.next(reply);
  const controller = new AbortController();
  const failure = at.failure({}, controller.signal);
  const exchange = await at.ollama.request();
  controller.abort();
  expect((await failure).class).toBe('aborted');
  await exchange.closed;
  expect(exchange.abandoned).toBe(true);
});

test('a request that is given up before it starts is not sent', async () => {
  await using at = await start();
  expect((await at.failure({}, AbortSignal.abort())).class).toBe('aborted');
  expect(at.ollama.exchanges).toHaveLength(0);
});

test('closing ends what is under way', async () => {
  await using at = await start();
  at.ollama.next({ hang: 'mid-stream' });
  const failure = at.failure();
  const exchange = await at.ollama.request();
  await at.llm.close();
  expect((await failure).class).toBe('aborted');
  await exchange.closed;
});

test.each([{ bytes: 200_000_000 }, { bytes: 200_000_000, oneLine: true }])(
  'an answer without measure is cut off: %j',
  async (flood) => {
    await using at = await start();
    at.ollama.next({ flood });
    expect((await at.failure()).class).toBe('too_long');
    const exchange = await at.ollama.request();
    await exchange.closed;
    expect(exchange.abandoned).toBe(true);
    expect(exchange.bytesSent).toBeLessThan(20_000_000);
  },
);

test('connections are used again', async () => {
  await using at = await start();
  for (let call = 0; call < 5; call++) await at.ask();
  const ports = new Set(at.ollama.exchanges.map(({ clientPort }) => clientPort));
  expect(ports.size).toBeLessThan(3);
});

test('200 calls at once, without a warning', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on('warning', onWarning);
  await using at = await start();
  const answers = await Promise.all(Array.from({ length: 200 }, () => at.ask()));
  expect(answers.every(({ text }) => text === 'Hello from qwen3')).toBe(true);
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
});
