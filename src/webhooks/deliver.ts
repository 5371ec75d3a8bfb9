import type { Database } from '../db/database.ts';
import { toError } from '../errors.ts';
import { jittered } from '../lib/backoff.ts';
import type { Log } from '../log.ts';
import { type Due, endTry, tellGivenUp } from './delivery-queries.ts';
import { type Filled, fillWebhook } from './fill.ts';
import { makeLink } from './links.ts';
import { composeMessage } from './message.ts';
import type { Post, Receipt } from './post.ts';
import { noteHealth, pauseWebhook } from './queries.ts';
import type { Secrets } from './secrets.ts';
import { signedHeaders } from './sign.ts';
import { FORMS } from './templates/all.ts';

export type DeliverParts = { database: Database; secrets: Secrets; base: string; post: Post; log: Log };

const SECOND = 1_000;
const HOUR = 3_600_000;
/** After each failed try; when they are used up the call is given up, after a day and a half. */
const RETRIES_MS = [
  2 * SECOND,
  10 * SECOND,
  60 * SECOND,
  300 * SECOND,
  HOUR / 2,
  2 * HOUR,
  8 * HOUR,
  24 * HOUR,
];
/** The receiver does not want to be called any more. */
const GONE = 410;

/** Sends one call and writes how it went. Never throws: what cannot be written is tried again when its claim is over. */
export async function deliver(parts: DeliverParts, due: Due): Promise<void> {
  const { database, log } = parts;
  try {
    const receipt = await send(parts, due);
    if (receipt === 'needless') return void (await endTry(database, due, ended('skipped')));
    if (receipt.ok) await succeed(database, due, receipt.status);
    else await fail(parts, due, receipt);
  } catch (error) {
    log.warn({ err: toError(error).message, webhook: due.webhook.name }, 'a call could not be finished');
  }
}

async function send(
  { database, secrets, base, post }: DeliverParts,
  due: Due,
): Promise<Receipt | 'needless'> {
  const { webhook } = due;
  let isChanged = false;
  const message = await composeMessage(database, due, {
    base,
    async decide(proposalId) {
      if (webhook.links_by === null) return null;
      const link = await makeLink(database, base, webhook, proposalId);
      isChanged = link === null;
      return link;
    },
  });
  if (message === null) return 'needless';
  if (isChanged)
    return { ok: false, status: null, error: 'the webhook was changed meanwhile', retryAfterMs: null };
  let filled: Filled;
  try {
    filled = await fillWebhook(secrets, webhook);
  } catch (error) {
    return { ok: false, status: null, error: toError(error).message, retryAfterMs: null };
  }
  const body = JSON.stringify(FORMS[webhook.template](message, filled.options));
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'opsloop',
    ...signedHeaders(due.delivery_id, new Date(), body, filled.signedWith),
  };
  return post.send(filled.url, headers, body, filled.secrets);
}

function ended(status: 'delivered' | 'skipped', httpStatus: number | null = null) {
  return { status, retryInMs: 0, httpStatus, error: null };
}

async function succeed(database: Database, due: Due, status: number): Promise<void> {
  await database.transaction(async (tx) => {
    if (await endTry(tx, due, ended('delivered', status))) await noteHealth(tx, due.webhook_id, null);
  });
}

async function fail(
  { database, log }: DeliverParts,
  due: Due,
  { status, error, retryAfterMs }: Extract<Receipt, { ok: false }>,
): Promise<void> {
  const rest = RETRIES_MS[due.attempts - 1];
  const isOver = rest === undefined || status === GONE;
  const retryInMs = rest === undefined ? 0 : Math.max(jittered(rest), retryAfterMs ?? 0);
  const told = { webhook: due.webhook.name, topic: due.topic, attempts: due.attempts, error };
  if (isOver) log.warn(told, 'a call was given up');
  else log.info({ ...told, retryInMs }, 'a call failed and is tried again');
  await database.transaction(async (tx) => {
    const end = {
      status: isOver ? ('dead' as const) : ('waiting' as const),
      retryInMs,
      httpStatus: status,
      error,
    };
    if (!(await endTry(tx, due, end))) return;
    await noteHealth(tx, due.webhook_id, error);
    if (isOver) await tellGivenUp(tx, due, error);
    if (status === GONE)
      await pauseWebhook(tx, due.webhook_id, 'the receiver says that it is gone (HTTP 410)');
  });
  if (isOver) database.hints.tell('events');
}
