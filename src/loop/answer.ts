import { AppError } from '../errors.ts';
import type { Admission, Refusal, StoredAnswer } from './schema.ts';

/** Gates whose refusal ends by itself when the day does. */
const CAPS: readonly Refusal['gate'][] = [
  'daily_caps.per_agent',
  'daily_caps.total',
  'kind_caps',
  'tweet_quota',
];

/** The error that a gate's refusal is to its caller; null when it was admitted. */
export function refusalOf({ proposal, refusal }: Admission): AppError | null {
  if (!refusal) return null;
  const waits = CAPS.includes(refusal.gate) && refusal.limit > 0;
  const message = waits
    ? `The cap ${refusal.gate} allows ${refusal.limit} a day for ${refusal.scope}, and ${refusal.used} are used. It resets at ${refusal.resets_at}. The proposal is recorded as rejected.`
    : `The gate ${refusal.gate} allows none for ${refusal.scope}. The proposal is recorded as rejected; an operator can change the policy.`;
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
  return { status: 201, answer: { proposal, mission } };
}
