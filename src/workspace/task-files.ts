import type { Db } from '../db/database.ts';
import { type FileFilter, selectFiles } from './file-queries.ts';

/** Task files as people ask for them, the newest first. */
export function listTaskFiles(db: Db, filter: FileFilter, beforeId: string | null, limit: number) {
  return selectFiles(db, filter, beforeId, limit);
}
