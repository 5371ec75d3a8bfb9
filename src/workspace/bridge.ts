import type { Database } from '../db/database.ts';
import { isUnavailable } from '../db/sqlstate.ts';
import { AppError, toError } from '../errors.ts';
import { makeWake, sleep } from '../lib/wake.ts';
import type { Log } from '../log.ts';
import type { CreateProposal } from '../loop/propose.ts';
import { makeBack } from './back.ts';
import type { BridgeParts } from './bridge-parts.ts';
import { foldersOf, isDiskError, unavailable } from './disk/folders.ts';
import { makeFront } from './front.ts';
import type { Waiting } from './inbox/inbox.ts';
import { acquire, makeOwner } from './owner.ts';
import { type Held, giveUpOwnership, renewOwnership, setHalted } from './owner-queries.ts';
import { type Halted, type Mode, OwnershipLost, type WorkspaceRow } from './schema.ts';
import { makeTroubles } from './told-once.ts';

export type BridgeOptions = {
  database: Database;
  propose: CreateProposal;
  workspace: string;
  /** What the configuration says; undefined: what is known of the folder. */
  mode: Mode | undefined;
  log: Log;
};

export type BridgeStatus = {
  workspace: string;
  /** Null while this process does not own it; then another one does. */
  mode: Mode | null;
  held_by: string | null;
  /** Whether that one works another folder than ours: nothing that is put into ours is worked. */
  held_elsewhere: boolean;
  halted: Halted | null;
  /** What is wrong with the disk, and what was refused. */
  problems: string[];
  refused: { name: string; problem: string }[];
  /** Files that a cap keeps waiting in the inbox. */
  waiting: Waiting[];
  file_events: boolean;
};

/** The bridge between a folder of task files and the loop. */
export type Bridge = {
  status(): BridgeStatus;
  isOwner(): boolean;
  /** The workspace whose files this process works; null when it observes, or owns none. */
  processing(): string | null;
  /** An operator says that nobody else works the inbox. */
  resume(by: string): Promise<boolean>;
  /** Looks at the inbox now: something was put there. */
  wake(): void;
  close(): Promise<void>;
};

const RENEW_MS = 3_000;

/**
 * Two loops run while this process owns the workspace. The front looks at the inbox and makes proposals of
 * files; the back makes outputs and renames of what has ended. A third keeps the ownership. Everything they do
 * is first in the database and then on the disk, so each can be cut off anywhere and run again.
 */
