import { expect, test } from 'vitest';
import { z } from 'zod';
import { AppError } from '../../src/errors.ts';
import { llmConfigSchema } from '../../src/llm/llm.ts';
import { startOllamaServer } from '../support/ollama-server.ts';
import { startOpenAiServer } from '../support/openai-server.ts';
import { makeTestLlm, NOBODY } from './make-test-llm.ts';

const DOCUMENT = { title: 'Report', text: 'The queue is slow. The queue needs an index.' };
const ANALYZE = { extractiveAllowed: true, document: DOCUMENT };

const host = (baseUrl: string, models?: string[]) =>
  ({ type: 'openai-compatible', baseUrl, models }) as const;

test('auto takes the newest local model that can chat', async () => {
  await using ollama = await startOllamaServer({
    models: [
      { name: 'old:1b', modifiedAt: '2026-01-01T00:00:00Z' },
      { name: 'new:1b', modifiedAt: '2026-02-01T01:00:00+02:00' },
      { name: 'newer:1b-cloud', modifiedAt: '2026-03-01T00:00:00Z' },
      { name: 'big:cloud', modifiedAt: '2026-03-01T00:00:00Z' },
      { name: 'passed-on', modifiedAt: '2026-03-01T00:00:00Z', remoteHost: 'https://ollama.com' },
      { name: 'nomic-embed-text', modifiedAt: '2026-03-01T00:00:00Z', family: 'nomic-bert' },
      { name: 'mid:1b', modifiedAt: '2026-01-31T23:30:00Z' },
    ],
  });
  await using at = makeTestLlm({ ollamaUrl: ollama.url });
  expect(await at.ask()).toMatchObject({ provider: 'ollama', model: 'mid:1b', llm: true });
  expect(at.memory.seen).toBe(true);
  expect(at.llm.status()).toMatchObject({
    mode: 'auto',
    serving: `ollama:mid:1b on ${ollama.url}`,
    llm: true,
    extractive: false,
    providers: [{ name: 'ollama', reachable: true, problem: null, cloud: false }],
  });
});

test('auto goes on to a configured provider when Ollama does not answer', async () => {
  await using server = await startOpenAiServer({ models: ['gpt-x', 'gpt-y'] });
  await using at = makeTestLlm({ providers: { bare: host(server.url), host: host(server.url, ['gpt-y']) } });
  expect(await at.ask()).toMatchObject({ provider: 'host', model: 'gpt-y' });
});

test('auto turns to what is there when Ollama goes away, and back', async () => {
  await using server = await startOpenAiServer({ models: ['gpt-x'] });
  const first = await startOllamaServer({ models: ['qwen3'] });
  await using at = makeTestLlm({
    ollamaUrl: first.url,
    providers: { host: host(server.url, ['gpt-x']) },
  });
  expect((await at.ask()).provider).toBe('ollama');
  await first.close();
  expect((await at.ask()).provider).toBe('host');
  await using back = await startOllamaServer({ models: ['qwen3'], port: Number(new URL(first.url).port) });
  expect(back.url).toBe(first.url);
  expect((await at.llm.refresh()).provider).toBe('ollama');
  expect((await at.ask()).provider).toBe('ollama');
});

test('the extractive analyst serves a machine that never had a model', async () => {
  await using at = makeTestLlm({});
  expect(await at.ask(ANALYZE)).toMatchObject({
    engine: 'extractive',
    llm: false,
    provider: 'extractive',
    model: null,
    usage: { inputTokens: null, outputTokens: null },
    text: expect.stringContaining('not a language model'),
  });
  expect(at.memory.seen).toBe(false);
  const status = at.llm.status();
  expect(status).toMatchObject({ llm: false, extractive: true, model: null, provider: null });
  expect(status.serving).toBe('the built-in extractive analyst (no language model found)');
  expect(at.logged()).toContain('extractive analyst');
});

test.each([
  ['it is not allowed', { ...ANALYZE, extractiveAllowed: false }],
  ['a model is named', { ...ANALYZE, model: 'qwen3' }],
  ['structured output is wanted', { ...ANALYZE, schema: z.object({}) }],
  ['there is no document', { extractiveAllowed: true }],
])('it does not serve when %s', async (_, request) => {
  await using at = makeTestLlm({});
  expect((await at.failure(request)).class).toBe('unavailable');
});

