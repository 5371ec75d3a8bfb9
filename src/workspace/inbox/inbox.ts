import { join } from 'node:path';
import { isUnavailable } from '../../db/sqlstate.ts';
import { sleep } from '../../lib/wake.ts';
import { toError } from '../../errors.ts';
import type { BridgeParts } from '../bridge-parts.ts';
import { inRealFolder, isDiskError } from '../disk/folders.ts';
import { isSame, readWhole, type Signature } from '../disk/read-whole.ts';
import { selectOpen } from '../file-read-queries.ts';
import { type OpenFile, OwnershipLost } from '../schema.ts';
import { type Arrivals, SHOWS_ITSELF_MS } from './arrivals.ts';
import { type CapHold, makeCapHolds } from './cap-holds.ts';
import { type Listing, listInbox, look, type Refused } from './listing.ts';
import { makeStillness } from './stillness.ts';
import { agentIds, giveUpPlanned, take, type TaskFile, understand } from './take.ts';

/** Files are read and proposed in waves, so that memory is bounded and a cap is noticed early. */
const WAVE = 100;
const WAVE_BYTES = 4 * 1_048_576;
const STATS_AT_ONCE = 64;
/** Content that cannot be a task may still be on its way: only after this is it refused for good. */
const UNUSABLE_AFTER_MS = 30_000;

export type Waiting = { count: number; hold: CapHold };

/** A plain file that no proposal can be made of, in the state in which it was looked at. */
export type Unusable = { name: string; problem: string; signature: Signature };

