import type { Database, Db } from '../db/database.ts';
import { isBusy, isUnavailable } from '../db/sqlstate.ts';
import { untilAvailable } from '../db/until-available.ts';
import { type Brief, loadBrief } from '../engine/brief.ts';
import { isHeld } from '../engine/workers.ts';
import { failStep } from '../engine/fail.ts';
import { releaseSteps } from '../engine/release.ts';
import type { Claim, LlmCall } from '../engine/schema.ts';
import { recordCalls } from '../engine/tokens.ts';
import { toError } from '../errors.ts';
import { jittered } from '../lib/backoff.ts';
import { cleanText } from '../lib/clean-text.ts';
import { inSpan, type SpanOptions } from '../lib/tracing.ts';
import { sleep } from '../lib/wake.ts';
import { type Llm, LlmError } from '../llm/llm.ts';
import type { Log } from '../log.ts';
import { type Fate, fateOf } from './classify.ts';
import type { Finisher } from './finisher.ts';
import { type Handler, type StepContext, StepError, type StepResult } from './handler.ts';
import { keepable, storable } from './output.ts';
import type { ProviderHolds } from './provider-holds.ts';
import { type AgentModel, isExtractive } from './serving.ts';

/** A provider that does not answer gets no more claims than its slots in this time. */
const ABSENT_HOLD_MS = 5_000;

/** Why an attempt is told to stop; the reason of the AbortSignal. */
export type StopReason = 'claim_lost' | 'paused' | 'shutdown';

export type AttemptDeps = {
  database: Database;
  llm: Llm;
  finisher: Finisher;
  agentModel: AgentModel;
  holds: ProviderHolds;
  /** Claims whose `once` handler has begun: they are never given back. */
  begunOnce: Set<string>;
  /** Aborts when the worker ends; until then a database that is away is waited for. */
  closing: AbortSignal;
  log: Log;
};

type Progress = { begun: boolean };
type Ending = {
  thrown: unknown;
  signal: AbortSignal;
  begun: boolean;
  keepCalls: (tx: Db) => Promise<void>;
  log: Log;
};

/**
 * Works one attempt from claim to result. Whatever the handler does, exactly one of three things is written,
 * and only if the claim still holds: a completion, a failure, or a release. Never throws.
 * @param onWorked called when the handler has ended, before its end is written
 */
export async function workAttempt(
  deps: AttemptDeps,
  claim: Claim,
  handler: Handler,
  signal: AbortSignal,
  onWorked: () => void = () => undefined,
): Promise<void> {
  const { database, finisher } = deps;
  const log = deps.log.child({ step: claim.id, kind: claim.kind, attempt: claim.attempt });
  const calls: LlmCall[] = [];
  const progress: Progress = { begun: false };
  const keepCalls = (tx: Db) => recordCalls(tx, claim, calls);
  try {
    const result = await inSpan(`step ${claim.kind}`, spanOf(claim), () =>
      runHandler(deps, claim, handler, { signal, calls, progress }),
    ).finally(onWorked);
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
    await end(deps, claim, { thrown, signal, begun: progress.begun, keepCalls, log }).catch(
      (error: unknown) => {
        // The lease or the sweep gives the step back; nothing is lost but time.
        log.warn({ err: toError(error).message }, 'the end of an attempt could not be written');
      },
    );
  }
  database.hints.tell('events');
}

function spanOf({ id, mission_id, agent_id, attempt, input }: Claim): SpanOptions {
  const { traceparent } = (input ?? {}) as { traceparent?: unknown };
  return {
    kind: 'consumer',
    parent: typeof traceparent === 'string' ? traceparent : null,
    facts: {
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.id': agent_id,
      'gen_ai.conversation.id': mission_id,
      'opsloop.step.id': id,
      'opsloop.step.attempt': attempt,
    },
  };
}

async function runHandler(
  deps: AttemptDeps,
  claim: Claim,
  handler: Handler,
  { signal, calls, progress }: { signal: AbortSignal; calls: LlmCall[]; progress: Progress },
): Promise<StepResult> {
  let loaded: Promise<Brief> | undefined;
  const brief = () => (loaded ??= loadBrief(deps.database, claim));
  const context: StepContext = {
    step: claim,
    signal,
    brief,
    async begin() {
      const held = await isHeld(deps.database, claim);
      if (signal.aborted || !held)
        throw new StepError('claim_lost', 'The claim was lost before it was begun.');
      progress.begun = true;
      deps.begunOnce.add(claim.claim_id);
    },
    async complete(request) {
      const { agent } = await brief();
      const model = agent.model_override ?? deps.agentModel(agent.agent_id);
      const extractiveAllowed = isExtractive(claim.kind) && agent.model_override === null;
      const began = performance.now();
      try {
        const answer = await deps.llm.complete({ ...request, model, extractiveAllowed }, signal);
        calls.push({
          engine: answer.engine,
          provider: answer.provider,
          model: answer.model,
          inputTokens: answer.usage.inputTokens,
          outputTokens: answer.usage.outputTokens,
          costUsd: answer.usage.costUsd,
          firstTokenMs: answer.timings.firstTokenMs,
          loadMs: answer.timings.loadMs,
          durationMs: answer.timings.totalMs,
          outcome: answer.finishReason,
        });
        return answer;
      } catch (error) {
        if (error instanceof LlmError && error.asked)
          calls.push(failedCall(error, performance.now() - began));
        throw error;
      }
    },
  };
  const result: StepResult | undefined = await handler.run(context);
  if (result) return result;
  const message = `The handler of "${claim.kind}" gave no result; it must return { output }.`;
  throw new StepError('no_result', message, { final: true });
}

