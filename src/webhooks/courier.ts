import type { Database } from '../db/database.ts';
import { toError } from '../errors.ts';
import { jittered } from '../lib/backoff.ts';
import { makeWake, sleep } from '../lib/wake.ts';
import type { Log } from '../log.ts';
import { collectOnce } from './collect.ts';
import { deliver, type DeliverParts } from './deliver.ts';
import { claimDue, nextDueMs } from './delivery-queries.ts';
import { makePost } from './post.ts';
import { anyActive, selectWebhook, selectWebhooks } from './queries.ts';
import type { WebhookRow } from './schema.ts';
import { type Secrets, secretsOf } from './secrets.ts';

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
/** At the end, for calls that are under way: one that is broken off may have arrived and is made again. */
const GRACE_MS = 2_000;
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
  const sendBeside = async (webhook: WebhookRow) => {
    try {
      // What failed is due again, maybe soon, and what came meanwhile was passed over.
      if ((await sendDue(parts, webhook, closing.signal)) > 0) wake.call();
    } catch (error) {
      log.warn({ err: toError(error).message }, 'calls to a webhook wait');
    }
    sending.delete(webhook.webhook_id);
  };

  const round = async (): Promise<number> => {
    if (!(await anyActive(database))) return IDLE_POLL_MS;
    while (await collectOnce(database)) if (closing.signal.aborted) return 0;
    const idle = (await callable(parts)).filter(({ webhook_id }) => !sending.has(webhook_id));
    const next = await nextDueMs(
      database,
      idle.map(({ webhook_id }) => webhook_id),
    );
    for (const webhook of idle) sending.set(webhook.webhook_id, sendBeside(webhook));
    // What is due already is sent now, and its end is a wake-up.
    return next === null || next <= 0 ? POLL_MS : Math.min(POLL_MS, Math.max(REST_MS, next));
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
      await loop;
      const ended = Promise.all(sending.values());
      await Promise.race([ended, sleep(GRACE_MS)]);
      await post.close();
      await ended;
    },
  };
}

/** Sends the calls of one webhook that are due, until none is. @returns how many */
export async function sendDue(
  parts: DeliverParts,
  webhook: WebhookRow,
  signal?: AbortSignal,
): Promise<number> {
  for (let sent = 0; ; ) {
    // Paused, changed or removed meanwhile: the next round knows how it goes on.
    const now = await selectWebhook(parts.database, webhook.name);
    if (signal?.aborted || !now || now.paused || +now.updated_at !== +webhook.updated_at) return sent;
    const atOnce = now.failing_since === null ? AT_ONCE : 1;
    const due = await claimDue(parts.database, now.webhook_id, atOnce, CLAIM_SECONDS);
    await Promise.all(due.map((delivery) => deliver(parts, { ...delivery, webhook: now })));
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
      const has = await Promise.all(secretsOf(webhook).map((name) => secrets.has(name)));
      return has.every(Boolean) ? [webhook] : [];
    }),
  );
  return mine.flat();
}
