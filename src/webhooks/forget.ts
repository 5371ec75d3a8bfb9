import type { Db } from '../db/database.ts';
import { deleteOldDeliveries } from './delivery-queries.ts';
import { deleteOldLinks } from './link-queries.ts';

/** Forgets calls that ended long ago, and links that are over. @returns how many of each */
export async function forgetOldCalls(db: Db): Promise<{ calls: number; links: number }> {
  return { calls: await deleteOldDeliveries(db), links: await deleteOldLinks(db) };
}
