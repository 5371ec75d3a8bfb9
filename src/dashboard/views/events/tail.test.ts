import { expect, test, vi } from 'vitest';
import type { Event } from '../../data/types.ts';
import { matches } from './matches.ts';
import { type EventPage, makeTail } from './tail.ts';

const event = (seq: number, more: Partial<Event> = {}): Event => ({
  seq,
  id: seq,
  kind: 'step.completed',
  source: null,
  payload: null,
  created_at: '2026-01-01T00:00:00.000Z',
  entity: 'step',
  entity_id: 's',
  proposal_id: null,
  ...more,
});
const span = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => event(from + index));

/** A log that ends at `head`, read in pages of ten; the next reading waits until it is let go. */
function makeLog(head: number) {
  const log = { head, fails: false, gate: Promise.resolve(), reads: 0 };
  const read = async (cursor: string | undefined): Promise<EventPage> => {
    log.reads++;
    const before = cursor === undefined ? log.head + 1 : Number(cursor);
    await log.gate;
    if (log.fails) throw new Error('away');
    const from = Math.max(1, before - 10);
    return { events: span(from, before - 1).toReversed(), next: from > 1 ? String(from) : null };
  };
  let tell: (events: readonly Event[]) => void = () => undefined;
  const live = {
    on(listener: (events: readonly Event[]) => void) {
      tell = listener;
      return () => undefined;
    },
  };
  return { log, read, live, tell: (events: readonly Event[]) => tell(events) };
}

async function started(head: number, options: { most?: number } = {}) {
  const made = makeLog(head);
  const tail = makeTail({ read: made.read, matches: () => true, ...options });
  tail.start(made.live);
  await vi.waitFor(() => expect(tail.state.get().reading).toBeNull());
  const seqs = () => tail.state.get().rows.map(({ seq }) => seq);
  return { ...made, tail, seqs };
}
const descending = (from: number, to: number) => span(to, from).map(({ seq }) => from + to - seq);

test('what is told while the first page is read is joined to it without a gap or a double', async () => {
  const { log, read, live, tell } = makeLog(20);
  let letGo = () => undefined as void;
  log.gate = new Promise<void>((resolve) => (letGo = resolve));
  const tail = makeTail({ read, matches: () => true });
  tail.start(live);
  // The page ends at 20; of these it has the first two already.
  tell(span(19, 23));
  letGo();
  await vi.waitFor(() => expect(tail.state.get().reading).toBeNull());
  expect(tail.state.get().rows.map(({ seq }) => seq)).toEqual(descending(23, 11));
});

test('while it is held everything waits, and is there afterwards', async () => {
  const { tail, tell, seqs } = await started(10);
  tail.hold(true);
  tell(span(11, 14));
  await vi.waitFor(() => expect(tail.state.get().waiting).toBe(4));
  expect(seqs()).toEqual(descending(10, 1));
  tail.resume();
  expect(seqs()).toEqual(descending(14, 1));
  expect(tail.state.get().waiting).toBe(0);
});

test('older pages go on where the one before ended', async () => {
  const { tail, seqs } = await started(25);
  await tail.readOlder();
  await tail.readOlder();
  expect(seqs()).toEqual(descending(25, 1));
  expect(tail.state.get().next).toBeNull();
});

test('more than there is room for is let go below, and read again', async () => {
  const { tail, tell, log, seqs } = await started(10, { most: 30 });
  log.head = 45;
  tell(span(11, 45));
  await vi.waitFor(() => expect(seqs()).toEqual(descending(45, 36)));
  await tail.readOlder();
  expect(seqs()).toEqual(descending(45, 26));
});

test('more than there is room for while it is held is counted, and read afterwards', async () => {
  const { tail, tell, log, seqs } = await started(10, { most: 30 });
  tail.hold(true);
  log.head = 100;
  tell(span(11, 100));
  await vi.waitFor(() => expect(tail.state.get()).toMatchObject({ waiting: 90, detached: true }));
  tail.hold(false);
  expect(seqs()).toEqual(descending(10, 1));
  tail.resume();
  await vi.waitFor(() => expect(seqs()).toEqual(descending(100, 91)));
});

test('further back than there is room for, the newer ones are let go', async () => {
  const { tail, tell, seqs } = await started(100, { most: 25 });
  await tail.readOlder();
  await tail.readOlder();
  expect(seqs()).toEqual(descending(80, 71));
  tell(span(101, 103));
  await vi.waitFor(() => expect(tail.state.get()).toMatchObject({ waiting: 3, detached: true }));
});

test('a server that was away is asked again when the connection is back', async () => {
  const { log, read, live, tell } = makeLog(5);
  log.fails = true;
  const tail = makeTail({ read, matches: () => true });
  tail.start(live);
  await vi.waitFor(() => expect(tail.state.get().error).not.toBeNull());
  log.fails = false;
  tell([]);
  await vi.waitFor(() => expect(tail.state.get().rows.length).toBe(5));
  expect(tail.state.get()).toMatchObject({ error: null, detached: false });
});

test('a log that begins anew is read anew', async () => {
  const { tell, log, seqs } = await started(50);
  tell(span(51, 52));
  log.head = 3;
  tell(span(1, 3));
  await vi.waitFor(() => expect(seqs()).toEqual([3, 2, 1]));
});

test('filters mean what they mean to the server', () => {
  const id = '01a20520-0578-7000-8caa-e33b32813ed2';
  const given = event(1, { kind: 'step.failed', entity: 'step', entity_id: 'x', proposal_id: id });
  expect(matches({}, given)).toBe(true);
  expect(matches({ kind: 'step.' }, given)).toBe(true);
  expect(matches({ kind: 'step' }, given)).toBe(false);
  expect(matches({ kind: 'step.failed', entity: 'step', entity_id: 'x', proposal_id: id }, given)).toBe(true);
  expect(matches({ kind: 'mission.' }, given)).toBe(false);
  expect(matches({ entity: 'mission' }, given)).toBe(false);
  expect(matches({ entity_id: 'y' }, given)).toBe(false);
  expect(matches({ proposal_id: id.toUpperCase() }, given)).toBe(true);
});
