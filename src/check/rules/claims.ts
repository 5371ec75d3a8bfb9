import { said } from '../compare.ts';
import type { Findings } from '../findings.ts';
import type { LoggedEvent } from '../schema.ts';
import { eventsBy, type Thread } from '../thread.ts';

type Claim = { id: unknown; attempt: unknown; event: LoggedEvent };

/**
 * Walks through the claims of each step: they are numbered without gaps and named once, there is never more than
 * one, and only the newest ends the attempt. A result that came late names a claim that did not complete the step.
 */
export function checkClaims({ events, stored, logged }: Thread, findings: Findings): void {
  const byStep = eventsBy(events, 'step');
  for (const id of logged.steps.keys()) walk(id, byStep.get(id) ?? [], stored.steps.get(id), findings);
}

function walk(
  id: string,
  events: LoggedEvent[],
  row: Record<string, unknown> | undefined,
  findings: Findings,
): void {
  const about = { entity: 'step', id };
  const names = new Set<unknown>();
  let live: Claim | null = null;
  let completed: unknown = null;
  const late: LoggedEvent[] = [];

  for (const event of events) {
    const set = (event.payload?.set ?? {}) as Record<string, unknown>;
    switch (event.kind) {
      case 'step.started': {
        findings.looked('one_claim', 1);
        if (live !== null)
          findings.add('one_claim', about, 'It was claimed while another claim held.', [live.event, event]);
        if (set.attempt !== names.size + 1)
          findings.add('one_claim', about, `Claim ${names.size + 1} has the number ${said(set.attempt)}.`, [
            event,
          ]);
        if (names.has(set.claim_id))
          findings.add('one_claim', about, `The claim id ${said(set.claim_id)} was used before.`, [event]);
        names.add(set.claim_id);
        live = { id: set.claim_id, attempt: set.attempt, event };
        break;
      }
      case 'step.completed':
      case 'step.failed':
      case 'step.released': {
        const by = event.kind === 'step.released' ? event.payload?.claim_id : set.claim_id;
        const attempt = event.kind === 'step.released' ? event.payload?.attempt : set.attempt;
        // The mission's end takes its open steps along, whoever holds them.
        const byMission = event.kind === 'step.failed' && by === undefined;
        if (!byMission) {
          findings.looked('fenced', 1);
          if (live === null || by !== live.id || attempt !== live.attempt)
            findings.add(
              'fenced',
              about,
              `Claim ${said(by)} (attempt ${said(attempt)}) ended it, and did not hold it.`,
              [...(live ? [live.event] : []), event],
            );
        }
        if (event.kind === 'step.completed') completed = by;
        live = null;
        break;
      }
      case 'step.late_result':
        late.push(event);
        break;
      default:
    }
  }
  for (const event of late) {
    findings.looked('fenced', 1);
    if (completed !== null && event.payload?.claim_id === completed)
      findings.add('fenced', about, 'The claim that completed it is also called late.', [event]);
  }
  if (row === undefined) return;
  if (row.attempt !== names.size)
    findings.add('one_claim', about, `Its row counts ${said(row.attempt)} claims, the log ${names.size}.`);
  if ((row.status === 'running') !== (live !== null) || (live !== null && row.claim_id !== live.id))
    findings.add(
      'one_claim',
      about,
      `By the log ${live ? `claim ${said(live.id)} holds it` : 'nobody holds it'}, its row is ${said(row.status)} with claim ${said(row.claim_id)}.`,
      live ? [live.event] : [],
    );
}
