import { isUnavailable } from '../../db/sqlstate.ts';
import { toError } from '../../errors.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import { isDiskError } from '../disk/folders.ts';
import { readWhole } from '../disk/read-whole.ts';
import { selectOpen } from '../file-queries.ts';
import { type FileRow, OwnershipLost } from '../schema.ts';
import type { Arrivals } from './arrivals.ts';
import { type CapHold, makeCapHolds } from './cap-holds.ts';
import { type Listing, listInbox, look, type Refused } from './listing.ts';
import { makeStillness } from './stillness.ts';
import { agentIds, giveUpPlanned, take, type TaskFile, understand } from './take.ts';

/** Files are read and proposed in waves, so that memory is bounded and a cap is noticed early. */
const WAVE = 100;
const STATS_AT_ONCE = 64;
/** Content that cannot be a task may still be on its way: only after this is it refused for good. */
const UNUSABLE_AFTER_MS = 30_000;

export type Waiting = { count: number; hold: CapHold };

export type InboxLook = {
  listing: Listing;
  open: FileRow[];
  taken: number;
  refused: Refused[];
  /** Files that no proposal can be made of. */
  unusable: { name: string; problem: string }[];
  /** When something can have changed by itself. */
  nextInMs: number;
};

export type Inbox = {
  /** Looks at everything once and takes what is whole and allowed. */
  look(signal: AbortSignal): Promise<InboxLook>;
  /** The open rows have changed: read them again. */
  dirty(): void;
  /** Policy has changed: what a cap held may go on. */
  letGo(): void;
  waiting(): Waiting[];
};

type Known = { agentId: string; kind: string; unusableSince: number | null };

export function makeInbox(parts: BridgeParts, arrivals: Arrivals): Inbox {
  const { folders, log } = parts;
  const stillness = makeStillness(arrivals);
  const holds = makeCapHolds();
  const known = new Map<string, Known>();
  let open: Map<string, FileRow> | null = null;

  let waiting: Waiting[] = [];

  const holdOf = (name: string) => holds.holds(known.get(name) ?? null);
  const isHeld = (name: string) => holdOf(name) !== null;

  const countWaiting = (names: string[]): Waiting[] => {
    const counts = new Map<string, Waiting>();
    for (const name of names) {
      const hold = holdOf(name);
      if (hold) counts.set(hold.scope, { count: (counts.get(hold.scope)?.count ?? 0) + 1, hold });
    }
    return [...counts.values()];
  };

  const isBlocked = (name: string, rows: Map<string, FileRow>, openIds: Set<string>): boolean => {
    const row = rows.get(name);
    if (!row) return false;
    // A file that an answer asked for waits until it is in place and those before it are done.
    return (
      row.status !== 'planned' || row.inode === null || (row.after_id !== null && openIds.has(row.after_id))
    );
  };

  const takeWave = async (names: string[], rows: Map<string, FileRow>, seen: InboxLook) => {
    const agents = await agentIds(parts);
    const reads = await Promise.all(
      names.map(async (name) => [name, await readWhole(folders.path('inbox', name))] as const),
    );
    const files: TaskFile[] = [];
    for (const [name, read] of reads) {
      if (read.ok) {
        if (read.text.trim() === '') continue;
        const file = understand(name, read, rows.get(name) ?? null, agents);
        known.set(name, { agentId: file.agentId, kind: file.form, unusableSince: null });
        if (!isHeld(name)) files.push(file);
      } else if (read.why === 'refused') seen.refused.push({ name, problem: read.problem });
      else if (read.why === 'unusable') noteUnusable(name, read.problem, seen);
      else stillness.forget(name);
    }
    const results = await Promise.allSettled(
      files.map(async (file) => {
        const planned = rows.get(file.name);
        if (planned && !file.planned) await giveUpPlanned(parts, planned);
        return take(parts, file);
      }),
    );
    for (const [index, result] of results.entries()) {
      const name = files[index]?.name ?? '';
      if (result.status === 'rejected') {
        const error = toError(result.reason);
        if (error instanceof OwnershipLost || isDiskError(error) || isUnavailable(error)) throw error;
        // One file must not hold up the others; it is tried again at the next look.
        log.warn({ file: name, err: error.message }, 'a task file could not be taken');
        seen.refused.push({ name, problem: 'it could not be taken; the log of the server says why' });
        continue;
      }
      if (typeof result.value === 'object') {
        holds.hold(result.value.waits);
        continue;
      }
      if (result.value === 'taken') seen.taken++;
      open = null;
      stillness.forget(name);
      known.delete(name);
    }
  };

  const noteUnusable = (name: string, problem: string, seen: InboxLook) => {
    const before = known.get(name)?.unusableSince ?? null;
    const since = before ?? performance.now();
    known.set(name, { agentId: '', kind: '', unusableSince: since });
    if (performance.now() - since >= UNUSABLE_AFTER_MS) seen.unusable.push({ name, problem });
  };

  return {
    dirty: () => {
      open = null;
    },
    letGo: () => holds.clear(),
    waiting: () => waiting,
    async look(signal) {
      const listing = await listInbox(folders.path('inbox'));
      open ??= new Map(
        (await selectOpen(parts.database, parts.ownership.workspaceId)).map((row) => [row.name, row]),
      );
      const rows = open;
      const openIds = new Set([...rows.values()].map((row) => row.id));
      const seen: InboxLook = {
        listing,
        open: [...rows.values()],
        taken: 0,
        refused: [...listing.refused],
        unusable: [],
        nextInMs: Number.POSITIVE_INFINITY,
      };
      stillness.forgetAllBut(listing.names);
      for (const name of known.keys()) if (!listing.names.has(name)) known.delete(name);

      const free = listing.tasks.filter((name) => !isBlocked(name, rows, openIds));
      const candidates = free.filter((name) => !isHeld(name));
      let wave: string[] = [];
      for (let at = 0; at < candidates.length && !signal.aborted; at += STATS_AT_ONCE) {
        const chunk = candidates.slice(at, at + STATS_AT_ONCE).filter((name) => !isHeld(name));
        const looks = await Promise.all(
          chunk.map(async (name) => [name, await look(folders.path('inbox', name))] as const),
        );
        for (const [name, found] of looks) {
          if (found === null) continue;
          if (typeof found === 'string') {
            seen.refused.push({ name, problem: found });
            continue;
          }
          const missing = stillness.missingMs(name, found);
          if (missing > 0) seen.nextInMs = Math.min(seen.nextInMs, missing);
          else wave.push(name);
        }
        while (wave.length >= WAVE || (wave.length > 0 && at + STATS_AT_ONCE >= candidates.length)) {
          if (signal.aborted) break;
          await takeWave(wave.slice(0, WAVE), rows, seen);
          wave = wave.slice(WAVE).filter((name) => !isHeld(name));
        }
      }
      waiting = countWaiting(free);
      if (seen.taken > 0) log.debug({ taken: seen.taken }, 'task files were taken');
      return seen;
    },
  };
}
