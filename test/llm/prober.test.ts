import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { silentLog } from '../../src/log.ts';
import { startProber } from '../../src/llm/prober.ts';
import type { ListedModel, Provider } from '../../src/llm/provider.ts';
import { makeTestLlm } from './make-test-llm.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const MODEL: ListedModel = { name: 'qwen3', choosable: true };

/** A provider whose listing answers, or hangs until it is given up. */
function fakeProvider(cloud = false) {
  const fake = { asked: 0, hangs: false };
  const provider: Provider = {
    name: 'fake',
    type: 'ollama',
    address: 'http://fake',
    takesSchema: true,
    cloud,
    configured: [],
    list(signal) {
      fake.asked++;
      if (!fake.hangs) return Promise.resolve([MODEL]);
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    },
    model: () => Promise.reject(new Error('not asked for here')),
  };
  return { fake, provider };
}

const deps = { log: silentLog(), onRound: () => Promise.resolve() };

test('providers are asked every 30 s until closed, hosted ones every 5 minutes', async () => {
  const local = fakeProvider();
  const hosted = fakeProvider(true);
  const prober = startProber([local.provider, hosted.provider], deps);
  await prober.ask();
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  expect(local.fake.asked).toBe(21);
  expect(hosted.fake.asked).toBe(3);
  prober.close();
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  expect(local.fake.asked).toBe(21);
  expect(vi.getTimerCount()).toBe(0);
});

test('one missed probe is forgiven, two are not', async () => {
  const { fake, provider } = fakeProvider();
  const prober = startProber([provider], deps);
  await prober.ask();
  fake.hangs = true;
  const first = prober.ask();
  await vi.advanceTimersByTimeAsync(2000);
  await first;
  expect(prober.state(provider)).toMatchObject({ usable: true, models: [MODEL] });
  const second = prober.ask();
  await vi.advanceTimersByTimeAsync(2000);
  await second;
  expect(prober.state(provider)).toMatchObject({ usable: false, reachable: false, models: null });
  fake.hangs = false;
  await prober.ask();
  expect(prober.state(provider)).toMatchObject({ usable: true, problem: null });
  prober.close();
});

test('a first probe that hangs is not forgiven', async () => {
  const { fake, provider } = fakeProvider();
  fake.hangs = true;
  const prober = startProber([provider], deps);
  const round = prober.ask();
  await vi.advanceTimersByTimeAsync(2000);
  await round;
  expect(prober.state(provider).usable).toBe(false);
  prober.close();
});

test('when it is not known whether there was a model, nothing is extracted', async () => {
  vi.useRealTimers();
  await using at = makeTestLlm({}, { brokenMemory: true });
  const error = await at.failure({ extractiveAllowed: true, document: { title: 'T', text: 'One. Two.' } });
  expect(error.class).toBe('unavailable');
  expect(at.llm.status().extractive).toBe(false);
});
