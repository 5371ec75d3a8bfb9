import { AmbiguousCommit, type Database, type Db } from '../db/database.ts';
import { isUnavailable } from '../db/sqlstate.ts';
import { appendEvents } from '../events/events.ts';
import type { Caller } from '../keys/schema.ts';
import { jittered } from '../lib/backoff.ts';
import { uuid7 } from '../lib/uuid7.ts';
import { sleep } from '../lib/wake.ts';
import { answersFor, separateRepeats } from './idempotency.ts';
import { storeAnswers } from './idempotency-queries.ts';
import type { ProposalRequest } from './schema.ts';

type Idempotency = NonNullable<ProposalRequest['idempotency']>;

/** What a program says that it did, in the order in which it did it. */
export type Report = {
  caller: Caller;
  events: { kind: string; payload: Record<string, unknown> }[];
  idempotency?: Idempotency;
};
export type Reported = { accepted: number; repeated: boolean };

const MOST_TRIES = 12;

/**
 * Stores a report as events, all of them or none. It always has an Idempotency-Key, drawn here when the caller
 * names none, so that a connection that breaks during COMMIT is resolved by sending the same again.
 * @throws AppError idempotency_mismatch
 */
export async function storeReport(database: Database, report: Report): Promise<Reported> {
  const { keyId: owner } = report.caller;
  const idempotency = report.idempotency ?? { owner, key: `drawn:${uuid7()}`, digest: '' };
  let ambiguous = false;
  for (let tries = 1; ; tries++) {
    try {
      const reported = await database.transaction((tx) => storeOnce(tx, { ...report, idempotency }));
      database.hints.tell('events');
      // What a commit of ours stored unheard is no repeat to the caller.
      return ambiguous ? { ...reported, repeated: false } : reported;
    } catch (error) {
      ambiguous ||= error instanceof AmbiguousCommit;
      if (!ambiguous || !isUnavailable(error) || tries >= MOST_TRIES) throw error;
      await sleep(jittered(50 * tries));
    }
  }
}

async function storeOnce(tx: Db, { caller, events, idempotency }: Required<Report>): Promise<Reported> {
  const request = { id: idempotency.key, request: { idempotency } };
  const { repeats } = await separateRepeats(tx, [request]);
  if (repeats.length > 0) {
    const first = (await answersFor(tx, repeats, new Map())).get(request.id);
    if (!first || first instanceof Error) throw first ?? new Error('a repeated report got no answer');
    return { ...(first.answer as { accepted: number }), repeated: true };
  }
  await appendEvents(tx, ...events.map((event) => toEvent(event, caller)));
  const answer = { accepted: events.length };
  await storeAnswers(tx, [{ ...idempotency, status: 201, answer }]);
  return { ...answer, repeated: false };
}

/** Who reports is taken from the key; what the report says of it is replaced. */
function toEvent({ kind, payload }: Report['events'][number], { agentId, keyId, by }: Caller) {
  return {
    kind,
    source: agentId === null ? by : `agent:${agentId}`,
    entity: 'report' as const,
    entityId: agentId ?? keyId,
    payload: { ...payload, cause: { by } },
  };
}
