/** A wake-up call that is remembered until somebody waits for it. */
export type Wake = {
  call(): void;
  /** Resolves at the next call, after `ms`, or when the signal aborts; never rejects. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
};

export function makeWake(): Wake {
  let called = false;
  let resolveWait: (() => void) | undefined;

  return {
    call() {
      if (resolveWait) resolveWait();
      else called = true;
    },
    wait(ms, signal) {
      if (called || signal?.aborted) {
        called = false;
        return Promise.resolve();
      }
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', done);
          resolveWait = undefined;
          resolve();
        };
        const timer = setTimeout(done, ms);
        signal?.addEventListener('abort', done, { once: true });
        resolveWait = done;
      });
    },
  };
}

/** Resolves after `ms`, or early when the signal aborts; never rejects. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return makeWake().wait(ms, signal);
}
