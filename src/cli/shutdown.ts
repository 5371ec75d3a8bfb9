import { toError } from '../errors.ts';
import type { Log } from '../log.ts';

/** What is to be ended, the last started first. Each is told when the user is in a hurry. */
export type Ending = (hurry: AbortSignal) => Promise<void>;

export type Shutdown = {
  /** Adds something to end. What is added last is ended first. */
  add(name: string, ending: Ending): void;
  /** Aborts at the first SIGINT, SIGTERM or SIGHUP. */
  requested: AbortSignal;
  /** Ends everything in order; a failure of one does not stop the next. */
  run(): Promise<void>;
};

/**
 * Ctrl+C once ends everything in order. A second one gives running steps back at once instead of waiting for
 * them; the order stays, so that nothing is cut off in the middle of a write.
 */
export function makeShutdown(log: Log): Shutdown {
  const endings: { name: string; ending: Ending }[] = [];
  const requested = new AbortController();
  const hurry = new AbortController();
  let running: Promise<void> | undefined;

  const onSignal = (signal: NodeJS.Signals) => {
    if (requested.signal.aborted) {
      if (!hurry.signal.aborted) log.info({ part: 'opsloop' }, 'giving running steps back now');
      hurry.abort();
      return;
    }
    log.info({ part: 'opsloop', signal }, 'stopping: running steps finish or are given back within 10 s');
    requested.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  // The terminal was closed.
  process.on('SIGHUP', onSignal);

  const endAll = async () => {
    for (const { name, ending } of endings.toReversed()) {
      await ending(hurry.signal).catch((error: unknown) =>
        log.error({ part: 'opsloop', err: toError(error).message }, `${name} did not stop well`),
      );
    }
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
    process.off('SIGHUP', onSignal);
  };

  return {
    add: (name, ending) => void endings.push({ name, ending }),
    requested: requested.signal,
    run: () => (running ??= endAll()),
  };
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
