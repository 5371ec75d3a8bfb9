import { useSyncExternalStore } from 'react';
import { makeStore } from './store.ts';

/** One clock for all relative times of a page. It stands still while nobody looks. */
const seconds = makeStore(Math.floor(Date.now() / 1000));
let timer: ReturnType<typeof setInterval> | undefined;
let followers = 0;

const tick = () => seconds.set(Math.floor(Date.now() / 1000));
const set = () => {
  clearInterval(timer);
  timer = undefined;
  if (followers === 0 || document.visibilityState === 'hidden') return;
  tick();
  timer = setInterval(tick, 1_000);
};
document.addEventListener('visibilitychange', set);

function follow(listener: () => void): () => void {
  const off = seconds.on(listener);
  followers++;
  set();
  return () => {
    off();
    followers--;
    set();
  };
}

/** Milliseconds since 1970, exact to a second; a component that asks for it is drawn again as often. */
export function useNow(): number {
  return useSyncExternalStore(follow, seconds.get) * 1_000;
}
