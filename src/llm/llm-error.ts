import { type LlmUsage, UNKNOWN_USAGE } from './types.ts';

/**
 * The class decides what the caller does next: wait (`unavailable`, `rate_limited`), try again (`failed`,
 * `timeout`, `invalid_output`), give up (`refused`, `too_long`), or nothing (`aborted`). A missing model
 * is given up or waited for, as the caller likes.
 */
export type LlmErrorClass =
  | 'unavailable'
  | 'rate_limited'
  | 'model_missing'
  | 'invalid_output'
  | 'too_long'
  | 'refused'
  | 'timeout'
  | 'aborted'
  | 'failed';

export type LlmErrorOptions = {
  /** How long the server asked us to wait. */
  retryAfterMs?: number | undefined;
  provider?: string | undefined;
  model?: string | undefined;
  /** Whether the model had said something, which rules a fallback out. */
  answered?: boolean | undefined;
  /** Whether a server was asked at all. */
  asked?: boolean | undefined;
  /** What was spent before it failed, as far as it is known. */
  usage?: LlmUsage | undefined;
};

/** Why a call gave no answer. The message is safe to show and to store; it never holds a key. */
export class LlmError extends Error {
  override readonly name = 'LlmError';
  readonly class: LlmErrorClass;
  readonly retryAfterMs: number | undefined;
  readonly provider: string | undefined;
  readonly model: string | undefined;
  readonly answered: boolean;
  readonly asked: boolean;
  readonly usage: LlmUsage;

  constructor(errorClass: LlmErrorClass, message: string, options: LlmErrorOptions = {}) {
    super(message);
    this.class = errorClass;
    this.retryAfterMs = options.retryAfterMs;
    this.provider = options.provider;
    this.model = options.model;
    this.answered = options.answered ?? false;
    this.asked = options.asked ?? false;
    this.usage = options.usage ?? UNKNOWN_USAGE;
  }

  /** The same error with what the thrower could not know. */
  with(options: LlmErrorOptions): LlmError {
    return new LlmError(this.class, this.message, {
      retryAfterMs: options.retryAfterMs ?? this.retryAfterMs,
      provider: this.provider ?? options.provider,
      model: this.model ?? options.model,
      answered: options.answered ?? this.answered,
      asked: options.asked ?? this.asked,
      usage: options.usage ?? this.usage,
    });
  }
}

/** The LlmError in what was thrown, be it wrapped by a library. */
export function findLlmError(thrown: unknown, depth = 0): LlmError | undefined {
  if (thrown instanceof LlmError) return thrown;
  return thrown instanceof Error && depth < 5 ? findLlmError(thrown.cause, depth + 1) : undefined;
}
