import type { Db } from '../db/database.ts';
import type { WebhookRow } from './schema.ts';

/** Where a link goes, and as whom it decides. */
export type LinkPlace = Pick<WebhookRow, 'webhook_id' | 'url' | 'template' | 'options' | 'links_by'>;

/** @returns false when its webhook was changed since it was read, or is gone: no link is to go there any more */
export async function insertLink(
  db: Db,
  link: {
    linkId: string;
    hash: Buffer;
    webhook: LinkPlace;
    proposalId: string;
    hours: number;
  },
): Promise<boolean> {
  const { webhook_id, url, template, options, links_by } = link.webhook;
  const rows = await db.query(
    `insert into ops_decision_links (link_id, secret_hash, webhook_id, proposal_id, expires_at)
     select $1, $2, webhook_id, $4, clock_timestamp() + make_interval(hours => $5)
     from ops_webhooks
     where webhook_id = $3 and (url, template, options, links_by) = ($6, $7, $8::jsonb, $9) for share
     returning 1 as one`,
    [
      link.linkId,
      link.hash,
      webhook_id,
      link.proposalId,
      link.hours,
      url,
      template,
      JSON.stringify(options),
      links_by,
    ],
  );
  return rows.length > 0;
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
