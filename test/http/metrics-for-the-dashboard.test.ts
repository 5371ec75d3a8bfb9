import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { completeSteps } from '../../src/engine/complete.ts';
import { recordCalls } from '../../src/engine/tokens.ts';
import { useApp } from '../support/app.ts';
import { openPolicy, proposer, sealAll, testWorker } from '../support/loop.ts';

const t = useApp();
const read = async () => (await t.request('/metrics')).text();
const FILE = join(import.meta.dirname, '../../deploy/grafana-dashboard.json');

test('every metric of the Grafana dashboard is there', async () => {
  const text = await read();
  const board = JSON.parse(readFileSync(FILE, 'utf8')) as { panels: { targets: { expr: string }[] }[] };
  const used = board.panels
    .flatMap(({ targets }) => targets.map(({ expr }) => expr))
    .flatMap((expr) => expr.match(/\b(?:opsloop|nodejs|process)_\w+/g) ?? []);
  expect(new Set(used).size).toBeGreaterThan(15);
  for (const name of new Set(used))
    expect([name, text.includes(`# TYPE ${name.replace(/_bucket$/, '')} `)]).toEqual([name, true]);
});

test('what happened is counted, and counted once however often it is asked for', async () => {
  await openPolicy(t.database);
  await proposer(t.database)();
  const claim = await (await testWorker(t.database)).claimOne();
  const call = {
    engine: 'test',
    provider: 'host',
    model: 'm',
    inputTokens: 10,
    outputTokens: 5,
    costUsd: 0.25,
    firstTokenMs: null,
    loadMs: null,
    durationMs: 1,
    outcome: 'stop',
  };
  await t.database.transaction((tx) => recordCalls(tx, claim, [call]));
  await completeSteps(t.database, [{ ...claim, output: 'done' }]);
  await sealAll(t.database);
  await read();
  const text = await read();
  for (const line of [
    'opsloop_proposals_total 1',
    'opsloop_missions_ended_total{outcome="succeeded"} 1',
    'opsloop_steps_completed_total 1',
    'opsloop_tokens_total{direction="in"} 10',
    'opsloop_cost_usd_total 0.25',
  ])
    expect(text).toContain(`\n${line}\n`);
});
