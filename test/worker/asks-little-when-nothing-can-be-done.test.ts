import { expect, test } from 'vitest';
import { setPolicy } from '../../src/policy/policy.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer, testWorker } from '../support/loop.ts';
import { clearQueue, gate, onlyAnalyze, stepIs, useLlm, useOllama, useWorker } from '../support/worker.ts';

const db = useDatabase();
const LOOKS = 10;

/** What is asked of the database while a worker looks for steps ten times, renewals and sweeps left out. */
async function askedInTenLooks(): Promise<string[]> {
  const { query, transaction } = db.database;
  const asked: string[] = [];
  const enough = gate();
  let looks = 0;
  db.database.query = (text, values, options) => {
    const name = typeof options === 'string' ? options : '';
    if (/claim|lanes|peek|rules|token|select \* from ops_agent/.test(`${name} ${text.slice(0, 40)}`))
      asked.push(name);
    if ((name === 'opsloop_lanes' || name === 'opsloop_peek') && ++looks > LOOKS) enough.open();
    return query(text, values, options);
  };
  db.database.transaction = (work, opening) => {
    asked.push('transaction');
    return transaction(work, opening);
  };
  await enough.opened;
  db.database.query = query;
  db.database.transaction = transaction;
  return asked;
}

/** A worker that polls often and has nothing to do, beside a step of the kind that it would work. */
async function startIdle(models: boolean) {
  const ollama = await useOllama();
  const llm = await useLlm(db.database, models ? { ollamaUrl: ollama.url } : { mode: 'none' });
  return useWorker(db.database, {
    llm,
    pollMs: 20,
    ...(models ? {} : { handlers: onlyAnalyze(() => ({ output: null })) }),
  });
}

test.each([true, false])('a pause is asked for once with each look (with models: %s)', async (models) => {
  await openPolicy(db.database);
  await clearQueue(db.database);
  await setPolicy(db.database, 'paused', { enabled: true, agents: [] }, 'test');
  await proposer(db.database)();
  await startIdle(models);
  // Lanes and rules, for plain kinds and for those that use a model; a claim of what is known to be paused is none.
  expect((await askedInTenLooks()).length).toBeLessThanOrEqual((models ? 6 : 3) * LOOKS);
});

test('a limit that is reached is one transaction with each look', async () => {
  await openPolicy(db.database);
  await clearQueue(db.database);
  const { mission } = await proposer(db.database)();
  const other = await testWorker(db.database);
  await other.claimOne();
  await stepIs(db.database, mission?.steps[0]?.id, ({ status }) => status === 'running');
  await proposer(db.database)();
  await setPolicy(db.database, 'concurrency', { kinds: { analyze: 1 }, agents: {} }, 'test');
  await startIdle(false);
  const asked = await askedInTenLooks();
  expect(asked.filter((name) => name === 'transaction').length).toBeLessThanOrEqual(2 * LOOKS);
  expect(asked.length).toBeLessThanOrEqual(6 * LOOKS);
});
