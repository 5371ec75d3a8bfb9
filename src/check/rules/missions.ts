import { isSame, said } from '../compare.ts';
import type { Findings } from '../findings.ts';
import type { StepAround } from '../row-queries.ts';
import type { Row } from '../schema.ts';
import { eventsBy, type Thread } from '../thread.ts';

type Step = { id: string; row: Row; waits: boolean };

/** How the missions of a proposal stand together with it and with their steps. */
export function checkMissions(thread: Thread, findings: Findings): void {
  const { stored, id } = thread;
  const missions = [...stored.missions].map(([mission, row]) => ({ id: mission, row }));
  const stepsOf = new Map(missions.map(({ id: mission }) => [mission, [] as Step[]]));
  for (const [step, row] of stored.steps)
    stepsOf.get(String(row.mission_id))?.push({ id: step, row, waits: waits(stored.around.get(step)) });
  for (const steps of stepsOf.values()) steps.sort((a, b) => Number(a.row.position) - Number(b.row.position));

  const ends = eventsBy(thread.events, 'mission');
  for (const { id: mission, row } of missions) {
    const steps = stepsOf.get(mission) ?? [];
    const told = (ends.get(mission) ?? []).filter(({ kind }) => kind !== 'mission.created');
    findings.looked('missions_end_once', 1);
    if (told.length > 1)
      findings.add('missions_end_once', { entity: 'mission', id: mission }, 'It ended more than once.', told);
    const wrong = misfit(
      row,
      steps.map(({ row: step }) => step),
    );
    if (wrong !== null) findings.add('missions_end_once', { entity: 'mission', id: mission }, wrong, told);
    if (row.status !== 'active') continue;
    findings.looked('nothing_lost', 1);
    const stuck = whyStuck(steps) ?? waitsForNothing(steps, thread);
    if (stuck !== null) findings.add('nothing_lost', { entity: 'mission', id: mission }, stuck);
  }
  const proposal = stored.proposals.get(id);
  if (proposal) checkProposal(id, proposal, missions, findings);
}

/** What a mission says of itself that its steps do not say. */
function misfit({ status, failure }: Row, steps: Row[]): string | null {
  const states = steps.map((step) => step.status);
  const open = states.some((state) => state === 'queued' || state === 'running');
  const failed = states.includes('failed');
  if (steps.length === 0) return 'It has no steps.';
  if (status === 'completed' && !states.every((state) => state === 'completed'))
    return `It is completed, and its steps are ${states.join(', ')}.`;
  if (status === 'failed' && open) return `It is failed, and its steps are ${states.join(', ')}.`;
  if (status === 'failed' && !failed) return 'It is failed, and none of its steps is.';
  if (status === 'failed' && failure === null) return 'It is failed, and does not say why.';
  if (status === 'active' && failed) return 'It is active, and one of its steps has failed for good.';
  if (status === 'active' && !open) return 'It is active, and none of its steps is open.';
  return null;
}

/** An active mission has one step that is running, can be claimed or waits for a time; those after it wait for it. */
function whyStuck(steps: Step[]): string | null {
  const first = steps.findIndex(({ row }) => row.status !== 'completed');
  const open = steps[first];
  if (open === undefined) return null;
  if (open.row.status === 'queued' && !open.waits)
    return `Nothing makes its step at position ${said(open.row.position)} claimable.`;
  const early = steps.slice(first + 1).find(({ row, waits }) => row.status !== 'queued' || waits);
  return early === undefined
    ? null
    : `Its step at position ${said(early.row.position)} does not wait for the one before.`;
}

function waits(around: StepAround | undefined): boolean {
  return around !== undefined && (around.ready || around.available_at !== null);
}

/** A step waits until the time that the log has told: of its last attempt, or of its proposal for the first one. */
function waitsForNothing(steps: Step[], { stored, events, id }: Thread): string | null {
  const open = steps.find(({ row }) => row.status !== 'completed');
  const around = open && stored.around.get(open.id);
  if (!open || !around || open.row.status !== 'queued' || around.ready) return null;
  const last = (eventsBy(events, 'step').get(open.id) ?? []).findLast(
    ({ kind }) => kind === 'step.requeued' || kind === 'step.released',
  );
  const told = last ? last.payload?.available_at : stored.proposals.get(id)?.run_at;
  return isSame('available_at', around.available_at, told)
    ? null
    : `Its step at position ${said(open.row.position)} waits until ${said(around.available_at)}, and the log says ${said(told ?? null)}.`;
}

function checkProposal(
  id: string,
  proposal: Row,
  missions: { id: string; row: Row }[],
  findings: Findings,
): void {
  const about = { entity: 'proposal', id };
  const isAdmitted = proposal.status === 'approved' || proposal.status === 'completed';
  findings.looked('nothing_lost', 1);
  const first = missions.filter(({ row }) => row.retry_of === null);
  if (first.length !== (isAdmitted ? 1 : 0))
    findings.add(
      'nothing_lost',
      about,
      `It is ${said(proposal.status)} and has ${first.length} first missions.`,
    );
  const retried = missions.map(({ row }) => row.retry_of).filter((of) => of !== null);
  const newest = missions.find((mission) => !retried.includes(mission.id));
  if (newest === undefined || !isAdmitted) return;
  const older = missions.filter((mission) => mission !== newest);
  if (older.length !== retried.length || older.some(({ row }) => row.status !== 'failed'))
    findings.add('missions_end_once', about, 'Its missions are no chain of retries of failed ones.');
  if (newest.row.status === 'active') return;
  const failure = newest.row.failure as { class?: unknown } | null;
  const outcome =
    newest.row.status === 'completed' ? 'succeeded' : failure?.class === 'cancelled' ? 'cancelled' : 'failed';
  if (proposal.status !== 'completed' || proposal.outcome !== outcome)
    findings.add(
      'missions_end_once',
      about,
      `Its mission ${newest.id} is ${outcome}, and it is ${said(proposal.status)} with outcome ${said(proposal.outcome)}.`,
    );
}
