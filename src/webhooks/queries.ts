import type { Db } from '../db/database.ts';
import type { WebhookInput, WebhookRow } from './schema.ts';

export function selectWebhooks(db: Db): Promise<WebhookRow[]> {
  return db.query<WebhookRow>('select * from ops_webhooks order by name');
}

export async function selectWebhook(db: Db, name: string): Promise<WebhookRow | null> {
  const [row] = await db.query<WebhookRow>('select * from ops_webhooks where name = $1', [name]);
  return row ?? null;
}

/** The same, and until the transaction ends nobody else changes it or makes links of it. */
export async function lockWebhook(tx: Db, name: string): Promise<WebhookRow | null> {
  const sql = 'select * from ops_webhooks where name = $1 for no key update';
  const [row] = await tx.query<WebhookRow>(sql, [name]);
  return row ?? null;
}

/** Whether there is anything to do: a webhook that is not paused. */
export async function anyActive(db: Db): Promise<boolean> {
  const [row] = await db.query<{ any: boolean }>(
    'select exists (select from ops_webhooks where not paused) as any',
    [],
    'opsloop_webhooks_any',
  );
  return row?.any ?? false;
}

/** Stores one under its name, new or changed, with its event. */
export async function upsertWebhook(
  tx: Db,
  id: string,
  input: Omit<WebhookInput, 'links'> & { linksBy: string | null },
  by: string,
): Promise<WebhookRow> {
  const [row] = await tx.query<WebhookRow>(
    `with before as materialized (select * from ops_webhooks where name = $2),
     stored as (
       insert into ops_webhooks (webhook_id, name, url, template, options, topics, agents, links_by, paused, created_by)
       values ($1, $2, $3, $4, $5::jsonb, $6::text[], $7::text[], $8, $9, $10)
       on conflict (name) do update set url = excluded.url, template = excluded.template, options = excluded.options,
         topics = excluded.topics, agents = excluded.agents, links_by = excluded.links_by, paused = excluded.paused,
         failing_since = null, last_error = null, updated_at = now()
       returning *),
     event as (
       insert into ops_events (kind, source, entity, entity_id, payload)
       select case when exists (select from before) then 'webhook.changed' else 'webhook.created' end, 'webhooks',
         'webhook', webhook_id::text, jsonb_build_object('cause', jsonb_build_object('by', $10::text), 'set',
           jsonb_build_object('name', name, 'url', url, 'template', template, 'options', options, 'topics', topics,
             'agents', agents, 'links_by', links_by, 'paused', paused))
       from stored)
     select * from stored`,
    [
      id,
      input.name,
      input.url,
      input.template,
      JSON.stringify(input.options),
      input.topics,
      input.agents,
      input.linksBy,
      input.paused,
      by,
    ],
  );
  if (!row) throw new Error('an insert returned no row');
  return row;
}

export async function deleteWebhook(tx: Db, name: string, by: string): Promise<WebhookRow | null> {
  const [row] = await tx.query<WebhookRow>(
    `with gone as (delete from ops_webhooks where name = $1 returning *),
     event as (
       insert into ops_events (kind, source, entity, entity_id, payload)
       select 'webhook.removed', 'webhooks', 'webhook', webhook_id::text,
         jsonb_build_object('cause', jsonb_build_object('by', $2::text), 'set', jsonb_build_object('name', name))
       from gone)
     select * from gone`,
    [name, by],
  );
  return row ?? null;
}

/** Events of before the first webhook are nobody's concern. */
export async function skipToHead(tx: Db): Promise<void> {
  await tx.query(
    `update ops_webhook_place set seq = coalesce(
       (select last_seq from ops_event_batches order by last_seq desc limit 1), 0)`,
  );
}

/** What stopped a receiver from answering, or that it answers again. */
export async function noteHealth(tx: Db, webhookId: string, error: string | null): Promise<void> {
  await tx.query(
    `update ops_webhooks set last_error = $2,
       failing_since = case when $2::text is null then null else coalesce(failing_since, clock_timestamp()) end
     where webhook_id = $1 and not paused and (failing_since is not null or $2::text is not null)`,
    [webhookId, error],
  );
}

/** A receiver that said it is gone is not called any more. */
export async function pauseWebhook(tx: Db, webhookId: string, reason: string): Promise<void> {
  await tx.query(
    `with paused as (
       update ops_webhooks set paused = true, last_error = $2, updated_at = now()
       where webhook_id = $1 and not paused returning *)
     insert into ops_events (kind, source, entity, entity_id, payload)
     select 'webhook.changed', 'webhooks', 'webhook', webhook_id::text, jsonb_build_object(
       'cause', jsonb_build_object('by', 'webhooks', 'reason', $2::text), 'set', jsonb_build_object('paused', true))
     from paused`,
    [webhookId, reason],
  );
}

export type Trouble = {
  name: string;
  /** By its receiver; what an operator paused is no trouble. */
  paused: boolean;
  last_error: string | null;
  /** For how long it fails. */
  minutes: number | null;
  /** For how long nobody even tried to send a call. */
  untried: number | null;
  dead: number;
};

/** Webhooks that do not get through: gone, failing or left alone for a while, or with calls given up in the last day. */
export function selectTroubles(db: Db, failingMinutes: number): Promise<Trouble[]> {
  return db.query<Trouble>(
    `select * from (
       select w.name, w.paused, w.last_error,
         floor(extract(epoch from clock_timestamp() - w.failing_since) / 60)::integer as minutes,
         (select floor(extract(epoch from clock_timestamp() - min(d.created_at)) / 60)::integer from ops_deliveries d
          where d.webhook_id = w.webhook_id and d.status = 'waiting' and d.attempts = 0) as untried,
         (select count(*) from ops_deliveries d where d.webhook_id = w.webhook_id and d.status = 'dead'
            and d.ended_at > clock_timestamp() - interval '1 day')::integer as dead
       from ops_webhooks w where not w.paused or w.failing_since is not null) as w
     where paused or minutes >= $1 or untried >= $1 or dead > 0 order by name`,
    [failingMinutes],
  );
}
