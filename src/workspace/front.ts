import { makeWake } from '../lib/wake.ts';
import { makeAttempts } from './attempts.ts';
import type { BridgeParts } from './bridge-parts.ts';
import { isTaskName } from './conventions/names.ts';
import { tidy } from './disk/tidy.ts';
import { refuseUnusable } from './ending/refuse-unusable.ts';
import { useApprovals } from './inbox/approvals.ts';
import { makeArrivals } from './inbox/arrivals.ts';
import { makeChangeWatch } from './inbox/changed-while-pending.ts';
import { makeForeignWatch } from './inbox/foreign.ts';
import { makeInbox } from './inbox/inbox.ts';
import { makeObserver } from './observe.ts';
import { requireWorkspace } from './owner.ts';
import { setHalted } from './owner-queries.ts';
import type { WorkspaceRow } from './schema.ts';
import type { Troubles } from './told-once.ts';

/** The scan that finds everything, however little is heard of it; more often where nothing can be heard at all. */
const SCAN_MS = 3_000;
const DEAF_SCAN_MS = 1_000;
/** A folder so full that looking at it takes long is looked at less often. */
const REST_PER_SCAN = 10;
const LONGEST_REST_MS = 15_000;
const TIDY_MS = 60_000;

/** Looks at the inbox and the approvals, and makes proposals of what is found. */
export function makeFront(parts: BridgeParts, troubles: Troubles, state: { readonly row: WorkspaceRow }) {
  const { database, folders, log, ownership } = parts;
  const wake = makeWake();
  const timers = new Set<NodeJS.Timeout>();
  const wakeIn = (ms: number) => {
    // One timer for a burst of events.
    if (timers.size > 0) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      wake.call();
    }, ms);
    timers.add(timer);
  };
  const arrivals = makeArrivals(
    folders.path('inbox'),
    // What is renamed here by us is no news; what is renamed by others is, where they are observed.
    (name) => !name.startsWith('.') && (state.row.mode === 'observe' || isTaskName(name)),
    wakeIn,
    log,
  );
  const approvals = makeArrivals(folders.path('approvals'), (name) => name.endsWith('.ok'), wakeIn, log);
  const inbox = makeInbox(parts, arrivals);
  const observe = makeObserver(parts);
  const attempts = makeAttempts(log);
  const signOfOthers = makeForeignWatch(parts);
  const withdrawChanged = makeChangeWatch(parts);
  const stopHint = database.hints.on('policy', () => {
    inbox.letGo();
    wake.call();
  });
  let changed: () => void = () => undefined;
  let nextInMs = Number.POSITIVE_INFINITY;
  let restMs = SCAN_MS;
  let tidyAt = 0;

  const process = async (signal: AbortSignal) => {
    await approvals.follow();
    const seen = await inbox.look(signal);
    nextInMs = seen.nextInMs;
    await troubles.refuse(seen.refused);
    for (const unusable of seen.unusable)
      await attempts.run(unusable.name, () => refuseUnusable(parts, unusable));
    const sign = await signOfOthers(seen.listing.names, seen.open);
    if (sign !== null) {
      const reason = `${sign}: another executor works this inbox. Stop it, then say \`opsloop files resume\`; or set OPSLOOP_FILES=observe.`;
      const halted = { reason, at: new Date().toISOString() };
      if (await setHalted(database, ownership.workspaceId, halted, 'files')) log.error(reason);
      // Whoever hears of it by the event asks at once, before the next renewal reads it from the database.
      state.row.halted = halted;
      return;
    }
    const withdrawn = await withdrawChanged(seen.open, seen.listing);
    await useApprovals(parts, seen.open, attempts);
    await troubles.note('files of the inbox', attempts.problem());
    if (seen.taken > 0 || seen.unusable.length > 0 || withdrawn) {
      inbox.dirty();
      changed();
    }
  };

  return {
    async run(signal: AbortSignal): Promise<void> {
      const began = performance.now();
      nextInMs = Number.POSITIVE_INFINITY;
      const { mode, halted } = state.row;
      if (mode === 'off') return;
      await requireWorkspace(folders, ownership.workspaceId);
      if (performance.now() >= tidyAt) {
        await tidy(folders);
        tidyAt = performance.now() + TIDY_MS;
      }
      await arrivals.follow();
      if (mode === 'observe') await observe();
      else if (halted === null) await process(signal);
      const usual = arrivals.isWatching() ? SCAN_MS : DEAF_SCAN_MS;
      restMs = Math.min(LONGEST_REST_MS, Math.max(usual, REST_PER_SCAN * (performance.now() - began)));
    },
    wait: (signal: AbortSignal) => wake.wait(Math.min(restMs, nextInMs), signal),
    wake: wake.call,
    dirty() {
      inbox.dirty();
      wake.call();
    },
    onChange(call: () => void) {
      changed = call;
    },
    waiting: inbox.waiting,
    hasFileEvents: arrivals.isWatching,
    close() {
      stopHint();
      arrivals.close();
      approvals.close();
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
