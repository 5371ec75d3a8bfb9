import { beforeAll, expect, test } from 'vitest';
import { OPERATOR_KEY, useApp } from '../support/app.ts';
import { openPolicy, proposer, sealAll } from '../support/loop.ts';

const t = useApp();
let ids: Record<string, string>;

beforeAll(async () => {
  await openPolicy(t.database);
  const { proposal, mission } = await proposer(t.database)();
  ids = {
    proposals: proposal.id,
    missions: mission?.mission.id ?? '',
    steps: mission?.steps[0]?.id ?? '',
    agents: 'pm',
    policy: 'daily_caps',
  };
  await sealAll(t.database);
});

/** Every row of every table, but for tallies, which are counted from the log when somebody asks. */
async function everything(): Promise<unknown> {
  const tables = await t.database.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
       and relname not like 'ops_tall%' order by 1`,
  );
  const rows = tables.map(({ name }) =>
    t.database.query(`select to_jsonb(t) as row from ${name} t order by t::text`),
  );
  return Object.fromEntries((await Promise.all(rows)).map((row, n) => [tables[n]?.name, row]));
}

test('no GET of any route changes anything but tallies', async () => {
  const document = (await (await t.request('/openapi.json')).json()) as { paths: Record<string, object> };
  const paths = Object.entries(document.paths).flatMap(([path, methods]) =>
    'get' in methods && !path.endsWith('/stream') ? [path] : [],
  );
  const before = await everything();
  const found: string[] = [];
  for (const path of paths) {
    const asked = path.replaceAll(/([\w-]+)\/\{\w+\}/g, (_, of: string) => `${of}/${ids[of] ?? 'none'}`);
    const { status } = await t.request(asked, { key: OPERATOR_KEY });
    if (status === 200) found.push(path);
  }
  expect(found.length).toBeGreaterThan(25);
  expect(await everything()).toEqual(before);
});