test('it never serves once there was a model', async () => {
  await using at = makeTestLlm({}, { seen: true });
  const error = await at.failure(ANALYZE);
  expect(error.class).toBe('unavailable');
  expect(error.message).toContain('ollama pull');
  expect(error.message).toContain('OPSLOOP_LLM');
  expect(at.llm.status()).toMatchObject({ llm: false, extractive: false });
});

test('a model that was seen and goes away is waited for', async () => {
  const ollama = await startOllamaServer({ models: ['qwen3'] });
  await using at = makeTestLlm({ ollamaUrl: ollama.url });
  await at.llm.refresh();
  expect(at.memory.seen).toBe(true);
  await ollama.close();
  expect((await at.failure(ANALYZE)).class).toBe('unavailable');
  expect((await at.failure(ANALYZE)).class).toBe('unavailable');
});

test.each([
  { defaultModel: 'qwen3' },
  { fallback: 'qwen3' },
  { agentModels: { analyst: 'qwen3' } },
  { mode: 'ollama:qwen3' },
  { providers: { host: host(NOBODY, ['gpt-x']) } },
])('a configured model counts as seen: %j', async (config) => {
  await using at = makeTestLlm(config);
  expect((await at.failure(ANALYZE)).class).toBe('unavailable');
  await at.llm.refresh();
  expect(at.memory.seen).toBe(true);
});

test('an Ollama without models is said so', async () => {
  await using ollama = await startOllamaServer();
  await using at = makeTestLlm({ ollamaUrl: ollama.url }, { seen: true });
  expect((await at.failure()).message).toContain('has no model');
});

test('the mode extractive serves what it may, and nothing else', async () => {
  await using ollama = await startOllamaServer({ models: ['qwen3'] });
  await using at = makeTestLlm({ mode: 'extractive', ollamaUrl: ollama.url }, { seen: true });
  expect((await at.ask(ANALYZE)).engine).toBe('extractive');
  expect((await at.failure()).class).toBe('unavailable');
  await at.llm.refresh();
  expect(ollama.listings).toBe(0);
  expect(at.llm.status()).toMatchObject({ extractive: true, llm: false });
});

test('the mode none serves nothing', async () => {
  await using at = makeTestLlm({ mode: 'none' });
  expect(await at.failure(ANALYZE)).toMatchObject({
    class: 'unavailable',
    message: expect.stringContaining('OPSLOOP_LLM is none'),
  });
});

test('a request names its model, of Ollama or of a provider', async () => {
  await using ollama = await startOllamaServer({ models: ['qwen3:8b', 'hf.co/a/b:Q4'] });
  await using server = await startOpenAiServer({ models: ['org/gpt-x:free'] });
  await using at = makeTestLlm({
    ollamaUrl: ollama.url,
    providers: { host: host(server.url) },
  });
  expect(await at.ask({ model: 'qwen3:8b' })).toMatchObject({ provider: 'ollama', model: 'qwen3:8b' });
  expect(await at.ask({ model: 'ollama:qwen3:8b' })).toMatchObject({ provider: 'ollama', model: 'qwen3:8b' });
  expect(await at.ask({ model: 'hf.co/a/b:Q4' })).toMatchObject({ provider: 'ollama' });
  expect(await at.ask({ model: 'host:org/gpt-x:free' })).toMatchObject({
    provider: 'host',
    model: 'org/gpt-x:free',
  });
  expect(await at.failure({ model: 'absent' })).toMatchObject({ class: 'model_missing', model: 'absent' });
});

test.each([
  'http://evil.example/v1',
  '//evil',
  'file:///etc/passwd',
  'a b',
  '',
  '../x',
  'host:',
  'x'.repeat(300),
  'é',
])('a model is a name and never an address: %j', async (model) => {
  await using ollama = await startOllamaServer();
  await using at = makeTestLlm({ ollamaUrl: ollama.url, providers: { host: host(NOBODY) } });
  expect((await at.failure({ model })).class).toBe('refused');
  expect(ollama.exchanges).toHaveLength(0);
});

