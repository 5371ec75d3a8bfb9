import { expect, test } from 'vitest';
import { setPolicy } from '../../src/policy/policy.ts';
import { DEFAULT_POLICY } from '../../src/policy/schema.ts';
import { readLog } from '../support/loop.ts';
import { useApp } from '../support/app.ts';

const t = useApp();
type Entry = { seq: number | null; at: string; by: string; from: unknown; to: unknown };
type Page = { changes: Entry[]; next: string | null };
const history = async (key: string, query = '') =>
  (await (await t.request(`/api/ops/policy/${key}/history${query}`)).json()) as Page;

test('every change of a key is there, the newest first, from the beginning on', async () => {
  for (const max_per_day of [3, 4, 5])
    await setPolicy(t.database, 'tweet_quota', { max_per_day }, `key:${max_per_day}`);
  await setPolicy(t.database, 'kind_caps', {}, 'key:other');
  const log = await readLog(t.database);
  const { changes, next } = await history('tweet_quota');
  expect(changes.map(({ at: _at, ...change }) => change)).toEqual(
    log
      .filter((event) => event.entity === 'policy' && event.entity_id === 'tweet_quota')
      .map(({ seq, payload }) => ({
        seq,
        by: (payload?.cause as { by: string } | undefined)?.by,
        from: payload?.from,
        to: payload?.to,
      }))
      .toReversed(),
  );
  expect(changes.at(0)).toMatchObject({ by: 'key:5', from: { max_per_day: 4 }, to: { max_per_day: 5 } });
  expect(changes.at(-1)).toMatchObject({ by: 'setup', from: null, to: DEFAULT_POLICY.tweet_quota });
  expect(Date.parse(changes.at(0)?.at ?? '')).toBeLessThanOrEqual(Date.now());
  expect(next).toBeNull();
});

test('it pages by cursor', async () => {
  const all = (await history('tweet_quota')).changes;
  const paged: Entry[] = [];
  let query: string | null = '?limit=3';
  while (query !== null) {
    const { changes, next }: Page = await history('tweet_quota', query);
    paged.push(...changes);
    query = next && `?limit=3&cursor=${next}`;
  }
  expect([paged.length > 3, paged]).toEqual([true, all]);
  expect((await t.request('/api/ops/policy/tweet_quota/history?cursor=x')).status).toBe(400);
});

test('a change is there before it has its seal', async () => {
  await t.database.transaction(async (tx) => {
    // So nobody seals.
    await tx.query('lock table ops_event_batches in share row exclusive mode');
    await setPolicy(t.database, 'tweet_quota', { max_per_day: 9 }, 'key:9');
    const { changes } = await history('tweet_quota', '?limit=1');
    expect(changes).toMatchObject([{ seq: null, by: 'key:9', to: { max_per_day: 9 } }]);
  });
});

test('a key that does not exist has no history, and an index finds that of the others', async () => {
  expect((await t.request('/api/ops/policy/constructor/history')).status).toBe(404);
  const plan = await t.database.transaction(async (tx) => {
    await tx.query('set local enable_seqscan = off');
    return tx.query(
      `explain select from ops_events where entity = 'policy' and entity_id = 'plans' order by id desc limit 50`,
    );
  });
  expect(JSON.stringify(plan)).toContain('ops_events_policy');
});
