import { AppError } from '../errors.ts';
import { backoffMs } from '../lib/backoff.ts';
import { LlmError, type LlmErrorClass } from '../llm/llm.ts';
import { StepError } from './handler.ts';

/** What becomes of an attempt that ended with an error. */
export type Fate =
  | { action: 'release'; class: string; message: string; retryInMs: number }
  | { action: 'fail'; class: string; message: string; final: boolean; retryInMs: number; output?: unknown };

const RETRY = { firstMs: 5_000, maxMs: 300_000 };
/** An absent model is asked for again soon: it spends no failure, and somebody is likely starting it. */
const ABSENT_RETRY_MS = 15_000;
/** A server's Retry-After can be a mistake; an hour later it is asked again in any case. */
const LONGEST_WAIT_MS = 3_600_000;
export const MOST_MESSAGE = 2_000;

/** When a step that has failed so often before, and now again, is tried again. */
export function retryInMs(failures: number): number {
  return backoffMs(failures + 1, RETRY);
}

/** These say something about the model's server, not about the step, and spend no failure. */
const WAITING: readonly LlmErrorClass[] = ['unavailable', 'rate_limited', 'model_missing'];
/** Trying the same again gives the same. */
const HOPELESS: readonly LlmErrorClass[] = ['refused', 'too_long'];

/** Pure. @param failures how many this step had before */
export function fateOf(error: Error, failures: number): Fate {
  const message = error.message.slice(0, MOST_MESSAGE);
  const delay = retryInMs(failures);
  if (error instanceof StepError) {
    return {
      action: 'fail',
      class: error.class,
      message,
      final: error.final,
      retryInMs: delay,
      output: error.output,
    };
  }
  if (error instanceof LlmError) {
    if (WAITING.includes(error.class)) {
      const wait = Math.min(Math.max(error.retryAfterMs ?? ABSENT_RETRY_MS, 1_000), LONGEST_WAIT_MS);
      return { action: 'release', class: error.class, message, retryInMs: wait };
    }
    return {
      action: 'fail',
      class: error.class,
      message,
      final: HOPELESS.includes(error.class),
      retryInMs: delay,
    };
  }
  if (error instanceof AppError && error.code === 'database_unavailable') {
    return { action: 'release', class: 'database_unavailable', message, retryInMs: 1_000 };
  }
  return { action: 'fail', class: 'error', message, final: false, retryInMs: delay };
}