export function startBridge(options: BridgeOptions): Bridge {
  const { database, propose, workspace, mode } = options;
  const log = options.log.child({ part: 'files' });
  const folders = foldersOf(workspace);
  const closing = new AbortController();
  let owned: {
    state: { row: WorkspaceRow };
    parts: BridgeParts;
    stop(): Promise<void>;
    front: ReturnType<typeof makeFront>;
  } | null = null;
  let heldBy: Held | null = null;
  const renewing = makeWake();
  const troubles = makeTroubles(database, () => owned?.state.row.id ?? null, log);

  const begin = (row: WorkspaceRow, owner: string) => {
    const parts: BridgeParts = { database, propose, folders, log, ownership: { workspaceId: row.id, owner } };
    const ending = new AbortController();
    const state = { row };
    const back = makeBack(parts, troubles, () => state.row.mode === 'process');
    const front = makeFront(parts, troubles, state);
    back.onChange(front.dirty);
    front.onChange(back.wake);
    const lost = (error: unknown) => {
      if (!(error instanceof OwnershipLost)) return false;
      renewing.call();
      return true;
    };
    const loops = [
      keep('inbox', front.run, front.wait, ending.signal, lost),
      keep('outputs', back.run, back.wait, ending.signal, lost),
    ];
    owned = {
      state,
      parts,
      front,
      async stop() {
        ending.abort();
        front.close();
        back.close();
        await Promise.all(loops);
      },
    };
    log.info({ mode: row.mode, workspace }, 'this process owns the workspace');
  };

  /** Runs one part again and again. What goes wrong is told once, and tried again ever more slowly. */
  const keep = async (
    part: string,
    run: (signal: AbortSignal) => Promise<void>,
    wait: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
    lost: (error: unknown) => boolean,
  ) => {
    for (let failures = 0; !signal.aborted; ) {
      try {
        await run(signal);
        failures = 0;
        await troubles.note(part, null);
      } catch (error) {
        failures++;
        const away = isUnavailable(error) && !isDiskError(error);
        if (!lost(error) && !away) await troubles.note(part, problemOf(error)).catch(() => undefined);
        await sleep(away ? 1_000 : Math.min(30_000, 500 * 2 ** Math.min(failures, 6)), signal);
        continue;
      }
      await wait(signal);
    }
  };

  const letGo = async () => {
    const was = owned;
    owned = null;
    await was?.stop();
  };

  const keepOwnership = async () => {
    const me = await makeOwner();
    while (!closing.signal.aborted) {
      try {
        if (owned) {
          const row = await renewOwnership(database, owned.parts.ownership);
          if (row) owned.state.row = row;
          else {
            log.warn('another process owns the workspace now');
            await letGo();
          }
        }
        if (!owned) {
          const acquired = await acquire(database, folders, me, mode);
          if ('workspace' in acquired) begin(acquired.workspace, me.owner);
          else if (heldBy === null) log.info(sayHeld(acquired.heldBy));
          heldBy = 'workspace' in acquired ? null : acquired.heldBy;
        }
        await troubles.note('owner', null);
      } catch (error) {
        if (isDiskError(error) || !isUnavailable(error))
          await troubles.note('owner', problemOf(error)).catch(() => undefined);
      }
      await renewing.wait(RENEW_MS, closing.signal);
    }
  };
  const keeping = keepOwnership();

  return {
    isOwner: () => owned !== null,
    processing: () => (owned?.state.row.mode === 'process' ? owned.state.row.id : null),
    wake: () => owned?.front.wake(),
    status: () => ({
      workspace,
      mode: owned?.state.row.mode ?? null,
      held_by: heldBy === null ? null : sayHeld(heldBy),
      held_elsewhere: heldBy !== null && heldBy.path !== workspace,
      halted: owned?.state.row.halted ?? null,
      problems: troubles.problems(),
      refused: troubles.refused(),
      waiting: owned?.front.waiting() ?? [],
      file_events: owned?.front.hasFileEvents() ?? false,
    }),
    async resume(by) {
      if (!owned)
        throw new AppError('conflict', 'This server does not own the workspace; ask the one that does.');
      const changed = await setHalted(database, owned.state.row.id, null, by);
      owned.state.row.halted = null;
      owned.front.wake();
      database.hints.tell('events');
      return changed;
    },
    async close() {
      closing.abort();
      await keeping;
      const ownership = owned?.parts.ownership;
      await letGo();
      if (ownership) await giveUpOwnership(database, ownership).catch(() => undefined);
    },
  };
}

function sayHeld({ path, holder }: Held): string {
  return `The workspace of this database is ${path}, owned by process ${holder?.pid} on ${holder?.host}; this server leaves files alone.`;
}

function problemOf(error: unknown): string {
  if (error instanceof AppError) return error.message;
  if (isDiskError(error)) return unavailable((error as { path: string }).path, error).message;
  return `Files wait: ${toError(error).message}`;
}

/** What of it belongs into the installation's health. */
export function filesHealth(status: BridgeStatus) {
  const { mode, halted, problems, refused, waiting } = status;
  const [first] = refused;
  return {
    mode,
    waiting: waiting.reduce((sum, { count }) => sum + count, 0),
    problems: [
      ...problems,
      ...(status.held_elsewhere
        ? [
            `${status.held_by} Files in ${status.workspace} wait until that one ends; a database has one workspace at work.`,
          ]
        : []),
      ...(halted ? [`Files are not taken: ${halted.reason}`] : []),
      ...(first
        ? [`${refused.length} file(s) in the inbox are refused; the first, ${first.name}: ${first.problem}.`]
        : []),
      ...waiting.map(({ count, hold }) =>
        hold.limit === 0
          ? `${count} file(s) wait in the inbox: ${hold.gate} allows none for ${hold.scope}, until an operator changes the policy.`
          : `${count} file(s) wait in the inbox: the cap ${hold.gate} of ${hold.limit} for ${hold.scope} is reached until ${hold.resetsAt}.`,
      ),
    ],
  };
}
