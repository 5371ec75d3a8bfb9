import { expect, test } from 'vitest';
import { useApp } from '../support/app.ts';
import { eventually } from '../support/loop.ts';

const t = useApp({ parts: { heartbeat: true } });
type PastBeat = {
  id: string;
  started_at: string;
  finished_at: string | null;
  asked_by: string;
  actions: unknown[];
};
const list = async (query = '') =>
  ((await (await t.request(`/api/ops/beats${query}`)).json()) as { beats: PastBeat[] }).beats;
const beat = async () =>
  (await (await t.request('/api/ops/heartbeat', { method: 'POST' })).json()) as {
    beat_id: string;
    actions: unknown[];
  };

test('beats are listed with their actions, the newest first', async () => {
  // The timer's own first beat is joined, not run beside; once this answers it is over.
  await eventually(async () => (await list())[0]);
  await beat();
  const [first, second] = [await beat(), await beat()];
  const beats = await list('?limit=2');
  expect(beats.map(({ id, actions, asked_by }) => ({ id, actions, asked_by }))).toEqual([
    { id: second.beat_id, actions: second.actions, asked_by: 'key:environment' },
    { id: first.beat_id, actions: first.actions, asked_by: 'key:environment' },
  ]);
  for (const { started_at, finished_at } of beats)
    expect(Date.parse(finished_at ?? '')).toBeGreaterThanOrEqual(Date.parse(started_at));
  expect((await list()).at(-1)?.asked_by).toBe('timer');
});

test('one that is under way has no end and no actions yet', async () => {
  await t.database.query(
    `insert into ops_beats (id, lease_expires_at, asked_by)
     values ('ffffffff-0000-7000-8000-000000000000', now() + interval '1 minute', 'test')`,
  );
  expect((await list('?limit=1'))[0]).toMatchObject({ finished_at: null, actions: [], asked_by: 'test' });
  await t.database.query('delete from ops_beats where finished_at is null');
});
