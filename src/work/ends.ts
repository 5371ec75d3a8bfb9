import type { Database, Db } from '../db/database.ts';
import { failStep } from '../engine/fail.ts';
import { releaseSteps } from '../engine/release.ts';
import type { Claim, LlmCall, WorkEnd } from '../engine/schema.ts';
import { recordCalls } from '../engine/tokens.ts';
import { lockWorkEnd, noteWorkEnds } from '../engine/work-claims.ts';
import { AppError } from '../errors.ts';
import type { HeldClaim } from '../keys/schema.ts';
import { jittered } from '../lib/backoff.ts';
import { cleanText } from '../lib/clean-text.ts';
import type { Log } from '../log.ts';
import { MOST_MESSAGE, retryInMs } from '../worker/classify.ts';
import { makeFinisher } from '../worker/finisher.ts';
import { type Handlers, StepError } from '../worker/handler.ts';
import { keepable, storable } from '../worker/output.ts';
import type { Completion, Ended, Failing, Releasing } from './schema.ts';

/**
 * The ends of attempts that were worked elsewhere. They are written as those of our own worker are: by the claim, with
 * what the model calls cost, or not at all. Each can be sent again, and says the same again.
 */
export function makeEnds(database: Database, handlers: Handlers, log: Log) {
  // A client is told at once that the database is away, and sends it again.
  const finisher = makeFinisher(database, 'http', AbortSignal.abort(), log);

  const tell = () => {
    database.hints.tell('steps');
    database.hints.tell('events');
  };

  /** One end by failing or releasing: noted, so that its repeat finds it. @throws AppError claim_lost */
  const endOnce = async (
    claim: HeldClaim,
    calls: LlmCall[],
    as: WorkEnd['as'],
    write: (tx: Db) => Promise<WorkEnd | null>,
  ): Promise<WorkEnd> => {
    const ended = await database.transaction(async (tx) => {
      const before = await lockWorkEnd(tx, claim.claim_id);
      if (before) return before;
      const end = (await write(tx)) ?? { as: 'lost' as const };
      await recordCalls(tx, toClaim(claim), calls);
      await noteWorkEnds(tx, [claim.claim_id], end);
      return end;
    });
    tell();
    if (ended.as !== as) throw claimLost(claim);
    return ended;
  };

  const fail = async (claim: HeldClaim, failing: Failing): Promise<Ended> => {
    const failure = {
      id: claim.step_id,
      claim_id: claim.claim_id,
      failure: {
        class: failing.class,
        message: cleanText(failing.message).slice(0, MOST_MESSAGE),
      },
      final: failing.final,
      retryInMs: jittered(retryInMs(claim.failures)),
      output: keepable(failing.output),
    };
    const ended = await endOnce(claim, failing.calls, 'failed', async (tx) => {
      const failed = await failStep(tx, failure);
      return failed && { as: 'failed', final: failed.final };
    });
    return { ended_as: 'failed', final: ended.as === 'failed' && ended.final };
  };

  return {
    fail,

    /** @throws AppError claim_lost, after an event has kept the evidence; too_large or invalid_request for the output */
    async complete(claim: HeldClaim, { output, calls }: Completion): Promise<Ended> {
      if (claim.ended?.late) throw claimLost(claim);
      const kept = requireStorable(output);
      try {
        handlers[claim.kind]?.accept?.(kept);
      } catch (error) {
        if (!(error instanceof StepError)) throw error;
        const { class: failureClass, message, final } = error;
        return fail(claim, { class: failureClass, message, final, output: error.output, calls });
      }
      const completion = { id: claim.step_id, claim_id: claim.claim_id, output: kept, by: claim.worker_id };
      const keepCalls = async (tx: Db, held: boolean) => {
        // Repeats wait for each other at the step's row, which a lost claim does not write.
        if (!held) await lockWorkEnd(tx, claim.claim_id);
        await recordCalls(tx, toClaim(claim), calls);
      };
      const finished = await finisher.complete(completion, calls.length === 0 ? undefined : keepCalls);
      if (finished === 'late') {
        await noteWorkEnds(database, [claim.claim_id], { as: 'lost', late: true });
        throw claimLost(claim);
      }
      return { ended_as: 'completed' };
    },

    async release(claim: HeldClaim, releasing: Releasing): Promise<Ended> {
      const ref = { id: claim.step_id, claim_id: claim.claim_id };
      const { message } = releasing;
      const why = {
        reason: releasing.reason,
        retryInMs: releasing.retryInMs,
        ...(message === undefined ? {} : { message: cleanText(message).slice(0, MOST_MESSAGE) }),
      };
      await endOnce(claim, releasing.calls, 'released', async (tx) =>
        (await releaseSteps(tx, [ref], why)).size > 0 ? { as: 'released' } : null,
      );
      return { ended_as: 'released' };
    },
  };
}

function claimLost({ claim_id, kind }: HeldClaim): AppError {
  return new AppError(
    'claim_lost',
    `This claim does not hold its step (${kind}) any more: it was cancelled, given back, ended, or its lease ran out. Stop working on it; nothing was stored.`,
    { details: { claim_id } },
  );
}

/** What cannot be stored is the sender's to change; the claim holds on. */
function requireStorable(output: unknown): unknown {
  try {
    return storable(output ?? null);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    const tooLarge = error.class === 'output_too_large';
    throw new AppError(
      tooLarge ? 'too_large' : 'invalid_request',
      `body.output: ${error.message} Send a smaller one, or fail the step.`,
    );
  }
}

/** What keeping the cost of an attempt needs to know of it. */
function toClaim(claim: HeldClaim): Pick<Claim, 'id' | 'attempt' | 'claim_id' | 'agent_id' | 'proposal_id'> {
  const { step_id: id, attempt, claim_id, agent_id, proposal_id } = claim;
  return { id, attempt, claim_id, agent_id, proposal_id };
}
