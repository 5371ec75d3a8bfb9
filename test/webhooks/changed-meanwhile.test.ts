import { expect, test } from 'vitest';
import { makeLink } from '../../src/webhooks/links.ts';
import { WebhookInput } from '../../src/webhooks/schema.ts';
import { getWebhook, putWebhook, testWebhook } from '../../src/webhooks/webhooks.ts';
import { collectOnce } from '../../src/webhooks/collect.ts';
import { useDatabase } from '../support/database.ts';
import { holding } from '../support/holding.ts';
import { eventually, openPolicy, proposer, sealAll } from '../support/loop.ts';
import { OPERATOR } from '../support/webhooks.ts';

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
  await expect(during(move, ['moves'], link)).rejects.toThrow('changed meanwhile');
  await expect(link()).rejects.toThrow('changed meanwhile');
});

test('a link that is made while its webhook is moved ends with the others', async () => {
  await put('also-moves');
  const { webhook_id } = await getWebhook(db.database, 'also-moves');
  const insert = `with w as (select webhook_id from ops_webhooks where webhook_id = $1 for share)
    insert into ops_decision_links (link_id, secret_hash, webhook_id, proposal_id, expires_at)
    select 'late', '', webhook_id, gen_random_uuid(), now() + interval '1 hour' from w`;
  await during(insert, [webhook_id], () => put('also-moves', { url: 'https://moved.example/' }));
  expect(await db.database.query('select from ops_decision_links')).toEqual([]);
});
