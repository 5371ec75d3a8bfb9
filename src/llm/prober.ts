import type { Log } from '../log.ts';
import { LlmError } from './llm-error.ts';
import type { ListedModel, Provider } from './provider.ts';

/** What is known of a provider since it was last asked. */
export type ProviderState = {
  reachable: boolean | null;
  /** Whether a call has a chance: it is reachable and takes our key. */
  usable: boolean;
  models: ListedModel[] | null;
  problem: string | null;
  askedAt: number;
  /** How many times in a row it did not answer in time. */
  late: number;
};

export type Prober = {
  state(provider: Provider): ProviderState;
  /** Asks all of them now; one round at a time, and later callers share it. */
  ask(): Promise<void>;
  close(): void;
};

const INTERVAL_MS = 30_000;
const TIMEOUT_MS = 2000;
/** A hosted provider that answered need not be asked as often. */
const HOSTED_INTERVAL_MS = 5 * 60_000;

export function startProber(providers: Provider[], deps: { log: Log; onRound: () => Promise<void> }): Prober {
  const states = new Map<Provider, ProviderState>();
  const closing = new AbortController();
  let round: Promise<void> | undefined;

  const state = (provider: Provider): ProviderState => states.get(provider) ?? UNASKED;

  async function askAll(wanted: Provider[]): Promise<void> {
    await Promise.all(
      wanted.map(async (provider) => {
        const next = await probe(provider, state(provider), closing.signal);
        if (!closing.signal.aborted) states.set(provider, next);
      }),
    );
    if (closing.signal.aborted) return;
    await deps
      .onRound()
      .catch((error: unknown) => deps.log.warn({ err: error }, 'cannot remember the model'));
  }
  function start(wanted: Provider[]): Promise<void> {
    round ??= askAll(wanted).finally(() => {
      round = undefined;
    });
    return round;
  }

  const timer = setInterval(
    () => void start(providers.filter((each) => isDue(each, state(each)))),
    INTERVAL_MS,
  );
  timer.unref();
  return {
    state,
    ask: () => start(providers),
    close() {
      clearInterval(timer);
      closing.abort();
    },
  };
}

const UNASKED: ProviderState = {
  reachable: null,
  usable: false,
  models: null,
  problem: null,
  askedAt: 0,
  late: 0,
};

function isDue(provider: Provider, state: ProviderState): boolean {
  return !provider.cloud || !state.usable || Date.now() - state.askedAt >= HOSTED_INTERVAL_MS;
}

async function probe(
  provider: Provider,
  before: ProviderState,
  closing: AbortSignal,
): Promise<ProviderState> {
  const askedAt = Date.now();
  const controller = new AbortController();
  const tooLate = new LlmError('timeout', `${provider.name} did not answer within ${TIMEOUT_MS} ms`);
  const timer = setTimeout(() => controller.abort(tooLate), TIMEOUT_MS);
  const onClosing = () => controller.abort(new LlmError('aborted', 'closed'));
  closing.addEventListener('abort', onClosing);
  try {
    const models = await provider.list(controller.signal);
    return { reachable: true, usable: true, models, problem: null, askedAt, late: 0 };
  } catch (error) {
    const failure =
      error instanceof LlmError ? error : new LlmError('failed', `${provider.name} cannot be asked`);
    // A machine that is busy with an answer can miss one probe; text must not go elsewhere for that.
    if (failure.class === 'timeout' && before.usable && before.late === 0) {
      return { ...before, askedAt, late: 1, problem: failure.message };
    }
    const reachable = failure.class === 'refused' || failure.class === 'rate_limited';
    return {
      reachable,
      usable: failure.class === 'rate_limited',
      models: null,
      problem: failure.message,
      askedAt,
      late: before.late + 1,
    };
  } finally {
    clearTimeout(timer);
    closing.removeEventListener('abort', onClosing);
  }
}
