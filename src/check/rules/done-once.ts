import { said } from '../compare.ts';
import type { Findings } from '../findings.ts';
import type { LoggedEvent } from '../schema.ts';
import { eventsBy, type Thread } from '../thread.ts';

/** What a thread brought about outside its own rows came about once. */
export function checkEffects({ events, stored }: Thread, findings: Findings): void {
  const artefacts = eventsBy(events, 'artefact');
  const ofStep = new Map<unknown, LoggedEvent[]>();
  for (const [name, own] of artefacts) {
    findings.looked('done_once', 1);
    for (const kind of ['artefact.created', 'file.output_created']) {
      const told = own.filter((event) => event.kind === kind);
      if (told.length > 1)
        findings.add('done_once', { entity: 'artefact', id: name }, `${kind} happened twice.`, told);
    }
    for (const event of own) {
      const step = (event.payload?.set as { step_id?: unknown } | undefined)?.step_id;
      if (step) ofStep.set(step, [...(ofStep.get(step) ?? []), event]);
    }
  }
  const completions = eventsBy(events, 'step');
  for (const [id, row] of stored.steps) {
    const about = { entity: 'step', id };
    findings.looked('done_once', 1);
    const completed = (completions.get(id) ?? []).filter(({ kind }) => kind === 'step.completed');
    if (completed.length > 1) findings.add('done_once', about, 'It was completed twice.', completed);
    const made = ofStep.get(id) ?? [];
    if (made.length > 1) findings.add('done_once', about, 'It published more than one artefact.', made);
    const { artefact, published } = stored.around.get(id) ?? { artefact: null, published: null };
    if (artefact !== null && row.status !== 'completed')
      findings.add('done_once', about, `It has the artefact ${artefact}, and is ${said(row.status)}.`, made);
    if (row.status === 'completed' && published !== null && published !== artefact)
      findings.add('done_once', about, `It published ${published}, and its artefact is ${artefact}.`, made);
  }
}

/** Sees each due time of a schedule, which is proposed once. */
export function watchDueTimes(findings: Findings): (event: LoggedEvent) => void {
  const seen = new Map<string, LoggedEvent>();
  return (event) => {
    if (event.kind !== 'schedule.proposed' || event.entity_id === null) return;
    const schedule = (event.payload?.set as { id?: unknown } | undefined)?.id;
    const name = `${String(schedule)} ${String(event.payload?.due)}`;
    const before = seen.get(name);
    findings.looked('done_once', 1);
    if (before !== undefined)
      findings.add(
        'done_once',
        { entity: 'schedule', id: event.entity_id },
        `It proposed twice for ${String(event.payload?.due)}.`,
        [before, event],
      );
    seen.set(name, event);
  };
}
