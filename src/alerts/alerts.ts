import type { Db } from '../db/database.ts';
import { selectAlerts } from './queries.ts';
import type { Alert } from './schema.ts';

/** What is not as it should be right now, the oldest first. */
export function listAlerts(db: Db): Promise<Alert[]> {
  return selectAlerts(db);
}
