import type { Db } from '../db/database.ts';

export async function insertLink(
  db: Db,
  link: { linkId: string; hash: Buffer; webhookId: string; proposalId: string; hours: number },
): Promise<void> {
  await db.query(
    `insert into ops_decision_links (link_id, secret_hash, webhook_id, proposal_id, expires_at)
     values ($1, $2, $3, $4, clock_timestamp() + make_interval(hours => $5))`,
    [link.linkId, link.hash, link.webhookId, link.proposalId, link.hours],
  );
}

export type LinkRow = {
  link_id: string;
  secret_hash: Buffer;
  proposal_id: string;
  expires_at: Date;
  webhook: string;
  links_by: string;
};

/** A link that can still be used, of a webhook that still gives such links. */
export async function selectLink(db: Db, linkId: string): Promise<LinkRow | null> {
  const [row] = await db.query<LinkRow>(
    `select l.link_id, l.secret_hash, l.proposal_id, l.expires_at, w.name as webhook, w.links_by
     from ops_decision_links l join ops_webhooks w on w.webhook_id = l.webhook_id
     where l.link_id = $1 and l.used_at is null and l.expires_at > clock_timestamp()
       and w.links_by is not null`,
    [linkId],
  );
  return row ?? null;
}

/** @returns false when somebody else has used it */
export async function useLink(tx: Db, linkId: string): Promise<boolean> {
  const rows = await tx.query(
    `update ops_decision_links set used_at = clock_timestamp()
     where link_id = $1 and used_at is null and expires_at > clock_timestamp() returning 1 as one`,
    [linkId],
  );
  return rows.length > 0;
}

/** The links of a webhook that are out decide nothing any more. */
export async function deleteLinksOf(tx: Db, webhookId: string): Promise<void> {
  await tx.query('delete from ops_decision_links where webhook_id = $1', [webhookId]);
}

/** @returns how many were forgotten */
export async function deleteOldLinks(db: Db): Promise<number> {
  const rows = await db.query(
    `delete from ops_decision_links where link_id in (
       select link_id from ops_decision_links where expires_at < clock_timestamp() limit 10000)
     returning 1 as one`,
  );
  return rows.length;
}
