import type { Database } from '../db/database.ts';
import { toError } from '../errors.ts';
import { jittered } from '../lib/backoff.ts';
import { makeWake, sleep } from '../lib/wake.ts';
import type { Log } from '../log.ts';
import { collectOnce } from './collect.ts';
import { deliver, type DeliverParts } from './deliver.ts';
import { claimDue, nextDueMs } from './delivery-queries.ts';
import { makePost } from './post.ts';
import { anyActive, selectWebhooks } from './queries.ts';
import { secretsIn, type WebhookRow } from './schema.ts';
import type { Secrets } from './secrets.ts';

export type Courier = { close(): Promise<void> };

export type CourierOptions = {
  database: Database;
  secrets: Secrets;
  /** What the links in messages begin with. */
  base: string;
  /** Hosts that may be called although they are not on the public internet. */
  allow: readonly string[];
  log: Log;
};

/** Calls to one receiver at a time; to one that fails, one. */
const AT_ONCE = 4;
/** Longer than a try takes, so that nobody else begins it meanwhile. */
const CLAIM_SECONDS = 60;
const POLL_MS = 5_000;
const IDLE_POLL_MS = 30_000;
/** A burst of events becomes one look at the log. */
const REST_MS = 250;

/**
 * Turns what happened into calls and sends them, apart from everything else: a receiver that is away costs the loop
 * nothing and holds up no other receiver, and no call is lost when we die. Every process runs one; each call is sent by
 * one of them at a time.
 */
export function startCourier(options: CourierOptions): Courier {
  const { database } = options;
  const log = options.log.child({ part: 'webhooks' });
  const closing = new AbortController();
  const wake = makeWake();
  const stopHints = [database.hints.on('sealed', wake.call), database.hints.on('webhooks', wake.call)];
  const post = makePost(options.allow);
  const parts = { ...options, log, post };
  const sending = new Map<string, Promise<void>>();

  /** Beside the round, so that who answers slowly delays nobody else. */
  const beginSending = (webhook: WebhookRow) => {
    const id = webhook.webhook_id;
    if (sending.has(id)) return;
    const task = sendDue(parts, webhook, closing.signal)
      .then(() => undefined)
      .catch((error: unknown) => log.warn({ err: toError(error).message }, 'calls to a webhook wait'))
      .finally(() => sending.delete(id));
    sending.set(id, task);
  };

  const round = async (): Promise<number> => {
    if (!(await anyActive(database))) return IDLE_POLL_MS;
    while (await collectOnce(database)) if (closing.signal.aborted) return 0;
    const mine = await callable(parts);
    for (const webhook of mine) beginSending(webhook);
    const idle = mine.map(({ webhook_id }) => webhook_id).filter((id) => !sending.has(id));
    return Math.min(POLL_MS, Math.max(REST_MS, (await nextDueMs(database, idle)) ?? POLL_MS));
  };

  const loop = (async () => {
    for (let failing = false; !closing.signal.aborted; ) {
      let rest = POLL_MS;
      try {
        rest = await round();
        failing = false;
      } catch (error) {
        if (!failing) log.warn({ err: toError(error).message }, 'calls to webhooks wait');
        failing = true;
      }
      await sleep(REST_MS, closing.signal);
      await wake.wait(jittered(rest), closing.signal);
    }
  })();

  return {
    async close() {
      closing.abort();
      for (const stop of stopHints) stop();
      await post.close();
      await loop;
      await Promise.all(sending.values());
    },
  };
}

/** Sends the calls of one webhook that are due, until none is. @returns how many */
export async function sendDue(
  parts: DeliverParts,
  webhook: WebhookRow,
  signal?: AbortSignal,
): Promise<number> {
  const atOnce = webhook.failing_since === null ? AT_ONCE : 1;
  for (let sent = 0; ; ) {
    if (signal?.aborted) return sent;
    const due = await claimDue(parts.database, webhook.webhook_id, atOnce, CLAIM_SECONDS);
    await Promise.all(due.map((delivery) => deliver(parts, { ...delivery, webhook })));
    sent += due.length;
    if (due.length < atOnce) return sent;
  }
}

/** Those whose secrets this machine has; where one is missing, another machine may have it. */
export async function callable({
  database,
  secrets,
}: Pick<DeliverParts, 'database' | 'secrets'>): Promise<WebhookRow[]> {
  const webhooks = (await selectWebhooks(database)).filter(({ paused }) => !paused);
  const mine = await Promise.all(
    webhooks.map(async (webhook) => {
      const has = await Promise.all(secretsIn(webhook.url).map((name) => secrets.has(name)));
      return has.every(Boolean) ? [webhook] : [];
    }),
  );
  return mine.flat();
}
