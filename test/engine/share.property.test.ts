import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Candidate, type Room, shareOut } from '../../src/engine/share.ts';

const lane = (agent_id: string, turn = 0, priority = 0): Candidate => ({
  kind: 'k',
  priority,
  agent_id,
  turn,
});
const lanes = fc.uniqueArray(
  fc.record({
    kind: fc.constant('k'),
    priority: fc.integer({ min: 0, max: 2 }),
    agent_id: fc.string({ minLength: 1, maxLength: 3 }),
    turn: fc.nat(20),
  }),
  { selector: (one) => `${one.priority} ${one.agent_id}`, maxLength: 12 },
);
const copy = (room: Room): Room => ({ kinds: new Map(room.kinds), agents: new Map(room.agents) });

test('slots go to the highest priority alone, as evenly as they can, and none is left over', () => {
  fc.assert(
    fc.property(lanes, fc.nat(40), (all, slots) => {
      const shares = shareOut(all, slots);
      const highest = Math.max(...all.map((one) => one.priority));
      for (const one of shares.keys()) expect(one.priority).toBe(highest);
      const given = [...shares.values()];
      expect(given.reduce((sum, n) => sum + n, 0)).toBe(all.length === 0 ? 0 : slots);
      const inTurn = all.filter((one) => one.priority === highest).length;
      if (given.length > 0 && slots >= inTurn)
        expect(Math.max(...given) - Math.min(...given)).toBeLessThanOrEqual(1);
    }),
  );
});

test('no more is given than there is room for, and what there is room for is given', () => {
  fc.assert(
    fc.property(lanes, fc.nat(40), fc.nat(10), fc.nat(4), (all, slots, ofKind, ofAgent) => {
      const highest = Math.max(...all.map((one) => one.priority));
      const inTurn = all.filter((one) => one.priority === highest);
      const room: Room = {
        kinds: new Map([['k', ofKind]]),
        agents: new Map(inTurn.map((one) => [one.agent_id, ofAgent])),
      };
      const shares = shareOut(all, slots, copy(room));
      for (const n of shares.values()) expect(n).toBeLessThanOrEqual(ofAgent);
      const sum = [...shares.values()].reduce((total, n) => total + n, 0);
      expect(sum).toBe(Math.min(slots, ofKind, inTurn.length * ofAgent));
    }),
  );
});

test('whose last turn is longest ago comes first', () => {
  const [a, b, c] = [lane('a', 3), lane('b', 1), lane('c', 2)];
  expect([...shareOut([a, b, c], 2).keys()]).toEqual([b, c]);
});
