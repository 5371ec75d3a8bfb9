import type { Database } from '../db/database.ts';
import { nextSealedIds } from '../events/events.ts';
import { uuid7 } from '../lib/uuid7.ts';
import {
  type Happening,
  insertDeliveries,
  movePlace,
  type NewDelivery,
  selectHappenings,
  tryLockPlace,
} from './delivery-queries.ts';
import { selectWebhooks } from './queries.ts';
import { type About, wants, type WebhookRow } from './schema.ts';

/** The events that can become calls. */
const KINDS = ['proposal.created', 'proposal.waiting', 'mission.failed', 'alert.raised', 'alert.cleared'];
const MOST_EVENTS = 5_000;

/**
 * Makes calls of what happened: of each sealed event one for each webhook that wants it, in the transaction that moves
 * the place. So an event becomes its calls once, however many processes do this and wherever they are killed.
 * @returns whether there may be more
 */
export function collectOnce(database: Database): Promise<boolean> {
  return database.transaction(async (tx) => {
    const place = await tryLockPlace(tx);
    if (place === null) return false;
    const next = await nextSealedIds(tx, place, MOST_EVENTS);
    if (!next) return false;
    const webhooks = (await selectWebhooks(tx)).filter(({ paused }) => !paused);
    const happenings = webhooks.length === 0 ? [] : await selectHappenings(tx, next.ids, KINDS);
    await insertDeliveries(
      tx,
      happenings.flatMap((one) => callsFor(one, webhooks)),
    );
    await movePlace(tx, next.throughSeq);
    return next.ids.length >= MOST_EVENTS;
  });
}

function callsFor(happening: Happening, webhooks: WebhookRow[]): NewDelivery[] {
  const told = tell(happening);
  if (told === null) return [];
  return webhooks
    .filter((webhook) => webhook.created_at <= happening.created_at)
    .filter((webhook) => wants(webhook, told.topic, told.about.agent_id))
    .map(({ webhook_id }) => ({ delivery_id: uuid7(), webhook_id, event_id: happening.id, ...told }));
}

type Facts = {
  set?: {
    decision?: { action?: string };
    failure?: { class?: string; message?: string };
    topic?: string;
    message?: string;
  };
  minutes?: number;
};

/** What an event tells of, where that is of interest. */
function tell(
  happening: Pick<Happening, 'kind' | 'payload' | 'created_at' | 'entity_id' | 'proposal_id' | 'agent_id'>,
): { topic: string; about: About } | null {
  const { kind, created_at, entity_id, proposal_id, agent_id } = happening;
  const { set = {}, minutes } = (happening.payload ?? {}) as Facts;
  const about: About = { at: created_at.toISOString(), proposal_id, agent_id };
  switch (kind) {
    case 'proposal.created':
      return set.decision?.action === 'admitted' ? { topic: 'proposal.pending', about } : null;
    case 'proposal.waiting':
      return { topic: kind, about: { ...about, ...(minutes === undefined ? {} : { minutes }) } };
    case 'mission.failed':
      if (set.failure?.class === 'cancelled') return null;
      return {
        topic: kind,
        about: { ...about, mission_id: entity_id ?? '', message: set.failure?.message ?? '' },
      };
    case 'alert.raised':
      return { topic: set.topic ?? 'problem', about: { ...about, message: set.message ?? '' } };
    case 'alert.cleared':
      // Caps are over every night.
      return set.topic?.startsWith('problem')
        ? { topic: set.topic.replace('problem', 'solved'), about: { ...about, message: set.message ?? '' } }
        : null;
    default:
      return null;
  }
}
