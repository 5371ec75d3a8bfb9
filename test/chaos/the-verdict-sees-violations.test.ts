import { expect, test } from 'vitest';
import { makeHistory } from '../../chaos/clients/history.ts';
import type { Struck } from '../../chaos/faults/strike-all.ts';
import { findDoubled, findUnkept } from '../../chaos/verdict/acknowledged.ts';
import type { Facts } from '../../chaos/verdict/facts.ts';
import { findBloated } from '../../chaos/verdict/memory.ts';
import { findTwice } from '../../chaos/verdict/once.ts';
import { findReruns, tooSlow } from '../../chaos/verdict/recovery.ts';
import { findTailBreaks } from '../../chaos/verdict/tails.ts';
import { findTrivial } from '../../chaos/verdict/trivial.ts';

type Event = Facts['log'][number];

function event(
  seq: number,
  kind: string,
  entity: string,
  payload: Event['payload'] = {},
  at = seq * 1_000,
): Event {
  return { seq, id: seq + 100, kind, entity_id: entity, payload, created_at: new Date(at) };
}
const started = (seq: number, step: string, attempt: number, worker = 'w-1', at?: number) =>
  event(
    seq,
    'step.started',
    step,
    { set: { attempt, worker_id: worker, claim_id: `${step}-${attempt}` } },
    at,
  );
const completed = (seq: number, step: string, attempt: number) =>
  event(seq, 'step.completed', step, { set: { attempt, claim_id: `${step}-${attempt}` } });

/** A run in which everything went well. */
function goodRun() {
  const history = makeHistory();
  history.invoke('p', 'propose', { key: 'k-1' })('ok', { proposal: 'P1' });
  history.invoke('p', 'propose', { key: 'k-2' })('info');
  history.invoke('d', 'reject', { proposal: 'P2' })('ok');
  history.invoke('c', 'cancel', { mission: 'M1' })('ok', { became: 'M1' });
  history.invoke('c', 'retry', { mission: 'M1' })('ok', { became: 'M2' });
  history.invoke('o', 'set-policy', { minutes: 5 })('ok');
  history.invoke('w', 'complete', { step: 'S1', claim: 'S1-2' })('ok');
  history.invoke('w', 'complete', { step: 'S1', claim: 'S1-1' })('fail', {}, 'claim_lost');
  const facts: Facts = {
    log: [
      started(1, 'S1', 1),
      started(2, 'S1', 2),
      completed(3, 'S1', 2),
      event(4, 'mission.failed', 'M1'),
      event(5, 'policy.changed', 'reminders', { to: { after_minutes: 5 } }),
    ],
    proposals: [
      { id: 'P1', title: 'k-1', status: 'completed', outcome: 'succeeded' },
      { id: 'P2', title: 'k-2', status: 'rejected', outcome: null },
    ],
    missions: [
      { id: 'M1', status: 'failed', retry_of: null, failure: { class: 'cancelled' } },
      { id: 'M2', status: 'completed', retry_of: 'M1', failure: null },
    ],
    steps: [{ id: 'S1', status: 'completed', claim_id: 'S1-2', attempt: 2 }],
    artefacts: [],
  };
  return { history, facts };
}

const said = (findings: { what: string }[]) => findings.map(({ what }) => what).join('\n');

test('a run in which everything went well has no violation', () => {
  const { history, facts } = goodRun();
  expect(findUnkept(history.entries, facts)).toEqual([]);
  expect(findDoubled(history.entries, facts)).toEqual([]);
  expect(findTwice(facts)).toEqual([]);
});

test.each<[string, (facts: Facts) => void]>([
  ['propose of p', (facts) => void facts.proposals.shift()],
  ['reject of d', (facts) => void Object.assign(facts.proposals[1] ?? {}, { status: 'approved' })],
  ['cancel of c', (facts) => void Object.assign(facts.missions[0] ?? {}, { failure: null })],
  ['retry of c', (facts) => void facts.missions.pop()],
  ['set-policy of o', (facts) => void facts.log.pop()],
  ['complete of w', (facts) => void Object.assign(facts.steps[0] ?? {}, { claim_id: 'S1-1' })],
])('an acknowledged operation that is lost is seen: %s', (name, lose) => {
  const { history, facts } = goodRun();
  lose(facts);
  expect(said(findUnkept(history.entries, facts))).toMatch(
    new RegExp(`^${name} .* was acknowledged and is not in the tables$`),
  );
});

