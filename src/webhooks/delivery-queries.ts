import type { Db } from '../db/database.ts';
import type { About, DeliveryRow, DeliveryState, WebhookRow } from './schema.ts';

/** The place of the log up to which events are deliveries, locked; null while another process is at it. */
export async function tryLockPlace(tx: Db): Promise<number | null> {
  const [row] = await tx.query<{ seq: number }>(
    'select seq from ops_webhook_place for update skip locked',
    [],
    'opsloop_webhook_place',
  );
  return row?.seq ?? null;
}

export async function movePlace(tx: Db, seq: number): Promise<void> {
  await tx.query('update ops_webhook_place set seq = $1', [seq]);
}

export type Happening = {
  id: number;
  kind: string;
  payload: Record<string, unknown> | null;
  created_at: Date;
  entity_id: string | null;
  proposal_id: string | null;
  agent_id: string | null;
};

/** Those of these events that can be of interest, with the agent of their proposal. */
export function selectHappenings(db: Db, ids: number[], kinds: readonly string[]): Promise<Happening[]> {
  return db.query<Happening>(
    `select e.id, e.kind, e.payload, e.created_at, e.entity_id, e.proposal_id, p.agent_id
     from (select * from ops_events where id = any ($1::bigint[]) and kind = any ($2::text[])) as e
     left join lateral (select agent_id from ops_proposals where id = e.proposal_id limit 1) as p on true
     order by e.id`,
    [ids, kinds],
    'opsloop_happenings',
  );
}

export type NewDelivery = {
  delivery_id: string;
  webhook_id: string;
  topic: string;
  about: About;
  /** Null: a test. */
  event_id: number | null;
};

/** @returns how many are new; of a webhook that was removed meanwhile there are none */
export async function insertDeliveries(tx: Db, deliveries: NewDelivery[]): Promise<number> {
  if (deliveries.length === 0) return 0;
  const rows = await tx.query(
    `with given as (
       select * from jsonb_to_recordset($1::jsonb) as given
         (delivery_id uuid, webhook_id uuid, topic text, about jsonb, event_id bigint)),
     there as (
       select webhook_id from ops_webhooks where webhook_id in (select webhook_id from given) for key share)
     insert into ops_deliveries (delivery_id, webhook_id, topic, about, event_id)
     select delivery_id, webhook_id, topic, about, event_id from given join there using (webhook_id)
     on conflict (webhook_id, event_id) do nothing
     returning 1 as one`,
    [JSON.stringify(deliveries)],
  );
  return rows.length;
}

export type Due = DeliveryRow & { claim_id: string; webhook: WebhookRow };

/** Takes calls of a webhook that are due; others may take them when we died. */
export function claimDue(
  db: Db,
  webhookId: string,
  limit: number,
  seconds: number,
): Promise<Omit<Due, 'webhook'>[]> {
  return db.query<Omit<Due, 'webhook'>>(
    `with due as materialized (
       select delivery_id from ops_deliveries
       where status = 'waiting' and next_at <= clock_timestamp() and webhook_id = $1
         and (claimed_until is null or claimed_until < clock_timestamp())
       order by next_at limit $2 for update skip locked)
     update ops_deliveries d set claim_id = gen_random_uuid(), attempts = attempts + 1,
       claimed_until = clock_timestamp() + make_interval(secs => $3)
     from due where d.delivery_id = due.delivery_id returning d.*`,
    [webhookId, limit, seconds],
    'opsloop_deliveries_claim',
  );
}

/** How a try ended. A claim that was lost writes nothing. @returns whether it was written */
export async function endTry(
  tx: Db,
  { delivery_id, claim_id }: Pick<Due, 'delivery_id' | 'claim_id'>,
  end: { status: DeliveryState; retryInMs: number; httpStatus: number | null; error: string | null },
): Promise<boolean> {
  const rows = await tx.query(
    `update ops_deliveries set status = $3, claim_id = null, claimed_until = null,
       next_at = clock_timestamp() + $4 * interval '1 ms', last_status = $5, last_error = $6,
       ended_at = case when $3 <> 'waiting' then clock_timestamp() end
     where delivery_id = $1 and claim_id = $2 returning 1 as one`,
    [delivery_id, claim_id, end.status, Math.round(end.retryInMs), end.httpStatus, end.error],
  );
  return rows.length > 0;
}

/** Nobody is called any more for this one: an event, because somebody may have waited for the call. */
export async function tellGivenUp(tx: Db, delivery: DeliveryRow, error: string): Promise<void> {
  await tx.query(
    `insert into ops_events (kind, source, entity, entity_id, payload)
     values ('webhook.gave_up', 'webhooks', 'webhook', $1, jsonb_build_object(
       'cause', jsonb_build_object('by', 'webhooks', 'reason', $2::text),
       'delivery_id', $3::text, 'topic', $4::text, 'attempts', $5::integer))`,
    [delivery.webhook_id, error, delivery.delivery_id, delivery.topic, delivery.attempts],
  );
}

/** Milliseconds until the next call of these webhooks is due; null when none waits. */
export async function nextDueMs(db: Db, webhookIds: string[]): Promise<number | null> {
  const [row] = await db.query<{ ms: number | null }>(
    `select extract(epoch from min(greatest(next_at, coalesce(claimed_until, next_at))) - clock_timestamp())::float8
       * 1000 as ms
     from ops_deliveries where status = 'waiting' and webhook_id = any ($1::uuid[])`,
    [webhookIds],
    'opsloop_deliveries_next',
  );
  return row?.ms ?? null;
}

/** The newest first. */
export function selectDeliveries(
  db: Db,
  given: { webhookId: string; status: DeliveryState | undefined; beforeId: string | null; limit: number },
): Promise<DeliveryRow[]> {
  return db.query<DeliveryRow>(
    `select delivery_id, webhook_id, topic, about, status, attempts, next_at, last_status, last_error, created_at, ended_at
     from ops_deliveries
     where webhook_id = $1 and ($2::text is null or status = $2) and ($3::uuid is null or delivery_id < $3)
     order by delivery_id desc limit $4`,
    [given.webhookId, given.status ?? null, given.beforeId, given.limit],
  );
}

/** A call that was given up is tried anew, from the first try on. */
export async function reviveDelivery(tx: Db, id: string): Promise<DeliveryRow | null> {
  const [row] = await tx.query<DeliveryRow>(
    `update ops_deliveries set status = 'waiting', attempts = 0, next_at = clock_timestamp(), ended_at = null
     where delivery_id = $1 and status = 'dead'
     returning delivery_id, webhook_id, topic, about, status, attempts, next_at, last_status, last_error, created_at, ended_at`,
    [id],
  );
  return row ?? null;
}

export async function selectDelivery(db: Db, id: string): Promise<{ status: DeliveryState } | null> {
  const [row] = await db.query<{ status: DeliveryState }>(
    'select status from ops_deliveries where delivery_id = $1',
    [id],
  );
  return row ?? null;
}

/** Forgets calls that ended long ago: those that were given up later than the others. @returns how many */
export async function deleteOldDeliveries(db: Db): Promise<number> {
  const rows = await db.query(
    `delete from ops_deliveries where delivery_id in (
       select delivery_id from ops_deliveries where status <> 'waiting' and ended_at < clock_timestamp()
         - case when status = 'dead' then interval '30 days' else interval '7 days' end limit 10000)
     returning 1 as one`,
  );
  return rows.length;
}
