import { expect, test } from 'vitest';
import { FAULTS } from '../../chaos/faults/all.ts';
import { makeModel } from '../../chaos/stage/model.ts';
import type { Stage } from '../../chaos/stage/stage.ts';

/** Strikes with a fault of the model, asks it twice, so that one answer is bad, and reads what it sends. */
async function askDuring(name: string) {
  const model = await makeModel(1);
  const fault = FAULTS.find((one) => one.name === name);
  const strike = await fault?.strike({ model } as Stage, 'model');
  const before = await strike?.evidence();
  const body = JSON.stringify({ model: 'tiny', messages: [] });
  const asked = [1, 2].map(() => fetch(`${model.url}/api/chat`, { method: 'POST', body }));
  await Promise.all(asked.map(async (answer) => (await answer).arrayBuffer()));
  await strike?.end();
  const evidence = await strike?.evidence();
  await model.leave();
  return { before, evidence, visits: model.trap.visits() };
}

test('who follows a redirect of the model is noticed', async () => {
  const { before, evidence, visits } = await askDuring('model-redirect');
  expect(before).toBeNull();
  expect(evidence).toContain('1 answers of this kind');
  expect(visits).toBe(1);
});

test('a flood is one when it has sent something', async () => {
  const { before, evidence, visits } = await askDuring('model-flood');
  expect(before).toBeNull();
  expect(evidence).toMatch(/^1 answers of this kind, 2\d\d\.\d MB$/);
  expect(visits).toBe(0);
});