export type InboxLook = {
  listing: Listing;
  open: OpenFile[];
  taken: number;
  refused: Refused[];
  unusable: Unusable[];
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

type Known = { agentId: string; kind: string };

export function makeInbox(parts: BridgeParts, arrivals: Arrivals): Inbox {
  const { folders, log } = parts;
  const stillness = makeStillness(arrivals);
  const holds = makeCapHolds();
  const known = new Map<string, Known>();
  /** Since when a file has stood still with a content that cannot be taken. */
  const waitingForContent = new Map<string, { signature: Signature; since: number }>();
  let refusedBefore: Refused[] = [];
  let open: Map<string, OpenFile> | null = null;

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

  const isBlocked = (name: string, rows: Map<string, OpenFile>, openIds: Set<string>): boolean => {
    const row = rows.get(name);
    if (!row) return false;
    // A file that an answer asked for waits until it is in place and those before it are done.
    return (
      row.status !== 'planned' || row.inode === null || (row.after_id !== null && openIds.has(row.after_id))
    );
  };

  const takeWave = async (inbox: string, names: string[], rows: Map<string, OpenFile>, seen: InboxLook) => {
    const agents = await agentIds(parts);
    const reads = await Promise.all(
      names.map(async (name) => [name, await readWhole(join(inbox, name))] as const),
    );
    const files: TaskFile[] = [];
    for (const [name, read] of reads) {
      if (read.ok) {
        if (read.text.trim() === '') {
          if (hadItsTime(name, read.signature)) seen.refused.push({ name, problem: 'it is empty' });
          continue;
        }
        const file = understand(name, read, rows.get(name) ?? null, agents);
        known.set(name, { agentId: file.agentId, kind: file.form });
        if (!isHeld(name)) files.push(file);
      } else if (read.why === 'refused') seen.refused.push({ name, problem: read.problem });
      else if (read.why === 'unusable') {
        if (hadItsTime(name, read.signature))
          seen.unusable.push({ name, problem: read.problem, signature: read.signature });
      } else stillness.forget(name);
    }
    const whole = await stillWhole(inbox, files);
    const results = await Promise.allSettled(
      whole.map(async (file) => {
        const planned = rows.get(file.name);
        if (planned && !file.planned) await giveUpPlanned(parts, planned);
        return take(parts, file);
      }),
    );
    for (const [index, result] of results.entries()) {
      const name = whole[index]?.name ?? '';
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

  /** Whether a file has had half a minute to become something. */
  const hadItsTime = (name: string, signature: Signature): boolean => {
    const before = waitingForContent.get(name);
    if (before && isSame(before.signature, signature))
      return performance.now() - before.since >= UNUSABLE_AFTER_MS;
    waitingForContent.set(name, { signature, since: performance.now() });
    return false;
  };

  /** A writer that had written a first part when its file was read shows itself a moment later. */
  const stillWhole = async (inbox: string, files: TaskFile[]): Promise<TaskFile[]> => {
    const doubtful = files.filter((file) => stillness.cameWhole(file.name, file.signature));
    if (doubtful.length === 0) return files;
    await sleep(SHOWS_ITSELF_MS);
    const written = new Set<TaskFile>();
    for (const file of doubtful) {
      const found = await look(join(inbox, file.name));
      const same = found !== null && typeof found === 'object' && isSame(found, file.signature);
      if (!same || arrivals.movedIn(file.name) !== true) written.add(file);
    }
    return files.filter((file) => !written.has(file));
  };

  const lookInto = async (inbox: string, signal: AbortSignal): Promise<InboxLook> => {
    const listing = await listInbox(inbox);
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
    for (const remembered of [known, waitingForContent])
      for (const name of remembered.keys()) if (!listing.names.has(name)) remembered.delete(name);

    const free = listing.tasks.filter((name) => !isBlocked(name, rows, openIds));
    const candidates = free.filter((name) => !isHeld(name));
    const examined = new Set<string>();
    let wave: { name: string; size: number }[] = [];
    for (let at = 0; at < candidates.length && !signal.aborted; at += STATS_AT_ONCE) {
      const chunk = candidates.slice(at, at + STATS_AT_ONCE).filter((name) => !isHeld(name));
      const looks = await Promise.all(
        chunk.map(async (name) => [name, await look(join(inbox, name))] as const),
      );
      for (const [name, found] of looks) {
        examined.add(name);
        if (found === null) continue;
        if (typeof found === 'string') {
          seen.refused.push({ name, problem: found });
          continue;
        }
        const missing = stillness.missingMs(name, found);
        if (missing > 0) seen.nextInMs = Math.min(seen.nextInMs, missing);
        else wave.push({ name, size: found.size });
      }
      while (isFull(wave) || (wave.length > 0 && at + STATS_AT_ONCE >= candidates.length)) {
        if (signal.aborted) break;
        const now = cutWave(wave);
        await takeWave(
          inbox,
          now.map(({ name }) => name),
          rows,
          seen,
        );
        wave = wave.slice(now.length).filter(({ name }) => !isHeld(name));
      }
    }
    // What a cap keeps us from looking at is still what it was.
    const carried = refusedBefore.filter(({ name }) => listing.names.has(name) && !examined.has(name));
    const told = new Set(seen.refused.map(({ name }) => name));
    seen.refused.push(...carried.filter(({ name }) => !told.has(name)));
    refusedBefore = seen.refused;
    waiting = countWaiting(free);
    if (seen.taken > 0) log.debug({ taken: seen.taken }, 'task files were taken');
    return seen;
  };

  return {
    dirty: () => {
      open = null;
    },
    letGo: () => holds.clear(),
    waiting: () => waiting,
    look: (signal) => inRealFolder(folders, 'inbox', (inbox) => lookInto(inbox, signal)),
  };
}

function isFull(wave: { size: number }[]): boolean {
  return wave.length >= WAVE || bytesOf(wave) >= WAVE_BYTES;
}

function bytesOf(wave: { size: number }[]): number {
  return wave.reduce((sum, { size }) => sum + size, 0);
}

/** As many files as are read at once; at least one. */
function cutWave<File extends { size: number }>(wave: File[]): File[] {
  const cut: File[] = [];
  for (const file of wave) {
    if (cut.length >= WAVE || (cut.length > 0 && bytesOf(cut) + file.size > WAVE_BYTES)) break;
    cut.push(file);
  }
  return cut;
}