/** Writes how a failed or stopped attempt ended. */
async function end(
  deps: AttemptDeps,
  claim: Claim,
  { thrown, signal, begun, keepCalls, log }: Ending,
): Promise<void> {
  const { database } = deps;
  if (signal.aborted && (!begun || signal.reason === 'claim_lost')) {
    const reason = signal.reason as StopReason;
    await untilWritten(deps, async (tx) => {
      if (reason !== 'claim_lost') await releaseSteps(tx, [claim], { reason });
      await keepCalls(tx);
    });
    log.info({ reason }, 'an attempt was stopped');
    database.hints.tell('steps');
    return;
  }
  const fate = begun ? forGood(judge(thrown, claim.failures)) : judge(thrown, claim.failures);
  if (fate.action === 'release') {
    // A server that named a time is not asked before it.
    const retryInMs = Math.max(Math.ceil(fate.retryInMs), jittered(fate.retryInMs * 1.2));
    if (thrown instanceof LlmError && thrown.class !== 'model_missing') {
      const limited = thrown.class === 'rate_limited';
      deps.holds.hold(thrown.provider, limited ? fate.retryInMs : ABSENT_HOLD_MS);
    }
    await untilWritten(deps, async (tx) => {
      await releaseSteps(tx, [claim], { reason: fate.class, message: fate.message, retryInMs });
      await keepCalls(tx);
    });
    log.info({ reason: fate.class, retryInMs }, fate.message);
    return;
  }
  const { message, final, output } = fate;
  const failure = {
    ...claim,
    failure: { class: fate.class, message },
    final,
    retryInMs: jittered(fate.retryInMs),
  };
  const write = (kept: unknown) =>
    untilWritten(deps, async (tx) => {
      const failed = await failStep(tx, { ...failure, output: kept });
      await keepCalls(tx);
      return failed;
    });
  const ended = await write(output).catch((error: unknown) => {
    // An output that cannot be stored must not keep the failure from being told.
    if (output === undefined || isUnavailable(error)) throw error;
    return write(undefined);
  });
  if (ended) log.warn({ class: fate.class, final: ended.final }, message);
}

/** Whatever came of what must not happen twice, it is not tried again. */
function forGood(fate: Fate): Extract<Fate, { action: 'fail' }> {
  if (fate.action === 'fail') return { ...fate, final: true };
  const message = `It was begun, and its end could not be written: ${fate.message}`;
  return { action: 'fail', class: 'outcome_unknown', message, final: true, retryInMs: 0 };
}

/** An end is not thrown away because the database was away, or somebody held the row, when it came. */
async function untilWritten<T>(deps: AttemptDeps, work: (tx: Db) => Promise<T>): Promise<T> {
  const { database, closing, log } = deps;
  for (;;) {
    try {
      return await untilAvailable(() => database.transaction(work), closing, log);
    } catch (error) {
      if (!isBusy(error) || closing.aborted) throw error;
      await sleep(1_000, closing);
    }
  }
}

/** The fate of an attempt, with nothing in it that cannot be stored, whatever was thrown. */
function judge(thrown: unknown, failures: number): Fate {
  try {
    const fate = fateOf(toError(thrown), failures);
    const told = { class: cleanText(fate.class), message: cleanText(fate.message) };
    return fate.action === 'release'
      ? { ...fate, ...told }
      : { ...fate, ...told, output: keepable(fate.output) };
  } catch {
    return fateOf(new Error('The handler threw something that cannot be read.'), failures);
  }
}

function failedCall(error: LlmError, durationMs: number): LlmCall {
  return {
    engine: 'unknown',
    provider: error.provider ?? null,
    model: error.model ?? null,
    inputTokens: error.usage.inputTokens,
    outputTokens: error.usage.outputTokens,
    costUsd: error.usage.costUsd,
    firstTokenMs: null,
    loadMs: null,
    durationMs,
    outcome: error.class,
  };
}
