import { writeFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { DECISION_PATH } from '../../src/http/access.ts';
import { SCOPES } from '../../src/keys/schema.ts';
import { WebhookInput } from '../../src/webhooks/schema.ts';
import { storeWebhook } from '../../src/webhooks/store.ts';
import { testWebhook } from '../../src/webhooks/webhooks.ts';
import { useFiles } from '../support/files.ts';
import { eventually, proposer, sealAll } from '../support/loop.ts';
import { add } from '../support/schedules.ts';
import { linkOf, OPERATOR } from '../support/webhooks.ts';

const t = useFiles({ parts: { worker: false } });
/** What stands in the place of a parameter, by the part of the path before it. */
let ids: Record<string, string>;
let link: string;

beforeAll(async () => {
  // It renews its lease by itself; what is left to change anything are the requests.
  await t.app.bridge()?.close();
  await writeFile(t.path('outputs', 'offers.md'), 'The second one is cheaper.');
  const { proposal, mission } = await proposer(t.database)();
  const input = { name: 'phone', url: 'https://hooks.example/', topics: ['proposal'], links: true };
  const { webhook } = await storeWebhook(t.app, WebhookInput.parse(input), OPERATOR);
  await testWebhook(t.app.database, webhook.name);
  link = await linkOf(t.database, webhook.name, proposal.id);
  const page = await (await t.request('/')).text();
  ids = {
    proposals: proposal.id,
    missions: mission?.mission.id ?? '',
    steps: mission?.steps[0]?.id ?? '',
    agents: 'pm',
    policy: 'daily_caps',
    schedules: (await add(t.database, { every_seconds: 3_600 })).name,
    webhooks: webhook.name,
    out: 'offers.md',
    assets: /assets\/([\w.-]+)/.exec(page)?.[1] ?? '',
  };
});

/** Every row of every table, but for tallies, which are counted from the log when somebody asks, and the use of the key. */
async function everything(): Promise<unknown> {
  const tables = await t.database.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
       and relname not like 'ops_tall%' order by 1`,
  );
  const rows = tables.map(({ name }) => {
    const leftOut = name === 'ops_api_keys' ? 'last_used_at' : '';
    return t.database.query(`select to_jsonb(t) - '${leftOut}' as row from ${name} t order by 1`);
  });
  return Object.fromEntries((await Promise.all(rows)).map((row, n) => [tables[n]?.name, row]));
}

test('no GET of any route changes anything but tallies and the last use of its key', async () => {
  const document = (await (await t.request('/openapi.json')).json()) as { paths: Record<string, object> };
  const paths = Object.entries(document.paths).flatMap(([path, methods]) => ('get' in methods ? [path] : []));
  const opened = await t.request('/api/ops/session', { method: 'POST' });
  const { token } = (await opened.json()) as { token: string };
  const key = await t.key({ scopes: [...SCOPES] });
  await sealAll(t.database);
  const before = await everything();

  const failed: string[] = [];
  for (const given of [key, token])
    for (const path of paths) {
      const asked = path.replaceAll(/([\w-]+)\/\{\w+\}/g, (_, of: string) => `${of}/${ids[of]}`);
      const answer = await t.request(asked, { key: path === DECISION_PATH ? link : given });
      // The stream of events has no end.
      const reader = answer.body?.getReader();
      await reader?.read();
      await reader?.cancel();
      if (answer.status !== 200) failed.push(`${answer.status} ${asked}`);
    }
  // Each is prepared above, so that it does its work.
  expect(failed).toEqual([]);
  // The use of a key is written beside its answer.
  await eventually(async () => {
    const used = await t.database.query('select 1 from ops_api_keys where last_used_at is not null');
    return used.length > 0;
  });
  expect(await everything()).toEqual(before);
});
