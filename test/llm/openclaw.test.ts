import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { llmConfigSchema } from '../../src/llm/llm.ts';
import { type Answer, startAnswering } from '../support/http-answers.ts';
import { startOpenAiServer } from '../support/openai-server.ts';
import { makeTestLlm } from './make-test-llm.ts';

const TOKEN = 'gateway-token-0123456789abcdef';
let folder = '';
let apiKeyFile = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'opsloop-openclaw-'));
  apiKeyFile = join(folder, 'token');
  await writeFile(apiKeyFile, `${TOKEN}\n`, { mode: 0o600 });
});
afterEach(() => rm(folder, { recursive: true }));

const json = (body: unknown, status = 200): Answer => ({ status, body: JSON.stringify(body) });
const answered = (value: unknown) =>
  json({
    ok: true,
    result: {
      content: [{ type: 'text', text: JSON.stringify(value) }],
      details: { json: value, provider: 'ollama', model: 'qwen3' },
    },
  });

/** A gateway whose llm-task answers so, in turn. */
async function startTask(replies: Answer[], more: Record<string, unknown> = {}) {
  const gateway = await startAnswering(({ path }) =>
    path === '/healthz' ? json({ ok: true }) : (replies.shift() ?? json({ ok: false }, 500)),
  );
  const claw = { type: 'openclaw', baseUrl: gateway.url, apiKeyFile, ...more } as const;
  const made = makeTestLlm({ mode: 'claw:default', providers: { claw } });
  const calls = () => gateway.asked.filter(({ path }) => path === '/tools/invoke');
  return {
    ...made,
    gateway,
    calls,
    lastArgs: () => JSON.parse(calls().at(-1)?.body ?? '{}').args as Record<string, unknown>,
    async [Symbol.asyncDispose]() {
      await made[Symbol.asyncDispose]();
      await gateway[Symbol.asyncDispose]();
    },
  };
}

test('a text is asked for as JSON with one member, without tools or a transcript', async () => {
  await using at = await startTask([answered({ text: 'All is well.' })], { agentId: 'main' });
  expect(await at.ask({ maxOutputTokens: 80 })).toMatchObject({
    text: 'All is well.',
    engine: 'openclaw',
    provider: 'claw',
    model: 'default',
    usage: { inputTokens: null, outputTokens: null, costUsd: null },
  });
  const [call] = at.calls();
  expect(call?.headers.authorization).toBe(`Bearer ${TOKEN}`);
  expect(JSON.parse(call?.body ?? '')).toEqual({
    tool: 'llm-task',
    agentId: 'main',
    args: {
      prompt: 'Be brief.\n\nSay hello.',
      schema: expect.objectContaining({ required: ['text'] }),
      maxTokens: 80,
      timeoutMs: 1_800_000,
    },
  });
});

test('a schema goes along, and the answer is checked all the same', async () => {
  await using at = await startTask([answered({ ok: 1 }), answered({ ok: true })], { timeoutMs: 5_000 });
  const schema = z.object({ ok: z.boolean() });
  expect((await at.ask({ schema, model: 'claw:ollama/qwen3.5:9b' })).object).toEqual({ ok: true });
  expect(at.lastArgs()).toMatchObject({
    model: 'ollama/qwen3.5:9b',
    timeoutMs: 5_000,
    schema: { required: ['ok'] },
  });
  expect(at.lastArgs()['prompt']).toContain('That answer is not valid');
});

const refused = (status: number, message: string, headers?: Record<string, string>): Answer => ({
  ...json({ ok: false, error: { type: 'error', message } }, status),
  ...(headers ? { headers } : {}),
});