test('what was refused and has happened is seen, but for what was sent before without an answer', () => {
  const { history, facts } = goodRun();
  facts.log.push(completed(6, 'S1', 1));
  expect(said(findUnkept(history.entries, facts))).toContain('was refused and has happened');
  const unsure = makeHistory();
  unsure.invoke('w', 'complete', { step: 'S1', claim: 'S1-1' })('info');
  unsure.invoke('w', 'complete', { step: 'S1', claim: 'S1-1' })('fail');
  expect(findUnkept(unsure.entries, facts)).toEqual([]);
});

/** Each refused operation, and what the tables hold when it has happened all the same. */
const REFUSED: [string, Record<string, string | number>, (facts: Facts) => void][] = [
  [
    'propose',
    { key: 'k-9' },
    (facts) => void facts.proposals.push({ id: 'P9', title: 'k-9', status: 'pending', outcome: null }),
  ],
  [
    'approve',
    { proposal: 'P9' },
    (facts) => void facts.log.push(event(6, 'proposal.approved', 'P9', { cause: { by: 'key:op' } })),
  ],
  [
    'reject',
    { proposal: 'P9' },
    (facts) => void facts.log.push(event(6, 'proposal.rejected', 'P9', { cause: { by: 'key:op' } })),
  ],
  [
    'cancel',
    { mission: 'M9' },
    ({ missions }) =>
      void missions.push({ id: 'M9', status: 'failed', retry_of: null, failure: { class: 'cancelled' } }),
  ],
  [
    'retry',
    { mission: 'M9' },
    ({ missions }) => void missions.push({ id: 'M10', status: 'active', retry_of: 'M9', failure: null }),
  ],
  [
    'set-policy',
    { minutes: 9 },
    (facts) => void facts.log.push(event(6, 'policy.changed', 'reminders', { to: { after_minutes: 9 } })),
  ],
  ['complete', { claim: 'S1-1', step: 'S1' }, (facts) => void facts.log.push(completed(6, 'S1', 1))],
];

test.each(REFUSED)('a refused operation that has happened is seen: %s', (f, value, plant) => {
  const { history, facts } = goodRun();
  history.invoke('x', f, value)('fail', {}, 'conflict');
  expect(findUnkept(history.entries, facts)).toEqual([]);
  plant(facts);
  expect(said(findUnkept(history.entries, facts))).toMatch(
    new RegExp(`${f} of x .* was refused and has happened$`),
  );
  // Unless somebody else did it, or may have done it, or has not been answered yet.
  for (const outcome of ['info', 'ok', null] as const) {
    const other = makeHistory();
    other.invoke('x', f, value)('fail', {}, 'conflict');
    const done = other.invoke('y', f, value);
    if (outcome) done(outcome);
    expect(findUnkept(other.entries, facts).filter(({ rule }) => rule === 'refused')).toEqual([]);
  }
});

test('what policy approved is not what an operator was refused', () => {
  const { history, facts } = goodRun();
  history.invoke('x', 'approve', { proposal: 'P1' })('fail', {}, 'conflict');
  facts.log.push(event(6, 'proposal.approved', 'P1', { cause: { by: 'policy' } }));
  expect(findUnkept(history.entries, facts)).toEqual([]);
});

test('one key with two proposals is seen, in the answers and in the tables', () => {
  const { history, facts } = goodRun();
  history.invoke('p', 'propose', { key: 'k-1' })('ok', { proposal: 'P3' });
  facts.proposals.push({ id: 'P3', title: 'k-1', status: 'approved', outcome: null });
  expect(said(findDoubled(history.entries, facts))).toBe(
    'the key k-1 was answered with 2 proposals\nthe key k-1 made 2 proposals',
  );
});

test('a step that is completed twice, a late result and a claim without a start are seen', () => {
  const { facts } = goodRun();
  expect(said(findTwice({ ...facts, log: [...facts.log, completed(6, 'S1', 2)] }))).toContain(
    'step.completed S1 happened 2 times',
  );
  expect(said(findTwice({ ...facts, log: [...facts.log, event(6, 'mission.completed', 'M1')] }))).toContain(
    'the end of mission M1 happened 2 times',
  );
  const late = facts.log.map((one) => (one.kind === 'step.completed' ? completed(3, 'S1', 1) : one));
  expect(said(findTwice({ ...facts, log: late }))).toContain('took the result of attempt 1 after attempt 2');
  expect(said(findTwice({ ...facts, log: facts.log.slice(1) }))).toContain(
    'was claimed 1 times and counts 2',
  );
});

