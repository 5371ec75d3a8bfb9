import { expect, test } from 'vitest';
import { collectOnce } from '../../src/webhooks/collect.ts';
import { deliver } from '../../src/webhooks/deliver.ts';
import { claimDue } from '../../src/webhooks/delivery-queries.ts';
import { makeLink } from '../../src/webhooks/links.ts';
import { WebhookInput } from '../../src/webhooks/schema.ts';
import { makeSecrets } from '../../src/webhooks/secrets.ts';
import { storeWebhook } from '../../src/webhooks/store.ts';
import { getWebhook, putWebhook, removeWebhook, testWebhook } from '../../src/webhooks/webhooks.ts';
import { useDatabase } from '../support/database.ts';
import { holding } from '../support/holding.ts';
import { eventually, openPolicy, proposer, sealAll } from '../support/loop.ts';
import { emptyHome } from '../support/sealed-log.ts';
import {
  courierParts,
  letTimePass,
  onlyWebhook,
  OPERATOR,
  sendAllDue,
  useReceiver,
} from '../support/webhooks.ts';

const db = useDatabase();
const put = (name: string, more: object = {}) => {
  const given = { name, url: 'https://ops.example/', topics: ['proposal.pending'], links: true, ...more };
  return db.database.transaction((tx) => putWebhook(tx, WebhookInput.parse(given), OPERATOR));
};

/** Begins while a statement of somebody else is not committed, and ends after it is. */
async function during<T>(statement: string, values: unknown[], begin: () => Promise<T>): Promise<T> {
  const commit = await holding(db.database, statement, values);
  const running = begin();
  running.catch(() => undefined);
  await eventually(async () => {
    const waiting = await db.database.query(
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    return waiting.length > 0;
  });
  await commit();
  return running;
}

const REMOVE = 'delete from ops_webhooks where name = $1';

test('a test of a webhook that is removed meanwhile says that there is none', async () => {
  await put('going');
  await expect(during(REMOVE, ['going'], () => testWebhook(db.database, 'going'))).rejects.toMatchObject({
    code: 'not_found',
  });
});

test('of two webhooks of which one is removed meanwhile the other gets its calls', async () => {
  await put('stays');
  await put('goes');
  await openPolicy(db.database);
  await proposer(db.database)({ kind: 'deploy' });
  await sealAll(db.database);
  await during(REMOVE, ['goes'], () => collectOnce(db.database));
  expect(
    await db.database.query('select name from ops_deliveries join ops_webhooks using (webhook_id)'),
  ).toEqual([{ name: 'stays' }]);
});

test('no link is made for a place that its webhook calls no more', async () => {
  await put('moves');
  const { proposal } = await proposer(db.database)({ kind: 'deploy' });
  const before = await getWebhook(db.database, 'moves');
  const link = () => makeLink(db.database, '', before, proposal.id);
  const move = `update ops_webhooks set url = 'https://moved.example/' where name = $1`;
  expect(await during(move, ['moves'], link)).toBeNull();
  expect(await link()).toBeNull();
});

test('a call that was about to go to the old place is tried again at the new one', async () => {
  const parts = courierParts(db.database);
  const [old, next] = [await useReceiver(), await useReceiver()];
  await onlyWebhook(parts, { url: old.url, links: true });
  const before = await getWebhook(db.database, 'phone');
  await proposer(db.database)({ kind: 'deploy' });
  await sealAll(db.database);
  await collectOnce(db.database);
  const [due] = await claimDue(db.database, before.webhook_id, 1, 60);
  if (!due) throw new Error('there is no call');
  await put('phone', { url: next.url });
  await deliver(parts, { ...due, webhook: before });
  const tried = await db.database.query('select status, attempts, last_error, claim_id from ops_deliveries');
  expect(tried).toEqual([
    { status: 'waiting', attempts: 1, last_error: 'the webhook was changed meanwhile', claim_id: null },
  ]);
  await letTimePass(db.database);
  await sendAllDue(parts);
  expect([old.asked.length, next.asked.length]).toEqual([0, 1]);
});

test('a removal and a change at once leave a webhook and its secret, or neither', async () => {
  const parts = { database: db.database, secrets: makeSecrets(emptyHome(), () => undefined) };
  const given = WebhookInput.parse({ name: 'both', url: 'https://ops.example/', topics: ['problem'] });
  for (let round = 0; round < 20; round++) {
    await storeWebhook(parts, given, OPERATOR);
    await Promise.allSettled([
      removeWebhook(parts, 'both', 'test'),
      storeWebhook(parts, { ...given, paused: round % 2 === 0 }, OPERATOR),
    ]);
    const rows = await db.database.query(`select from ops_webhooks where name = 'both'`);
    expect(await parts.secrets.list()).toHaveLength(rows.length);
  }
});

test('a link that is made while its webhook is moved ends with the others', async () => {
  await put('also-moves');
  const { webhook_id } = await getWebhook(db.database, 'also-moves');
  const insert = `with w as (select webhook_id from ops_webhooks where webhook_id = $1 for share)
    insert into ops_decision_links (link_id, secret_hash, webhook_id, proposal_id, expires_at)
    select 'late', '', webhook_id, gen_random_uuid(), now() + interval '1 hour' from w`;
  await during(insert, [webhook_id], () => put('also-moves', { url: 'https://moved.example/' }));
  expect(await db.database.query(`select from ops_decision_links where link_id = 'late'`)).toEqual([]);
});
