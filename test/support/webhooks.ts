import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import type { Caller } from '../../src/keys/schema.ts';
import { silentLog } from '../../src/log.ts';
import { collectOnce } from '../../src/webhooks/collect.ts';
import { callable, sendDue } from '../../src/webhooks/courier.ts';
import type { DeliverParts } from '../../src/webhooks/deliver.ts';
import { makeLink } from '../../src/webhooks/links.ts';
import { makePost } from '../../src/webhooks/post.ts';
import { type WebhookInput, WebhookInput as Input } from '../../src/webhooks/schema.ts';
import { makeSecrets } from '../../src/webhooks/secrets.ts';
import { storeWebhook } from '../../src/webhooks/store.ts';
import { getWebhook } from '../../src/webhooks/webhooks.ts';
import { type Answer, type Asked, startAnswering } from './http-answers.ts';
import { sealAll } from './loop.ts';

export const OPERATOR: Caller = {
  by: 'key:environment',
  keyId: 'environment',
  name: 'test',
  agentId: null,
  scopes: ['read', 'approve', 'admin'],
  kinds: null,
};

/** The parts of a courier that a test moves by hand; loopback is allowed, as config.json would. */
export function courierParts(database: Database, env: Record<string, string> = {}): DeliverParts {
  const home = mkdtempSync(join(tmpdir(), 'opsloop-webhooks-'));
  const post = makePost(['127.0.0.1'], 1_000);
  onTestFinished(() => post.close());
  return {
    database,
    post,
    base: 'https://ops.example',
    secrets: makeSecrets(home, (name) => env[name]),
    log: silentLog(),
  };
}

/** A receiver for one test; it answers as told, then with 200. */
export async function useReceiver(...answers: Answer[]) {
  const server = await startAnswering((asked) => answers.shift() ?? answerTo(asked));
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

function answerTo(_asked: Asked): Answer {
  return { status: 200, body: 'thanks' };
}

/** Stores a webhook that calls this receiver, and no other. */
export async function onlyWebhook(
  parts: DeliverParts,
  input: Partial<WebhookInput> & { url: string },
): Promise<{ secret: string | null }> {
  await parts.database.query('delete from ops_webhooks');
  const whole = Input.parse({
    name: 'phone',
    topics: ['proposal', 'mission.failed', 'cap', 'problem'],
    ...input,
  });
  const { signing_secret } = await storeWebhook(parts, whole, OPERATOR);
  return { secret: signing_secret };
}

/** The secret of a link of this webhook that decides the proposal. */
export async function linkOf(database: Database, webhook: string, proposalId: string): Promise<string> {
  const link = await makeLink(database, '', await getWebhook(database, webhook), proposalId);
  return link?.slice('/decide#'.length) ?? '';
}

/** What has happened becomes calls, and those that are due are sent. */
export async function callNow(parts: DeliverParts): Promise<void> {
  await sealAll(parts.database);
  while (await collectOnce(parts.database));
  await sendAllDue(parts);
}

/** @returns how many */
export async function sendAllDue(parts: DeliverParts): Promise<number> {
  let sent = 0;
  for (const webhook of await callable(parts)) sent += await sendDue(parts, webhook);
  return sent;
}

/** As if the time until the next tries had passed. */
export async function letTimePass(database: Database): Promise<void> {
  await database.query(`update ops_deliveries set next_at = clock_timestamp() where status = 'waiting'`);
}

export type CallRow = {
  status: string;
  topic: string;
  attempts: number;
  last_status: number | null;
  last_error: string | null;
  waits_ms: number;
};

export function callsIn(database: Database): Promise<CallRow[]> {
  return database.query<CallRow>(
    `select status, topic, attempts, last_status, last_error,
       (extract(epoch from next_at - clock_timestamp()) * 1000)::float8 as waits_ms
     from ops_deliveries order by delivery_id`,
  );
}
