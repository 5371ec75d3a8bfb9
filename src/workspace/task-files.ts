import type { Db } from '../db/database.ts';
import { type FileFilter, selectFiles, selectWorkspaceOf } from './file-read-queries.ts';

/** Task files as people ask for them, the newest first. */
export function listTaskFiles(db: Db, filter: FileFilter, beforeId: string | null, limit: number) {
  return selectFiles(db, filter, beforeId, limit);
}

/** The workspace of the file behind a proposal; null for a proposal that came another way. */
export function workspaceOf(db: Db, proposalId: string | null): Promise<string | null> {
  return proposalId === null ? Promise.resolve(null) : selectWorkspaceOf(db, proposalId);
}
