import { expect, test } from 'vitest';
import { makeHolds } from '../../src/llm/holds.ts';
import { LlmError } from '../../src/llm/llm-error.ts';
import { startOllamaServer } from '../support/ollama-server.ts';
import { makeTestLlm } from './make-test-llm.ts';

test('a provider that limits the rate is held as long as it says, and only that one', () => {
  let time = 0;
  const holds = makeHolds(() => time);
  holds.note('hosted', new LlmError('rate_limited', 'slow down', { retryAfterMs: 60_000 }));
  expect(() => holds.check('other')).not.toThrow();
  time = 20_000;
  expect(() => holds.check('hosted')).toThrow(
    expect.objectContaining({ class: 'rate_limited', retryAfterMs: 40_000 }),
  );
  time = 60_000;
  expect(() => holds.check('hosted')).not.toThrow();
});

test('other errors hold nothing, and an unsaid time is bounded', () => {
  let time = 0;
  const holds = makeHolds(() => time);
  holds.note('hosted', new LlmError('unavailable', 'down'));
  holds.note('hosted', new Error('x'));
  expect(() => holds.check('hosted')).not.toThrow();
  holds.note('hosted', new LlmError('rate_limited', 'slow down'));
  time = 15_001;
  expect(() => holds.check('hosted')).not.toThrow();
  holds.note('hosted', new LlmError('rate_limited', 'for ever', { retryAfterMs: 1e15 }));
  time += 3_600_000 + 1;
  expect(() => holds.check('hosted')).not.toThrow();
});

test('while a provider is held, calls to it are answered without asking it', async () => {
  await using ollama = await startOllamaServer({ models: ['qwen3'] });
  await using at = makeTestLlm({ mode: 'ollama:qwen3', ollamaUrl: ollama.url });
  ollama.next({ status: 429, error: 'slow down', headers: { 'retry-after': '60' } });
  expect((await at.failure()).class).toBe('rate_limited');
  const held = await at.failure();
  expect(held.class).toBe('rate_limited');
  expect(held.retryAfterMs).toBeGreaterThan(30_000);
  expect(ollama.exchanges).toHaveLength(1);
});
