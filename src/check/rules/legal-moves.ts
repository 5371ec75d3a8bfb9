import { said } from '../compare.ts';
import type { Findings, Named } from '../findings.ts';
import { stepsOf } from '../replay.ts';
import type { LoggedEvent } from '../schema.ts';
import type { Thread } from '../thread.ts';

/** From each state, the states that can follow; null: it was not there. As docs/state-machines.md draws them. */
const GRAPHS: Record<string, Record<string, readonly string[]>> = {
  proposal: { null: ['pending'], pending: ['approved', 'rejected'], approved: ['completed'] },
  mission: { null: ['active'], active: ['completed', 'failed'] },
  // Failed goes back to queued only right after a failure that was not final.
  step: {
    queued: ['running', 'failed'],
    running: ['completed', 'failed', 'queued'],
    'failed, not for good': ['queued'],
  },
  file: {
    null: ['planned', 'taken', 'settled'],
    planned: ['taken', 'finished'],
    taken: ['settled', 'finished'],
    settled: ['finished'],
    finished: ['taken'],
  },
  worker: { null: ['alive'], alive: ['alive', 'stopped', 'died'] },
};

/** The moves of a proposal, its missions and steps; those of files are followed with what else is told of them. */
export function checkMoves({ events }: Thread, findings: Findings): void {
  const moves = followMoves(findings);
  for (const event of events)
    if (event.entity === 'proposal' || event.entity === 'mission' || event.entity === 'step')
      moves.follow(event);
  moves.end();
}

/** Follows each thing from state to state. Events come in their order. */
export type Moves = {
  follow(event: LoggedEvent): void;
  /** Says what was left between two states. */
  end(): void;
};

export function followMoves(findings: Findings): Moves {
  const states = new Map<string, { state: string; event: Named }>();

  const follow = (event: LoggedEvent): void => {
    const { entity, entity_id: id, payload } = event;
    const graph = entity === null ? undefined : GRAPHS[entity];
    if (entity === 'mission' && event.kind === 'mission.created')
      for (const step of stepsOf(payload)) states.set(`step ${String(step.id)}`, { state: 'queued', event });
    if (graph === undefined || entity === null || id === null || typeof payload?.to !== 'string') return;
    const name = `${entity} ${id}`;
    const before = states.get(name);
    const state = before?.state ?? 'null';
    const from = event.kind === 'step.requeued' ? 'failed, not for good' : said(payload.from);
    const to = payload.to === 'failed' && payload.final === false ? 'failed, not for good' : payload.to;
    const about = { entity, id };
    const events = [...(before ? [before.event] : []), event];
    findings.looked('legal_moves', 1);
    // Another outcome of a proposal whose failed mission was retried; its state stays.
    const stays = event.kind === 'proposal.outcome_changed' && from === 'completed' && to === 'completed';
    if (from !== state)
      findings.add('legal_moves', about, `It went from ${from} to ${to} while it was ${state}.`, events);
    else if (!stays && !graph[from]?.includes(to === 'failed, not for good' ? 'failed' : to))
      findings.add('legal_moves', about, `It went from ${from} to ${to}, which nothing may.`, events);
    states.set(name, { state: to, event: { seq: event.seq, id: event.id, kind: event.kind } });
  };

  return {
    follow,
    end() {
      for (const [name, { state, event }] of states) {
        if (state !== 'failed, not for good') continue;
        const [entity = '', id = ''] = name.split(' ');
        findings.add('legal_moves', { entity, id }, 'It failed, not for good, and was not queued again.', [
          event,
        ]);
      }
    },
  };
}
