import { groupBy } from '../lib/group-by.ts';
import { type Reason, reasonOf, type Scene, staleAt } from '../loop/reasons.ts';
import type { Stuck } from './schema.ts';
import type { OpenRow, WaitingStep } from './step-queries.ts';

export const EXAMPLES = 3;
const MOST_GROUPS = 20;

/** Steps of one reason: those we have, and how many there are. */
type Found = { group: string; steps: OpenRow[]; count: number; more: boolean; reason: Reason };

/** What does not move, as one line for each reason: the oldest first. */
export function groupStuck(
  rows: { running: OpenRow[]; retried: OpenRow[]; waiting: WaitingStep[] },
  scene: Scene,
  /** How many of each are looked at; one row more says that there are more. */
  most: { running: number; retried: number },
): { stuck: Stuck[]; more_groups: boolean } {
  const alone = (step: OpenRow, more: boolean) => toFound([step], { count: 1, more }, scene);
  const lanes = groupBy(rows.waiting, ({ lane }) => lane);
  const found = [
    ...rows.running
      .slice(0, most.running)
      .filter((step) => isSlow(step, scene))
      .map((step) => alone(step, rows.running.length > most.running)),
    ...rows.retried.slice(0, most.retried).map((step) => alone(step, rows.retried.length > most.retried)),
    ...[...lanes.values()].flatMap((steps) => ofLane(steps, scene)),
  ];
  const groups = [...groupBy(found, ({ group }) => group).values()]
    .map(toGroup)
    .sort((a, b) => sinceOf(a) - sinceOf(b));
  return { stuck: groups.slice(0, MOST_GROUPS), more_groups: groups.length > MOST_GROUPS };
}

/** Failures are told apart by their class: each message would make a group of its own. */
function toFound(
  steps: [OpenRow, ...OpenRow[]],
  { count, more }: { count: number; more: boolean },
  scene: Scene,
): Found {
  const [first] = steps;
  const reason = reasonOf(first, scene, null);
  const again = !first.ready && first.available_at !== null && first.failure !== null;
  const group = again ? `again ${first.failure?.class}` : `${reason.by} ${reason.next}`;
  return { group, steps, count, more, reason };
}

/** Steps of a lane wait for the same. */
function ofLane(steps: WaitingStep[], scene: Scene): Found[] {
  const [first, ...others] = steps;
  if (!first) return [];
  return [toFound([first, ...others], { count: first.waiting, more: first.more }, scene)];
}

/** It has run for half of the time after which the heartbeat takes it back. */
function isSlow(step: OpenRow, scene: Scene): boolean {
  const { at, minutes } = staleAt(step, scene);
  return at.getTime() - Date.now() < (minutes * 60_000) / 2;
}

function toGroup(found: Found[]): Stuck {
  const times = found.flatMap(({ reason }) => (reason.at === null ? [] : [reason.at.getTime()]));
  const steps = found.flatMap((one) => one.steps).sort((a, b) => time(a) - time(b));
  const reason = found[0]?.reason;
  return {
    why: reason?.next ?? '',
    by: reason?.by ?? null,
    at: times.length === 0 ? null : new Date(Math.min(...times)),
    count: found.reduce((sum, { count }) => sum + count, 0),
    more: found.some(({ more }) => more),
    examples: steps.slice(0, EXAMPLES).map((step) => ({
      entity: step.mission_id === null ? ('step' as const) : ('mission' as const),
      id: step.mission_id ?? step.id,
      title: step.title,
      agent_id: step.agent_id,
      since: step.since,
    })),
  };
}

const time = ({ since }: { since: Date }) => since.getTime();
const sinceOf = (group: Stuck) => group.examples[0]?.since.getTime() ?? 0;
