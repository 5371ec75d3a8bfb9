import { expect, test } from 'vitest';
import { getProposal } from '../../src/proposals/proposals.ts';
import { stepsOf } from '../../src/steps/steps.ts';
import { publish } from '../../src/worker/publish.ts';
import { useDatabase } from '../support/database.ts';
import { openPolicy, proposer } from '../support/loop.ts';
import {
  callsOf,
  clearQueue,
  dueNow,
  eventsOf,
  missionEnds,
  stepIs,
  useLlm,
  useOllama,
  useWorker,
} from '../support/worker.ts';

const db = useDatabase();

async function startContent() {
  const ollama = await useOllama();
  const llm = await useLlm(db.database, { ollamaUrl: ollama.url });
  await openPolicy(db.database, ['content']);
  await clearQueue(db.database);
  const { proposal, mission } = await proposer(db.database)({ kind: 'content' });
  const [analyze, generate, review, publish] = mission?.steps ?? [];
  return { ollama, llm, proposal, missionId: mission?.mission.id, analyze, generate, review, publish };
}

test('a negative verdict fails the mission with its output kept, and nothing is published', async () => {
  const at = await startContent();
  const verdict = {
    verdict: 'reject',
    reason: 'It invents numbers.',
    problems: ['42 is not in the material'],
  };
  at.ollama.next({ text: 'ANALYSIS' }, { text: 'DRAFT' }, { text: JSON.stringify(verdict) });
  await useWorker(db.database, { llm: at.llm });

  expect(await missionEnds(db.database, at.missionId)).toMatchObject({
    status: 'failed',
    failure: { class: 'step_failed', step_id: at.review?.id, cause: { reason: 'rejected_by_review' } },
  });
  const [, generate, review, publish] = await stepsOf(db.database, at.missionId ?? '');
  expect(generate?.status).toBe('completed');
  expect(review).toMatchObject({
    status: 'failed',
    attempt: 1,
    failures: 1,
    failure: {
      class: 'rejected_by_review',
      message: expect.stringContaining('It invents numbers.'),
      attempt: 1,
    },
    output: { ...verdict, engine: 'ollama', usage: { input_tokens: 12, output_tokens: 7 } },
  });
  expect(publish).toMatchObject({
    status: 'failed',
    attempt: 0,
    output: null,
    failure: { class: 'skipped' },
  });
  expect(await getProposal(db.database, at.proposal.id)).toMatchObject({
    status: 'completed',
    outcome: 'failed',
  });
  expect(
    await db.database.query('select from ops_artefacts where proposal_id = $1', [at.proposal.id]),
  ).toEqual([]);
  expect(await callsOf(db.database, review?.id)).toMatchObject([{ outcome: 'stop', input_tokens: 12 }]);
});

test('an answer that is no verdict is tried again later and never stored as output', async () => {
  const at = await startContent();
  at.ollama.next(
    { text: 'ANALYSIS' },
    { text: 'DRAFT' },
    // The model is told once what was wrong before the attempt is given up.
    { text: '{"verdict": "maybe", "reason": "?", "problems": []}' },
    { text: 'I would say it is fine.' },
  );
  await useWorker(db.database, { llm: at.llm });

  const failed = await stepIs(db.database, at.review?.id, (step) => step.failures === 1);
  expect(failed).toMatchObject({
    status: 'queued',
    ready: false,
    attempt: 1,
    output: null,
    claim_id: null,
    failure: { class: 'invalid_output', attempt: 1 },
  });
  expect(await callsOf(db.database, at.review?.id)).toMatchObject([{ outcome: 'invalid_output' }]);
  const [requeued] = await eventsOf(db.database, at.review?.id, 'step.requeued');
  expect(requeued?.payload).toMatchObject({ from: 'failed', to: 'queued', available_at: expect.any(String) });

  at.ollama.next({ text: '```json\n{"verdict": "approve", "reason": "Fine.", "problems": []}\n```' });
  await dueNow(db.database, failed.id);
  expect((await missionEnds(db.database, at.missionId)).status).toBe('completed');
  const done = await stepIs(db.database, at.review?.id, (step) => step.status === 'completed');
  expect(done).toMatchObject({ attempt: 2, failures: 1, output: { verdict: 'approve' } });
});

test('there is nothing to publish when no earlier step wrote a text', async () => {
  const at = await startContent();
  const blank = (kind: string) => ({
    [kind]: { usesModel: false, slots: 1, run: () => Promise.resolve({ output: { text: ' \n' } }) },
  });
  const handlers = { ...blank('analyze'), ...blank('generate'), ...blank('review'), publish };
  await useWorker(db.database, { llm: at.llm, handlers });
  expect(await missionEnds(db.database, at.missionId)).toMatchObject({ status: 'failed' });
  const step = await stepIs(db.database, at.publish?.id, () => true);
  expect(step).toMatchObject({ failures: 1, failure: { class: 'nothing_to_publish' } });
});
