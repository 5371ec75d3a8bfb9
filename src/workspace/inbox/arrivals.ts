import { type FSWatcher, watch } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { toError } from '../../errors.ts';
import type { Log } from '../../log.ts';

/**
 * File events of the inbox. They only make things faster: a scan finds everything without them.
 *
 * A file that was renamed into place is whole, and can be told from one that is being written there: its name
 * appears and nothing changes it. Only Linux reports it so exactly, and only while its queue does not run over.
 */
export type Arrivals = {
  /** Watches the folder, also when it is another one than before. */
  follow(): Promise<void>;
  /** Whether the name appeared by a rename; undefined as long as that cannot be said. */
  movedIn(name: string): boolean | undefined;
  /** It was seen while it was written, so it did not come whole. */
  spoil(name: string): void;
  forget(name: string): void;
  isWatching(): boolean;
  close(): void;
};

/** So long a writer has to show itself after its file has appeared. */
export const SHOWS_ITSELF_MS = 25;
const QUIET_EVENTS = 1_000;

export function makeArrivals(
  folder: string,
  isOfInterest: (name: string) => boolean,
  onEvent: (inMs: number) => void,
  log: Log,
): Arrivals {
  const appeared = new Map<string, { at: number; changed: boolean }>();
  let watcher: FSWatcher | undefined;
  let inode = '';
  let second = 0;
  let events = 0;
  let told = false;
  let closed = false;

  const note = (event: string, name: string | null) => {
    const now = performance.now();
    if (now - second > 1_000) [second, events] = [now, 0];
    // In a flood the kernel drops events, and what is not heard of cannot be told apart.
    if (++events > QUIET_EVENTS) appeared.clear();
    // Hidden names and last names are our own doing, mostly.
    else if (name !== null && !isOfInterest(name)) return;
    else if (name !== null) {
      const known = appeared.get(name);
      if (event === 'change') {
        if (known) known.changed = true;
      } else if (!known) appeared.set(name, { at: now, changed: false });
    }
    onEvent(SHOWS_ITSELF_MS + 1);
  };

  const stop = () => {
    watcher?.close();
    watcher = undefined;
    inode = '';
    appeared.clear();
  };

  return {
    async follow() {
      if (closed) return;
      const now = String((await lstat(folder, { bigint: true })).ino);
      if (watcher && now === inode) return;
      stop();
      try {
        watcher = watch(folder, { persistent: false }, note);
        watcher.on('error', stop);
        inode = now;
        told = false;
      } catch (error) {
        if (!told)
          log.warn({ err: toError(error).message }, 'no file events; the inbox is scanned every second');
        told = true;
      }
    },
    movedIn(name) {
      const found = appeared.get(name);
      if (!found || process.platform !== 'linux') return false;
      if (found.changed) return false;
      return performance.now() - found.at < SHOWS_ITSELF_MS ? undefined : true;
    },
    spoil: (name) => void appeared.set(name, { at: 0, changed: true }),
    forget: (name) => void appeared.delete(name),
    isWatching: () => watcher !== undefined,
    close() {
      closed = true;
      stop();
    },
  };
}
