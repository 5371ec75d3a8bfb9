import type { Database, Db } from '../db/database.ts';
import { loadBrief } from '../engine/brief.ts';
import { failStep } from '../engine/fail.ts';
import { releaseSteps } from '../engine/release.ts';
import type { Claim, LlmCall } from '../engine/schema.ts';
import { recordCall } from '../engine/tokens.ts';
import { toError } from '../errors.ts';
import { jittered } from '../lib/backoff.ts';
import { cleanJson, cleanText } from '../lib/clean-text.ts';
import { type Llm, LlmError } from '../llm/llm.ts';
import type { Log } from '../log.ts';
import { fateOf } from './classify.ts';
import type { Finisher } from './finisher.ts';
import { type Handler, type StepContext, StepError, type StepResult } from './handler.ts';

/** JSON around 256 KiB of text: quotes and line ends take two bytes each. */
const MOST_OUTPUT_BYTES = 2 * 262_144;

/** Why an attempt is told to stop; the reason of the AbortSignal. */
export type StopReason = 'claim_lost' | 'paused' | 'shutdown';

export type AttemptDeps = {
  database: Database;
  llm: Llm;
  finisher: Finisher;
  agentModel: (agentId: string) => string | undefined;
  log: Log;
};

/**
 * Works one attempt from claim to result. Whatever the handler does, exactly one of three things is written,
 * and only if the claim still holds: a completion, a failure, or a release. Never throws.
 */
export async function workAttempt(
  deps: AttemptDeps,
  claim: Claim,
  handler: Handler,
  signal: AbortSignal,
): Promise<void> {
  const { database, finisher } = deps;
  const log = deps.log.child({ step: claim.id, kind: claim.kind, attempt: claim.attempt });
  const calls: LlmCall[] = [];
  const keepCalls = async (tx: Db) => {
    for (const call of calls) await recordCall(tx, claim, call);
  };
  try {
    const result = await runHandler(deps, claim, handler, signal, calls);
    const alongside =
      calls.length === 0 && !result.alongside
        ? undefined
        : async (tx: Db, held: boolean) => {
            await keepCalls(tx);
            if (held) await result.alongside?.(tx);
          };
    const finished = await finisher.complete(
      { id: claim.id, claim_id: claim.claim_id, output: storable(result.output) },
      alongside,
    );
    if (finished === 'late')
      log.warn('the result came after the claim was lost; an event keeps the evidence');
  } catch (thrown) {
    await end(deps, claim, toError(thrown), signal, keepCalls, log).catch((error: unknown) => {
      // The lease or the sweep gives the step back; nothing is lost but time.
      log.warn({ err: toError(error).message }, 'the end of an attempt could not be written');
    });
  }
  database.hints.tell('events');
}

async function runHandler(
  deps: AttemptDeps,
  claim: Claim,
  handler: Handler,
  signal: AbortSignal,
  calls: LlmCall[],
): Promise<StepResult> {
  const brief = () => loadBrief(deps.database, claim);
  const context: StepContext = {
    step: claim,
    signal,
    brief,
    async complete(request) {
      const { agent } = await brief();
      const model = agent.model_override ?? deps.agentModel(agent.agent_id);
      const extractiveAllowed = claim.kind === 'analyze' && agent.model_override === null;
      const began = performance.now();
      try {
        const answer = await deps.llm.complete({ ...request, model, extractiveAllowed }, signal);
        calls.push({
          engine: answer.engine,
          provider: answer.provider,
          model: answer.model,
          inputTokens: answer.usage.inputTokens,
          outputTokens: answer.usage.outputTokens,
          firstTokenMs: answer.timings.firstTokenMs,
          loadMs: answer.timings.loadMs,
          durationMs: answer.timings.totalMs,
          outcome: answer.finishReason,
        });
        return answer;
      } catch (error) {
        if (error instanceof LlmError) calls.push(failedCall(error, performance.now() - began));
        throw error;
      }
    },
  };
  return handler.run(context);
}

/** Writes how a failed or stopped attempt ended. */
async function end(
  deps: AttemptDeps,
  claim: Claim,
  error: Error,
  signal: AbortSignal,
  keepCalls: (tx: Db) => Promise<void>,
  log: Log,
): Promise<void> {
  const { database } = deps;
  if (signal.aborted) {
    const reason = signal.reason as StopReason;
    await database.transaction(keepCalls);
    if (reason !== 'claim_lost') await releaseSteps(database, [claim], { reason });
    log.info({ reason }, 'an attempt was stopped');
    database.hints.tell('steps');
    return;
  }
  const fate = fateOf(error, claim.failures);
  const retryInMs = jittered(fate.retryInMs);
  const message = cleanText(fate.message);
  if (fate.action === 'release') {
    await database.transaction(async (tx) => {
      await keepCalls(tx);
      await releaseSteps(tx, [claim], { reason: fate.class, message, retryInMs });
    });
    log.info({ reason: fate.class, retryInMs }, message);
    return;
  }
  const ended = await database.transaction(async (tx) => {
    await keepCalls(tx);
    const failure = { class: fate.class, message };
    return failStep(tx, { ...claim, failure, final: fate.final, retryInMs, output: storable(fate.output) });
  });
  if (ended) log.warn({ class: fate.class, final: ended.final }, message);
}

function failedCall(error: LlmError, durationMs: number): LlmCall {
  return {
    engine: 'unknown',
    provider: error.provider ?? null,
    model: error.model ?? null,
    inputTokens: null,
    outputTokens: null,
    firstTokenMs: null,
    loadMs: null,
    durationMs,
    outcome: error.class,
  };
}

/** Outputs are written by strangers: what PostgreSQL cannot store is made harmless here, whatever the handler. */
function storable(output: unknown): unknown {
  if (output === undefined) return undefined;
  const json = JSON.stringify(output) ?? 'null';
  if (Buffer.byteLength(json) > MOST_OUTPUT_BYTES) {
    throw new StepError('output_too_large', `The output has more than ${MOST_OUTPUT_BYTES} bytes.`, {
      final: true,
    });
  }
  return cleanJson(JSON.parse(json));
}
