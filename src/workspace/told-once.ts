import type { Database } from '../db/database.ts';
import { isUnavailable } from '../db/sqlstate.ts';
import type { Log } from '../log.ts';
import { tellOfWorkspace } from './owner-queries.ts';

const MOST_REFUSED = 1_000;

/** What is wrong with a workspace: told once when it begins and once when it ends, and shown as long as it lasts. */
export type Troubles = {
  /** Null: it is over. */
  note(part: string, problem: string | null): Promise<void>;
  /** Files that are refused, each told once. */
  refuse(refused: { name: string; problem: string }[]): Promise<void>;
  problems(): string[];
  refused(): { name: string; problem: string }[];
};

export function makeTroubles(database: Database, workspaceId: () => string | null, log: Log): Troubles {
  const problems = new Map<string, string>();
  let refusals = new Map<string, string>();

  const tell = async (kind: Parameters<typeof tellOfWorkspace>[2], payload: Record<string, unknown>) => {
    const id = workspaceId();
    if (id === null) return;
    await tellOfWorkspace(database, id, kind, payload).catch((error: unknown) => {
      if (!isUnavailable(error)) throw error;
    });
    database.hints.tell('events');
  };

  return {
    async note(part, problem) {
      const before = problems.get(part);
      if (problem === null) {
        if (before === undefined) return;
        problems.delete(part);
        log.info({ part }, 'the workspace can be used again');
        await tell('workspace.available', { part, was: before });
        return;
      }
      problems.set(part, problem);
      if (before !== undefined) return;
      log.warn({ part }, problem);
      await tell('workspace.unavailable', { part, problem });
    },
    async refuse(refused) {
      const now = new Map(refused.slice(0, MOST_REFUSED).map(({ name, problem }) => [name, problem]));
      const before = refusals;
      refusals = now;
      for (const [name, problem] of now) {
        if (before.get(name) === problem) continue;
        log.warn({ file: name }, `a file in the inbox is refused: ${problem}`);
        await tell('file.refused', { filename: name, dir: 'inbox', problem });
      }
    },
    problems: () => [...problems.values()],
    refused: () => [...refusals].map(([name, problem]) => ({ name, problem })),
  };
}
