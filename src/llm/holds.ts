import { LlmError } from './llm-error.ts';

/** When a server limits the rate without saying for how long. */
const UNSAID_MS = 15_000;
/** A server's mistake, or its joke, must not stop the work for longer. */
const LONGEST_MS = 3_600_000;

/** Which providers asked to be left alone, and until when: a storm of refused calls helps nobody. */
export type Holds = {
  /** @throws LlmError rate_limited while the provider is held; the call is not made */
  check(provider: string): void;
  /** Holds the provider when the error says that it limits the rate. */
  note(provider: string, error: unknown): void;
};

export function makeHolds(now: () => number = () => performance.now()): Holds {
  const until = new Map<string, number>();
  return {
    check(provider) {
      const left = (until.get(provider) ?? 0) - now();
      if (left <= 0) return;
      const seconds = Math.ceil(left / 1000);
      throw new LlmError('rate_limited', `${provider} limits the rate; it is asked again in ${seconds} s`, {
        retryAfterMs: left,
        provider,
      });
    },
    note(provider, error) {
      if (!(error instanceof LlmError) || error.class !== 'rate_limited') return;
      until.set(provider, now() + Math.min(error.retryAfterMs ?? UNSAID_MS, LONGEST_MS));
    },
  };
}
