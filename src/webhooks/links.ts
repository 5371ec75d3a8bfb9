import { timingSafeEqual } from 'node:crypto';
import type { Database, Db } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { usableCaller } from '../keys/keys.ts';
import type { Caller } from '../keys/schema.ts';
import { digest, makeSecret, readSecret } from '../keys/secret.ts';
import { approve, type Decided, reject } from '../loop/decide.ts';
import { insertLink, type LinkPlace, selectLink, useLink } from './link-queries.ts';

/**
 * A link that decides one proposal once. The address holds a secret in its fragment, which browsers send to nobody: the
 * page reads it, shows the proposal, and asks for the decision with it. What looks at links before people do decides nothing.
 */
export const LINK_HOURS = 24;

/** Who follows a link, and what for. */
export type LinkHolder = {
  caller: Caller;
  linkId: string;
  proposalId: string;
  webhook: string;
  expiresAt: Date;
};

/** @returns null when the webhook was changed since it was read, or is gone */
export async function makeLink(
  db: Db,
  base: string,
  webhook: LinkPlace,
  proposalId: string,
): Promise<string | null> {
  const { id, text } = makeSecret('opd');
  const link = { linkId: id, hash: digest(text), webhook, proposalId, hours: LINK_HOURS };
  return (await insertLink(db, link)) ? `${base}/decide#${text}` : null;
}

/** Finds the holder of a link; null when it is unknown, used, over, or its key may not decide any more. */
export function makeFindLink(database: Database, configured?: string) {
  return async function findLink(given: string): Promise<LinkHolder | null> {
    const secret = readSecret(given);
    const row = secret?.kind === 'opd' ? await selectLink(database, secret.id) : null;
    const matches = timingSafeEqual(digest(given), row?.secret_hash ?? Buffer.alloc(32));
    if (!row || !matches) return null;
    const caller = await usableCaller(database, row.links_by, configured !== undefined);
    if (!caller?.scopes.includes('approve')) return null;
    const { link_id: linkId, proposal_id: proposalId, webhook, expires_at: expiresAt } = row;
    return { caller, linkId, proposalId, webhook, expiresAt };
  };
}

/**
 * Decides, and uses the link up, in one transaction.
 * @throws AppError conflict when the link was used or somebody else has decided
 */
export function decideByLink(
  database: Database,
  { caller, linkId, proposalId, webhook }: LinkHolder,
  { decision, reason }: { decision: 'approve' | 'reject'; reason: string },
): Promise<Decided> {
  const given = {
    by: caller.by,
    reason: `${reason}${reason === '' ? '' : ' '}(by a link of the webhook ${webhook})`,
    alongside: async (tx: Db) => {
      if (!(await useLink(tx, linkId)))
        throw new AppError('conflict', 'This link has been used. Each decides once.');
    },
  };
  return decision === 'approve' ? approve(database, proposalId, given) : reject(database, proposalId, given);
}