test.each([
  [{ status: 503, error: 'busy' }, {}],
  [{ status: 404, error: 'model not found' }, {}],
  [{ hang: 'before-headers' }, { timeouts: { firstTokenMs: 100 } }],
] as const)('the fallback answers after %j', async (reply, config) => {
  await using ollama = await startOllamaServer({ models: ['qwen3', 'spare'] });
  ollama.on('qwen3', reply);
  await using at = makeTestLlm({ mode: 'ollama:qwen3', fallback: 'spare', ollamaUrl: ollama.url, ...config });
  expect(await at.ask()).toMatchObject({ model: 'spare' });
  expect(await at.ask({ model: 'qwen3' })).toMatchObject({ model: 'spare' });
});

test.each([
  [{ text: 'One', hang: 'mid-stream' }, 'timeout'],
  [{ status: 429, error: 'slow' }, 'rate_limited'],
  [{ status: 500, error: 'oops' }, 'failed'],
  [{ status: 400, error: 'no' }, 'refused'],
] as const)('the fallback is not asked after %j', async (reply, errorClass) => {
  await using ollama = await startOllamaServer({ models: ['qwen3', 'spare'] });
  ollama.on('qwen3', reply);
  await using at = makeTestLlm({
    mode: 'ollama:qwen3',
    fallback: 'spare',
    ollamaUrl: ollama.url,
    timeouts: { idleMs: 100 },
  });
  expect((await at.failure()).class).toBe(errorClass);
  expect(ollama.exchanges).toHaveLength(1);
});

test('the fallback is not asked after giving up', async () => {
  await using ollama = await startOllamaServer({ models: ['qwen3', 'spare'] });
  ollama.on('qwen3', { hang: 'before-headers' });
  await using at = makeTestLlm({ mode: 'ollama:qwen3', fallback: 'spare', ollamaUrl: ollama.url });
  const controller = new AbortController();
  const failure = at.failure({}, controller.signal);
  await ollama.request();
  controller.abort();
  expect((await failure).class).toBe('aborted');
  expect(ollama.exchanges).toHaveLength(1);
});

test('when both fail, the caller waits for the one that may come back', async () => {
  await using ollama = await startOllamaServer();
  ollama.on('qwen3', { status: 503, error: 'busy', headers: { 'retry-after': '9' } });
  await using at = makeTestLlm({ mode: 'ollama:qwen3', fallback: 'spare', ollamaUrl: ollama.url });
  const error = await at.failure();
  expect(error).toMatchObject({ class: 'unavailable', retryAfterMs: 9000 });
  expect(error.message).toContain('busy');
  expect(error.message).toContain('spare');
});

test.each(['opneai:gpt', 'qwen3', 'ollama:', 'http://127.0.0.1', 'host'])(
  'the mode %j is not usable, and the message says what is',
  (mode) => {
    let thrown: unknown;
    try {
      makeTestLlm({ mode, providers: { host: host(NOBODY) } });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(AppError);
    expect(thrown).toMatchObject({ code: 'config_invalid', details: { providers: ['ollama', 'host'] } });
  },
);

test.each([
  { ollamaUrl: 'ftp://127.0.0.1' },
  { ollamaUrl: 'http://user:secret@127.0.0.1' },
  { ollamaUrl: '127.0.0.1:11434' },
  { ollamaUrl: 'http://127.0.0.1:11434/v1' },
  { providers: { auto: host(NOBODY) } },
  { providers: { 'Not A Name': host(NOBODY) } },
  { providers: { ollama: host(NOBODY) } },
  { providers: { host: { type: 'openai-compatible', baseUrl: NOBODY, surprise: 1 } } },
])('a configuration that is not usable is refused: %j', (config) => {
  const parsed = llmConfigSchema.safeParse(config);
  expect(parsed.success).toBe(false);
  expect(parsed.error?.message).not.toContain('secret');
});

test('hosted providers are marked', async () => {
  await using at = makeTestLlm({
    mode: 'none',
    providers: {
      hosted: host('https://api.example.com/v1'),
      lan: host('http://192.168.1.5:8000/v1'),
      name: host('http://gpu-box:8000/v1'),
      six: host('http://[::1]:8000/v1'),
    },
  });
  const marks = at.llm.status().providers.map(({ name, cloud }) => [name, cloud]);
  expect(marks).toEqual([
    ['ollama', false],
    ['hosted', true],
    ['lan', false],
    ['name', false],
    ['six', false],
  ]);
});

test('after closing, nothing is asked', async () => {
  await using at = makeTestLlm({ mode: 'ollama:qwen3' });
  await at.llm.close();
  expect((await at.failure()).class).toBe('aborted');
  await at.llm.close();
});
