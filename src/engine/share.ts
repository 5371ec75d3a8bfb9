import type { Lane } from './schema.ts';

/** A lane as its turn is decided: the one whose last turn is longest ago comes first. */
export type Candidate = Lane & { turn: number };

/** How much more of a kind and of an agent may run; absent limits leave infinite room. */
export type Room = { kinds: Map<string, number>; agents: Map<string, number> };

/**
 * Gives the free slots of one kind to its lanes of the highest priority, one at a time and in turn, as far as there
 * is room.
 */
export function shareOut<L extends Candidate>(
  lanes: readonly L[],
  slots: number,
  room?: Room,
): Map<L, number> {
  const highest = Math.max(...lanes.map((lane) => lane.priority));
  let inTurn = lanes.filter((lane) => lane.priority === highest).sort((a, b) => a.turn - b.turn);
  const shares = new Map<L, number>();
  let left = slots;
  const giveOne = (lane: L): boolean => {
    if (left < 1 || (room && !takeRoom(room, lane))) return false;
    shares.set(lane, (shares.get(lane) ?? 0) + 1);
    left -= 1;
    return true;
  };
  while (inTurn.length > 0) inTurn = inTurn.filter(giveOne);
  return shares;
}

function takeRoom({ kinds, agents }: Room, { kind, agent_id }: Lane): boolean {
  const [ofKind, ofAgent] = [kinds.get(kind) ?? Infinity, agents.get(agent_id) ?? Infinity];
  if (ofKind < 1 || ofAgent < 1) return false;
  kinds.set(kind, ofKind - 1);
  agents.set(agent_id, ofAgent - 1);
  return true;
}
