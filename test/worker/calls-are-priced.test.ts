import { beforeEach, expect, test } from 'vitest';
import { recordCalls } from '../../src/engine/tokens.ts';
import type { LlmCall } from '../../src/engine/schema.ts';
import { setPolicy } from '../../src/policy/policy.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';

const db = useDatabase();
beforeEach(() => openPolicy(db.database));

const call = (change: Partial<LlmCall>): LlmCall => ({
  engine: 'openai-compatible',
  provider: 'host',
  model: 'small',
  inputTokens: 1_000,
  outputTokens: 200,
  costUsd: null,
  firstTokenMs: null,
  loadMs: null,
  durationMs: 1,
  outcome: 'stop',
  ...change,
});

/** What the calls of one attempt are kept as having cost. */
async function costsOf(...calls: LlmCall[]): Promise<(number | null)[]> {
  await proposer(db.database)({});
  const claim = await (await testWorker(db.database)).claimOne();
  await db.database.transaction((tx) => recordCalls(tx, claim, calls));
  const rows = await db.database.query<{ cost: number | null }>(
    'select cost_usd::float8 as cost from ops_llm_calls where claim_id = $1 order by id',
    [claim.claim_id],
  );
  return rows.map(({ cost }) => cost);
}

test('a call costs what policy says of its model, else of its provider; else nobody knows', async () => {
  const prices = { 'host:small': { input: 3, output: 15 }, 'host:*': { input: 10, output: 30 } };
  await setPolicy(db.database, 'prices', prices, 'test');
  const costs = await costsOf(
    call({}),
    call({ model: 'large' }),
    call({ provider: 'other' }),
    call({ provider: null, model: null }),
  );
  expect(costs).toEqual([0.006, 0.016, null, null]);
});

test('tokens that nobody counted cost nobody knows what', async () => {
  await setPolicy(db.database, 'prices', { 'host:*': { input: 3, output: 15 } }, 'test');
  expect(await costsOf(call({ inputTokens: null }), call({ outputTokens: null }))).toEqual([null, null]);
});

test('what the provider says it cost comes before the price, and nonsense is unknown', async () => {
  await setPolicy(db.database, 'prices', { 'host:*': { input: 3, output: 15 } }, 'test');
  const nonsense = call({ provider: 'other', costUsd: Number.POSITIVE_INFINITY });
  expect(await costsOf(call({ costUsd: 0.5 }), call({ costUsd: 0 }), nonsense)).toEqual([0.5, 0, null]);
});

test('a free model costs nothing, which is not the same as unknown', async () => {
  await setPolicy(db.database, 'prices', { 'ollama:*': { input: 0, output: 0 } }, 'test');
  expect(await costsOf(call({ provider: 'ollama' }), call({}))).toEqual([0, null]);
});

test.each([
  { small: { input: 1, output: 1 } },
  { 'host:small': { input: -1, output: 1 } },
  { 'host:small': { input: 1 } },
  { 'host:small': { input: 1, output: 1, cached: 1 } },
])('%j is no price', async (value) => {
  await expect(setPolicy(db.database, 'prices', value, 'test')).rejects.toMatchObject({
    code: 'invalid_policy',
  });
});