test.each([
  [refused(400, 'bad args'), 'refused', 'bad args'],
  [refused(401, 'unauthorized'), 'refused', 'apiKeyFile'],
  [refused(403, 'denied by policy'), 'refused', 'denied by policy'],
  [refused(404, 'tool not available'), 'model_missing', 'plugins.entries["llm-task"].enabled'],
  [refused(408, 'too slow'), 'unavailable', 'too slow'],
  [refused(413, 'too big'), 'too_long', 'too big'],
  [refused(429, 'slow down', { 'retry-after': '7' }), 'rate_limited', 'slow down'],
  [refused(500, 'internal error'), 'failed', 'internal error'],
  [json({ ok: false, error: { message: 'no' } }), 'invalid_output', 'not answer in the form'],
  [answered('just a string'), 'invalid_output', 'not answer with the text'],
  [{ status: 302, headers: { location: 'http://elsewhere.example/' } }, 'refused', 'redirects elsewhere'],
])('%j is %s', async (reply, errorClass, message) => {
  await using at = await startTask([reply]);
  const failure = await at.failure();
  expect(failure).toMatchObject({ class: errorClass, message: expect.stringContaining(message) });
  if (errorClass === 'rate_limited') expect(failure.retryAfterMs).toBe(7_000);
  expect(failure.message + at.logged()).not.toContain(TOKEN);
});

test('the token is not sent where nothing is asked of the model', async () => {
  await using at = await startTask([]);
  await at.llm.refresh();
  const probes = at.gateway.asked.filter(({ path }) => path === '/healthz');
  expect(probes.length).toBeGreaterThan(0);
  expect(probes.every(({ headers }) => headers.authorization === undefined)).toBe(true);
});

test('a token that others can read is not used', async () => {
  await chmod(apiKeyFile, 0o644);
  await using at = await startTask([answered({ text: 'no' })]);
  expect(await at.failure()).toMatchObject({
    class: 'refused',
    message: expect.stringContaining(`chmod 600 ${apiKeyFile}`),
  });
  expect(at.calls()).toEqual([]);
});

test('the token can stand in a file only', () => {
  const config = (more: object) => ({ providers: { claw: { type: 'openclaw', ...more } } });
  expect(llmConfigSchema.safeParse(config({})).success).toBe(false);
  expect(llmConfigSchema.safeParse(config({ apiKeyFile, apiKeyEnv: 'X' })).success).toBe(false);
  expect(llmConfigSchema.safeParse(config({ apiKeyFile })).success).toBe(true);
});

/** A gateway whose agents answer. */
async function startAgents() {
  const server = await startOpenAiServer({ models: ['openclaw/default'] });
  const baseUrl = server.url.replace(/\/v1$/, '');
  const claw = { type: 'openclaw', via: 'agent', baseUrl, apiKeyFile } as const;
  const made = makeTestLlm({ mode: 'claw:openclaw/research', providers: { claw } });
  return {
    ...made,
    server,
    async [Symbol.asyncDispose]() {
      await made[Symbol.asyncDispose]();
      await server.close();
    },
  };
}

test('an agent answers by chat completions', async () => {
  await using at = await startAgents();
  at.server.next({ text: ['It ', 'is done.'] });
  expect(await at.ask()).toMatchObject({
    text: 'It is done.',
    engine: 'openclaw',
    model: 'openclaw/research',
    usage: { inputTokens: 12, outputTokens: 7 },
  });
  const { headers, body } = await at.server.request();
  expect(headers.authorization).toBe(`Bearer ${TOKEN}`);
  expect(body).toMatchObject({ model: 'openclaw/research', stream: true });
});

test('an agent that said nothing has not answered, whatever words stand for it', async () => {
  await using at = await startAgents();
  at.server.next({ text: 'No response from OpenClaw.' });
  expect(await at.failure()).toMatchObject({
    class: 'invalid_output',
    message: 'The model answered with nothing',
  });
});

test('an agent is asked for JSON in words alone', async () => {
  await using at = await startAgents();
  at.server.next({ text: 'Here: {"ok":true}' });
  expect((await at.ask({ schema: z.object({ ok: z.boolean() }) })).object).toEqual({ ok: true });
  expect((await at.server.request()).body['response_format']).toBeUndefined();
});

test('an error in the midst of an answer is an error', async () => {
  await using at = await startAgents();
  at.server.next({ text: 'Half of', errorLine: 'internal error' });
  expect(await at.failure()).toMatchObject({ class: 'failed' });
});

test('a gateway without the endpoint says how to switch it on', async () => {
  await using at = await startAgents();
  at.server.onList({ status: 404, error: 'Not Found' });
  const [, claw] = (await at.llm.refresh()).providers;
  expect(claw?.problem).toContain('gateway.http.endpoints.chatCompletions.enabled');
});
