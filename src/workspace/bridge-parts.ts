import type { Database } from '../db/database.ts';
import type { Log } from '../log.ts';
import type { CreateProposal } from '../loop/propose.ts';
import type { Folders } from './disk/folders.ts';
import type { Ownership } from './schema.ts';

/** What every part of the bridge works with while this process owns the workspace. */
export type BridgeParts = {
  database: Database;
  propose: CreateProposal;
  folders: Folders;
  ownership: Ownership;
  log: Log;
};