test('a reader that sees an event twice, in another order, not at all, or no further is seen', () => {
  const { log } = goodRun().facts;
  const seen = log.map(({ seq, id }) => ({ seq, id }));
  const look = (events: typeof seen) => said(findTailBreaks({ name: 'r', seen: events }, log, log.length));
  expect(look(seen)).toBe('');
  expect(look(seen.toSpliced(2, 0, seen[1] ?? { seq: 0, id: 0 }))).toContain(
    'saw place 2 (event 102) after place 2',
  );
  expect(look([...seen.slice(0, 2), ...seen.slice(2).toReversed()])).toContain(
    'saw place 5 (event 105) after place 2',
  );
  expect(look(seen.toSpliced(1, 1))).toContain('saw place 3 (event 103) after place 1');
  expect(look(seen.slice(0, 3))).toContain('saw 3 of 5 events, and nothing after place 3');
  // What was written while it was told to stop need not be seen.
  expect(findTailBreaks({ name: 'r', seen: seen.slice(0, 4) }, log, 4)).toEqual([]);
});

test('a run is trivial when a fault did not strike, or too little happened', () => {
  const struck = { name: 'cut', target: 'x' };
  const trivial = (evidence: string | null, operations: number) => {
    const history = makeHistory();
    for (const f of ['propose', 'approve', 'reject', 'cancel', 'retry', 'set-policy', 'complete'])
      for (let n = 0; n < operations; n++) history.invoke('c', f, {})('ok');
    const log = Array.from({ length: operations }, (_, n) => completed(n, `S${n}`, 1));
    return findTrivial({
      struck: [{ ...struck, evidence }],
      entries: history.entries,
      log,
      reruns: [],
      minutes: 1,
    });
  };
  expect(trivial('3 connections cut', 100)).toEqual([]);
  expect(trivial(null, 100)).toEqual(['cut on x did not strike']);
  expect(trivial('3 connections cut', 2)).toEqual([
    'propose: only 2 succeeded, and 40 are the least',
    'set-policy: only 2 succeeded, and 10 are the least',
    'complete: only 2 succeeded, and 5 are the least',
    'completed steps: only 2 succeeded, and 40 are the least',
  ]);
});

test('a run whose struck processes never let the database be is trivial, and one that strikes none is not', () => {
  const look = (name: string, ...undisturbed: boolean[]) =>
    findTrivial({
      struck: [{ name, target: 'x', evidence: 'seen' }],
      entries: [],
      log: [],
      reruns: undisturbed.map((one) => ({
        fault: name,
        target: 'x',
        steps: 1,
        slowestMs: 9,
        undisturbed: one,
      })),
      minutes: 1,
    }).filter((why) => why.includes('ran again'));
  expect(look('cut')).toEqual([]);
  expect(look('kill-server')).toHaveLength(1);
  expect(look('kill-server', false, false)).toHaveLength(1);
  expect(look('kill-server', false, true)).toEqual([]);
});

test('a program that takes too much memory is seen, and one that was not measured', () => {
  const peaks = new Map([
    ['server-1', 200e6],
    ['server-2', 1_200e6],
  ]);
  expect(said(findBloated(peaks, ['server-1', 'server-2', 'worker-1']))).toBe(
    'server-2 took 1200 MB\nworker-1 was never measured',
  );
});

test('how soon the steps of a dead worker run again is told of those that it held', () => {
  const stroke: Struck = {
    name: 'kill-worker',
    lane: 'processes',
    target: 'worker-1',
    atSeconds: 10,
    seconds: 3,
    beganAt: 10_000,
    endedAt: 13_000,
    evidence: 'x',
  };
  const log = [
    started(1, 'held', 1, 'worker-1-a', 9_000),
    started(2, 'done', 1, 'worker-1-a', 9_100),
    event(3, 'step.completed', 'done', {}, 9_900),
    started(4, 'others', 1, 'worker-2-b', 9_200),
    event(5, 'step.requeued', 'held', {}, 20_000),
    started(6, 'held', 2, 'worker-2-b', 21_500),
    started(7, 'others', 2, 'worker-2-b', 22_000),
  ];
  const expected = { fault: 'kill-worker', target: 'worker-1', steps: 1, slowestMs: 11_500 };
  expect(findReruns(log, [stroke])).toEqual([{ ...expected, undisturbed: true }]);
  const other: Struck = {
    ...stroke,
    name: 'kill-postgres',
    lane: 'database',
    target: 'postgres',
    beganAt: 15_000,
    endedAt: 18_000,
  };
  expect(findReruns(log, [stroke, other])).toEqual([{ ...expected, undisturbed: false }]);
  // A fault that comes when the step should have been running does not excuse it.
  const late = log.map((one) =>
    one.seq === 6 ? { ...one, created_at: new Date(stroke.beganAt + 100_000) } : one,
  );
  const [rerun] = findReruns(late, [stroke, { ...other, beganAt: 75_000, endedAt: 78_000 }]);
  expect(rerun).toMatchObject({ slowestMs: 100_000, undisturbed: true });
  expect(tooSlow(rerun ? [rerun] : [])).toHaveLength(1);
});
