import { useSyncExternalStore } from 'react';

/** A value outside of React that components can follow. */
export type Store<Value> = { get(): Value; set(value: Value): void; on(listener: () => void): () => void };

export function makeStore<Value>(initial: Value): Store<Value> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of listeners) listener();
    },
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function useStore<Value>({ on, get }: Store<Value>): Value {
  return useSyncExternalStore(on, get);
}
