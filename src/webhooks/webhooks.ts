import { isDeepStrictEqual } from 'node:util';
import type { Database, Db } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { usableCaller } from '../keys/keys.ts';
import type { Caller } from '../keys/schema.ts';
import { uuid7 } from '../lib/uuid7.ts';
import { insertDeliveries, reviveDelivery, selectDeliveries, selectDelivery } from './delivery-queries.ts';
import { deleteLinksOf } from './link-queries.ts';
import {
  anyActive,
  deleteWebhook,
  lockWebhook,
  selectTroubles,
  selectWebhook,
  selectWebhooks,
  skipToHead,
  type Trouble,
  upsertWebhook,
} from './queries.ts';
import {
  type DeliveryRow,
  type DeliveryState,
  NEEDED_OPTIONS,
  type WebhookInput,
  type WebhookRow,
} from './schema.ts';
import { type Secrets, signingSecretOf } from './secrets.ts';

/** A receiver that is away for a moment is no trouble yet. */
const FAILING_MINUTES = 10;

export function listWebhooks(db: Db): Promise<WebhookRow[]> {
  return selectWebhooks(db);
}

/** @throws AppError not_found */
export async function getWebhook(db: Db, name: string): Promise<WebhookRow> {
  return (await selectWebhook(db, name)) ?? thereIsNo(name);
}

function thereIsNo(name: string): never {
  throw new AppError('not_found', `There is no webhook "${name}"; \`opsloop webhooks\` lists them.`);
}

/**
 * Stores a webhook under its name, new or changed, in the caller's transaction.
 * @returns null when nothing is to be changed
 * @throws AppError invalid_request when an option is missing, forbidden when links are asked for by who cannot decide
 */
export async function putWebhook(tx: Db, input: WebhookInput, caller: Caller): Promise<WebhookRow | null> {
  const missing = NEEDED_OPTIONS[input.template].filter((name) => !(name in input.options));
  if (missing.length > 0)
    throw new AppError(
      'invalid_request',
      `options: the template ${input.template} needs ${missing.join(', ')}.`,
    );
  if (input.links && !caller.scopes.includes('approve'))
    throw new AppError(
      'forbidden',
      `Links decide as the key that made the webhook, so that key needs the scope approve; ${caller.keyId} has ${caller.scopes.join(', ')}.`,
    );
  const before = await lockWebhook(tx, input.name);
  const { links, ...rest } = input;
  const moves = before !== null && !isSamePlace(before, input);
  const linksBy = links ? ((moves ? null : await stillDeciding(tx, before)) ?? caller.keyId) : null;
  if (before && isSame(before, { ...rest, linksBy })) return null;
  if (!input.paused && !(await anyActive(tx))) await skipToHead(tx);
  // Links that are out decide as the key they were made for, for who received them, or not at all.
  if (before && (moves || linksBy !== before.links_by)) await deleteLinksOf(tx, before.webhook_id);
  return upsertWebhook(tx, before?.webhook_id ?? uuid7(), { ...rest, linksBy }, caller.by);
}

/** Whether calls go where they went: whoever sends links elsewhere is the one that they decide as. */
function isSamePlace(row: WebhookRow, { url, template, options }: WebhookInput): boolean {
  return isDeepStrictEqual([row.url, row.template, row.options], [url, template, options]);
}

/** The key that its links decide as, as long as it may: whoever changes something else does not take its place. */
async function stillDeciding(tx: Db, before: WebhookRow | null): Promise<string | null> {
  const owner = before?.links_by ? await usableCaller(tx, before.links_by, true) : null;
  return owner?.scopes.includes('approve') ? owner.keyId : null;
}

function isSame(row: WebhookRow, input: Omit<WebhookInput, 'links'> & { linksBy: string | null }): boolean {
  const { url, template, options, topics, agents, paused, links_by } = row;
  const { linksBy, name: _, ...given } = input;
  return isDeepStrictEqual(
    { url, template, options, topics, agents, paused, linksBy: links_by },
    { ...given, linksBy },
  );
}

/** Removes it and its calls, in the caller's transaction. @throws AppError not_found */
export async function dropWebhook(tx: Db, name: string, by: string): Promise<WebhookRow> {
  return (await deleteWebhook(tx, name, by)) ?? getWebhook(tx, name);
}

/** Its calls go with it, and the secret that its calls were signed with. @throws AppError not_found */
export async function removeWebhook(
  { database, secrets }: { database: Database; secrets: Secrets },
  name: string,
  by: string,
): Promise<WebhookRow> {
  const removed = await database.transaction(async (tx) => {
    const row = await dropWebhook(tx, name, by);
    // Right before the commit: one that is cut off here can be done again, and nobody makes a new secret meanwhile.
    await secrets.remove(signingSecretOf(name));
    return row;
  });
  database.hints.tell('events');
  return removed;
}

/** Sends one call that says it is a test. @throws AppError not_found, or conflict when it is paused */
export async function testWebhook(database: Database, name: string): Promise<{ delivery_id: string }> {
  const { webhook_id, paused } = await getWebhook(database, name);
  if (paused) throw new AppError('conflict', `The webhook ${name} is paused; set it again to send a test.`);
  const delivery_id = uuid7();
  const about = { at: new Date().toISOString(), proposal_id: null, agent_id: null };
  const call = { delivery_id, webhook_id, topic: 'test', about, event_id: null };
  if ((await insertDeliveries(database, [call])) === 0) thereIsNo(name);
  database.hints.tell('webhooks');
  return { delivery_id };
}

/** A page of its calls, the newest first. @throws AppError not_found */
export async function listDeliveries(
  db: Db,
  name: string,
  page: { status: DeliveryState | undefined; beforeId: string | null; limit: number },
): Promise<{ deliveries: DeliveryRow[]; next: string | null }> {
  const { webhook_id: webhookId } = await getWebhook(db, name);
  const found = await selectDeliveries(db, { webhookId, ...page, limit: page.limit + 1 });
  const deliveries = found.slice(0, page.limit);
  return { deliveries, next: found.length > page.limit ? (deliveries.at(-1)?.delivery_id ?? null) : null };
}

/** Tries a call that was given up anew. @throws AppError not_found, or conflict when it was not given up */
export async function retryDelivery(database: Database, id: string): Promise<DeliveryRow> {
  const row = await reviveDelivery(database, id);
  if (row) {
    database.hints.tell('webhooks');
    return row;
  }
  const found = await selectDelivery(database, id);
  if (!found) throw new AppError('not_found', `There is no call ${id}.`);
  throw new AppError(
    'conflict',
    `This call is ${found.status}; only one that was given up (dead) is tried anew.`,
  );
}

/** What does not get through, by webhook, as sentences for people. */
export async function webhookProblems(db: Db): Promise<{ name: string; message: string }[]> {
  return (await selectTroubles(db, FAILING_MINUTES)).map((trouble) => ({
    name: trouble.name,
    message: explain(trouble),
  }));
}

function explain({ name, paused, last_error, minutes, untried, dead }: Trouble): string {
  if (paused) return `The webhook ${name} calls nobody any more: ${last_error ?? ''}; set it again to go on.`;
  if ((minutes ?? 0) >= FAILING_MINUTES)
    return `The webhook ${name} fails since ${minutes} min: ${last_error ?? ''}`;
  if ((untried ?? 0) >= FAILING_MINUTES)
    return `A call of the webhook ${name} waits since ${untried} min and no server sends it: is a secret missing? \`opsloop doctor\` says which.`;
  return `The webhook ${name} gave up ${dead} calls in the last day; \`opsloop webhooks calls ${name} --status dead\` shows them.`;
}
