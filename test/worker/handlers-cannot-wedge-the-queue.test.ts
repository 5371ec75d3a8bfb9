import { expect, test } from 'vitest';
import { type StepContext, StepError, type StepResult } from '../../src/worker/handler.ts';
import { useDatabase } from '../support/database.ts';
import { eventually, openPolicy, proposer } from '../support/loop.ts';
import {
  callsOf,
  clearQueue,
  missionEnds,
  onlyAnalyze,
  stepIs,
  useLlm,
  useOllama,
  useWorker,
} from '../support/worker.ts';

const db = useDatabase();

/** One step worked by the handler, and after it another one by the same worker, which shows that it goes on. */
async function workWith(run: (context: StepContext) => StepResult | Promise<StepResult>) {
  const llm = await useLlm(db.database, { mode: 'none' });
  await openPolicy(db.database);
  await clearQueue(db.database);
  const propose = proposer(db.database);
  const odd = await propose({ title: 'odd' });
  const oddId = odd.mission?.steps[0]?.id ?? '';
  const worker = await useWorker(db.database, {
    llm,
    handlers: onlyAnalyze((context) => (context.step.id === oddId ? run(context) : { output: 'plain' })),
    slots: { analyze: 1 },
  });
  const ended = await stepIs(
    db.database,
    oddId,
    ({ status, failures }) => status === 'completed' || status === 'failed' || failures > 0,
  );
  const next = await propose({ title: 'next' });
  expect((await missionEnds(db.database, next.mission?.mission.id)).status).toBe('completed');
  await eventually(async () => worker.holds() === 0);
  expect(ended.attempt).toBe(1);
  return ended;
}

function nested(depth: number): unknown {
  let value: unknown = 'bottom';
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

function circle(): unknown {
  const one: Record<string, unknown> = {};
  one.self = one;
  return one;
}

const at = new Date('2026-11-22T10:00:00.000Z');

test.each<[string, unknown, unknown]>([
  ['a text', 'plain', 'plain'],
  ['nothing in it', undefined, null],
  ['null', null, null],
  ['a date', { at }, { at: at.toISOString() }],
  ['a function', () => 1, null],
  ['NUL and half of a pair', { 'a\0': 'b\0\uD800' }, { 'a\uFFFD': 'b\uFFFD\uFFFD' }],
  ['a whole pair', '😀', '😀'],
  ['a member of the prototype', JSON.parse('{"__proto__": {"x": 1}}'), JSON.parse('{"__proto__": {"x": 1}}')],
  ['no number', { n: Number.NaN, m: Infinity }, { n: null, m: null }],
  ['what can be nested', nested(60), nested(60)],
])('an output with %s is stored', async (_name, output, stored) => {
  const step = await workWith(() => ({ output }));
  expect(step).toMatchObject({ status: 'completed', failures: 0 });
  expect(step.output).toEqual(stored);
});

test.each<[string, () => unknown, string]>([
  ['too large', () => 'x'.repeat(600_000), 'output_too_large'],
  ['too large only as JSON', () => '\u0001'.repeat(100_000), 'output_too_large'],
  ['nested too deep', () => nested(500), 'output_too_deep'],
  ['nested beyond measure', () => nested(100_000), 'error'],
  ['a circle', circle, 'error'],
  ['a number without end', () => 1n, 'error'],
])('an output that is %s fails the step', async (_name, output, errorClass) => {
  const step = await workWith(() => ({ output: output() }));
  expect(step).toMatchObject({ output: null, failures: 1, failure: { class: errorClass, attempt: 1 } });
  expect(step.status).toBe(errorClass.startsWith('output_too_') ? 'failed' : 'queued');
});

test.each<[string, () => unknown]>([
  ['an error', () => new Error('no')],
  ['a text', () => 'no'],
  ['nothing', () => undefined],
  ['what has no text', () => Object.create(null)],
  ['an error with NUL and half of a pair', () => new Error('a\0\uDC00')],
  ['an error whose message is no text', () => Object.assign(new Error('x'), { message: 42 })],
  ['an error without end', () => new Error('x'.repeat(1_000_000))],
])('a handler that throws %s spends a failure', async (_name, thrown) => {
  const step = await workWith(() => {
    throw thrown();
  });
  expect(step).toMatchObject({ status: 'queued', ready: false, output: null, failures: 1 });
  expect(step.failure).toMatchObject({ class: 'error', attempt: 1, message: expect.any(String) });
});

test.each([undefined, null, 0, ''])('a handler that returns %j is told what to return', async (result) => {
  const step = await workWith(() => result as unknown as StepResult);
  expect(step).toMatchObject({
    status: 'failed',
    failure: { class: 'no_result', message: expect.stringContaining('{ output }') },
  });
});

test.each<[string, () => unknown, unknown]>([
  ['a plain one', () => ({ seen: 1 }), { seen: 1 }],
  ['NUL', () => 'a\0', 'a\uFFFD'],
  ['one too large', () => 'x'.repeat(600_000), { not_kept: expect.stringContaining('bytes') }],
  ['a circle', circle, { not_kept: expect.stringContaining('circular') }],
])('a failure with %s as its output is told, whatever becomes of the output', async (_name, output, kept) => {
  const step = await workWith(() => {
    throw new StepError('by_design\0', 'it had to', { final: true, output: output() });
  });
  expect(step).toMatchObject({
    status: 'failed',
    failures: 1,
    failure: { class: 'by_design\uFFFD', message: 'it had to' },
  });
  expect(step.output).toEqual(kept);
});

test('writes that go with the completion fail the step when they fail, and not its neighbours', async () => {
  const step = await workWith(() => ({
    output: 'never kept',
    alongside: async (tx) => void (await tx.query('insert into ops_artefacts (name) values (null)')),
  }));
  expect(step).toMatchObject({ status: 'queued', output: null, failures: 1, failure: { class: 'error' } });
});

test('what a model call cost is kept when the handler fails after it', async () => {
  const ollama = await useOllama();
  const llm = await useLlm(db.database, { ollamaUrl: ollama.url });
  await openPolicy(db.database);
  await clearQueue(db.database);
  const { mission } = await proposer(db.database)();
  const stepId = mission?.steps[0]?.id;
  await useWorker(db.database, {
    llm,
    handlers: {
      analyze: {
        usesModel: true,
        slots: 1,
        async run({ complete }) {
          const first = await complete({ system: 's', prompt: 'one' });
          const second = await complete({ system: 's', prompt: 'two' });
          throw new StepError('spent', 'twice', {
            final: true,
            output: [first.text, second.text, 'x'.repeat(600_000)],
          });
        },
      },
    },
  });
  const step = await stepIs(db.database, stepId, ({ status }) => status === 'failed');
  expect(step.failure).toMatchObject({ class: 'spent' });
  expect(await callsOf(db.database, stepId)).toMatchObject([
    { input_tokens: 12, output_tokens: 7 },
    { input_tokens: 12, output_tokens: 7 },
  ]);
});
