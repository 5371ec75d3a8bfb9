import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { type Asked, startAnswering } from '../support/http-answers.ts';
import { makeTestLlm } from './make-test-llm.ts';

const KEY = 'sk-ant-very-secret-0123456789';
let home = '';
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'opsloop-packages-'));
});
afterEach(() => rm(home, { recursive: true }));

const event = (data: { type: string } & Record<string, unknown>) =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;

/** The stream that Anthropic documents for a message. */
function anthropicStream(text: string): string {
  const usage = { input_tokens: 21, output_tokens: 1 };
  return [
    event({
      type: 'message_start',
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'claude-test',
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage,
      },
    }),
    event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }),
    event({ type: 'content_block_stop', index: 0 }),
    event({
      type: 'message_delta',
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: { output_tokens: 5 },
    }),
    event({ type: 'message_stop' }),
  ].join('');
}

async function start(answer: (asked: Asked) => { status?: number; body: string }, more: object = {}) {
  const server = await startAnswering((asked) => ({
    headers: { 'content-type': 'text/event-stream' },
    ...answer(asked),
  }));
  const provider = {
    type: 'ai-sdk' as const,
    package: '@ai-sdk/anthropic',
    baseUrl: server.url,
    apiKeyEnv: 'ITS_KEY',
    models: ['claude-test'],
    ...more,
  };
  const made = makeTestLlm(
    { mode: 'auto', providers: { anthropic: provider } },
    { secrets: { ITS_KEY: KEY }, packagesIn: home },
  );
  return {
    ...made,
    server,
    async [Symbol.asyncDispose]() {
      await made[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** As `npm install --prefix <home>` leaves it. */
async function install(name: string): Promise<void> {
  const place = join(home, 'node_modules', name);
  await mkdir(join(place, '..'), { recursive: true });
  await symlink(resolve(import.meta.dirname, '../../node_modules', name), place);
}

test('a package that the user installed into the home answers, with its counts', async () => {
  await install('@ai-sdk/anthropic');
  await using at = await start(() => ({ body: anthropicStream('Hello.') }));
  expect(await at.ask()).toMatchObject({
    text: 'Hello.',
    engine: 'ai-sdk',
    provider: 'anthropic',
    model: 'claude-test',
    usage: { inputTokens: 21, outputTokens: 5 },
    finishReason: 'stop',
  });
  const [asked] = at.server.asked;
  expect(asked).toMatchObject({ path: '/messages', headers: { 'x-api-key': KEY } });
  expect(JSON.parse(asked?.body ?? '')).toMatchObject({ model: 'claude-test', stream: true });
});

test('structured output is validated', async () => {
  await using at = await start(() => ({ body: anthropicStream('{"ok":true}') }));
  expect((await at.ask({ schema: z.object({ ok: z.boolean() }) })).object).toEqual({ ok: true });
});

test.each([
  [401, 'refused'],
  [429, 'rate_limited'],
  [529, 'unavailable'],
])('HTTP %i is %s, asked once, without the key in it', async (status, errorClass) => {
  const body = JSON.stringify({ type: 'error', error: { type: 'x', message: `no: ${KEY}` } });
  await using at = await start(() => ({ status, body }));
  const failure = await at.failure();
  expect(failure).toMatchObject({ class: errorClass, message: expect.stringContaining('no: [secret]') });
  expect(at.server.asked).toHaveLength(1);
});

test.each(['@ai-sdk/openai', '@ai-sdk/google'])('%s is found by its name alone', async (name) => {
  await using at = await start(() => ({ status: 400, body: '{"error":{"message":"not today"}}' }), {
    package: name,
  });
  expect(await at.failure()).toMatchObject({
    class: 'refused',
    message: expect.stringContaining('not today'),
  });
});

test('a package that is not there is waited for, and the status says what to run', async () => {
  await using at = await start(() => ({ body: '' }), { package: '@ai-sdk/nowhere' });
  expect(await at.failure({ model: 'anthropic:claude-test' })).toMatchObject({
    class: 'unavailable',
    message: expect.stringContaining(`npm install --prefix ${home} @ai-sdk/nowhere`),
  });
  const [, status] = (await at.llm.refresh()).providers;
  expect(status?.problem).toContain('is not installed');
});

test('a package of another kind or of another version is refused with a reason', async () => {
  const fake = async (name: string, code: string) => {
    const place = join(home, 'node_modules', name);
    await mkdir(place, { recursive: true });
    await writeFile(join(place, 'package.json'), JSON.stringify({ name, main: 'index.js' }));
    await writeFile(join(place, 'index.js'), code);
  };
  await fake('no-provider', 'exports.hello = () => 1;');
  await fake(
    'too-new',
    'exports.createIt = () => ({ languageModel: () => ({ specificationVersion: "v9" }) });',
  );
  for (const [name, message] of [
    ['no-provider', 'is no provider of the AI SDK'],
    ['too-new', 'another version of the AI SDK'],
  ] as const) {
    await using at = await start(() => ({ body: '' }), { package: name });
    expect(await at.failure({ model: 'anthropic:claude-test' })).toMatchObject({
      class: 'refused',
      message: expect.stringContaining(message),
    });
  }
});
