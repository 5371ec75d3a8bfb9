import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pino } from 'pino';
import { z } from 'zod';
import { LlmError, llmConfigSchema, makeLlm } from '../dist/llm/llm.js';
import { writeTinyModel } from './tiny-model.mjs';

const platform = `@node-llama-cpp/${process.platform}-${process.arch}`;
const skip = isInstalled(platform) ? false : `${platform} is not installed, so there is no llama.cpp to run`;

describe('our client and the real llama.cpp', { skip, timeout: 120_000 }, () => {
  let folder;
  let server;
  let llm;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'opsloop-llama-'));
    await writeTinyModel(join(folder, 'tiny.gguf'));
    const { startLlamaServer } = await import('./llama-server.mjs');
    server = await startLlamaServer(join(folder, 'tiny.gguf'));
    llm = makeLlm(llmConfigSchema.parse({ ollamaUrl: server.url, numCtx: 2048 }), {
      log: pino({ level: 'silent' }),
      installation: { modelSeen: async () => false, rememberModel: async () => {} },
      secrets: () => undefined,
      packagesIn: '/nowhere',
    });
  });

  after(async () => {
    await llm?.close();
    await server?.close();
    await rm(folder, { recursive: true });
  });

  const ask = (request, signal = new AbortController().signal) =>
    llm.complete(
      { system: 'Be brief.', prompt: 'Say something.', extractiveAllowed: false, ...request },
      signal,
    );

  test('a plain answer has real counts', async () => {
    const answer = await ask({ maxOutputTokens: 1500 });
    assert.equal(answer.llm, true);
    assert.equal(answer.model, 'tiny:latest');
    assert.equal(answer.finishReason, 'stop');
    assert.ok(answer.text.length > 0);
    assert.ok(answer.usage.inputTokens > 20);
    // What the runtime handed out, and the token that ends it.
    assert.equal(answer.usage.outputTokens, server.generations.at(-1).tokens + 1);
    assert.ok(answer.timings.firstTokenMs <= answer.timings.totalMs);
  });

  test('a schema becomes a grammar, and the answer is valid', async () => {
    const schema = z.object({
      verdict: z.enum(['good', 'bad']),
      reason: z.string().max(12),
      tags: z.array(z.string().max(4)).max(2),
    });
    const answer = await ask({ schema, maxOutputTokens: 400 });
    assert.deepEqual(schema.parse(answer.object), answer.object);
    assert.notEqual(server.generations.at(-1).stopReason, 'maxTokens');
  });

  test('a limit of tokens is an error', async () => {
    const error = await ask({ model: 'endless', maxOutputTokens: 8 }).catch((thrown) => thrown);
    assert.ok(error instanceof LlmError);
    assert.equal(error.class, 'too_long');
    assert.equal(server.generations.at(-1).tokens, 8);
  });

  test('giving up stops the generation', async () => {
    const controller = new AbortController();
    const before = server.generations.length;
    const failure = ask({ model: 'endless', maxOutputTokens: 1_000_000 }, controller.signal).catch(
      (thrown) => thrown,
    );
    while (server.generations.length === before) await new Promise((resolve) => setImmediate(resolve));
    const generation = server.generations.at(-1);
    await generation.firstToken;
    controller.abort();
    const error = await failure;
    assert.ok(error instanceof LlmError);
    assert.equal(error.class, 'aborted');
    await generation.ended;
    assert.equal(generation.stopReason, 'abort');
  });
});

function isInstalled(name) {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}
