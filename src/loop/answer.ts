import { AppError } from '../errors.ts';
import { isCap, sayRefusal } from '../policy/gates.ts';
import { shownStep } from '../steps/steps.ts';
import type { Admission, MissionWithSteps, StoredAnswer } from './schema.ts';

/** The error that a gate's refusal is to its caller; null when it was admitted. */
export function refusalOf({ proposal, refusal }: Admission): AppError | null {
  if (!refusal) return null;
  const waits = isCap(refusal) && refusal.limit > 0;
  const message = `${sayRefusal(refusal)}${waits ? ` It resets at ${refusal.resets_at}.` : ''} The proposal is recorded as rejected.`;
  return new AppError(waits ? 'cap_reached' : 'gate_refused', message, {
    details: { refusal, proposal },
    ...(waits
      ? { retryAfter: Math.max(1, Math.ceil((Date.parse(refusal.resets_at) - Date.now()) / 1000)) }
      : {}),
  });
}

/** What POST /api/ops/proposals answers, as it is kept for repeats of the request. */
export function toAnswer(admission: Admission): StoredAnswer {
  const { proposal, mission } = admission;
  const refused = refusalOf(admission);
  if (refused) {
    const { code, message, details, retryAfter } = refused;
    return { status: refused.status, answer: { code, message, details, retryAfter: retryAfter ?? null } };
  }
  return { status: 201, answer: { proposal, mission: mission && shownMission(mission) } };
}

/** A mission with its steps as they are shown. */
export function shownMission({ mission, steps }: MissionWithSteps) {
  return { mission, steps: steps.map(shownStep) };
}
