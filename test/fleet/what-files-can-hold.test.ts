import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AmbiguousCommit, type Database } from '../../src/db/database.ts';
import type { AppError } from '../../src/errors.ts';
import { applyFleet } from '../../src/fleet/apply.ts';
import type { Fleet } from '../../src/fleet/schema.ts';
import { useApp } from '../support/app.ts';

const t = useApp();
const caller = { by: 'key:x', keyId: 'x', name: 'x', agentId: null, scopes: [], kinds: null };
const apply = (
  fleet: Fleet,
  prune = false,
  parts: Partial<Pick<typeof t.app, 'database' | 'secrets'>> = {},
) => applyFleet({ ...t.app, ...parts }, fleet, caller, { dryRun: false, prune });
const said = ({ changes }: Awaited<ReturnType<typeof apply>>) =>
  changes.map(({ section, name, action }) => `${action} ${section} ${name}`);
const schedule = { agent_id: 'pm', kind: 'research', title: 'News?', cron: '0 7 * * *' };
const webhook = {
  url: 'https://hooks.example/x',
  template: 'json' as const,
  options: {},
  topics: ['problem'],
  agents: null,
  links: false,
  paused: false,
};
const exported = async () => ((await (await t.request('/api/ops/fleet')).json()) as { fleet: Fleet }).fleet;

test('names that every object knows are names like others', async () => {
  const fleet = {
    agents: { constructor: {}, toString: { role: 'qa' } },
    policy: { kind_caps: { valueOf: 3 } },
    schedules: { hasOwnProperty: { ...schedule, agent_id: 'constructor' } },
    webhooks: { isPrototypeOf: webhook },
  };
  const applied = await apply(fleet);
  expect(said(applied)).toEqual([
    'created agents constructor',
    'created agents toString',
    'changed policy kind_caps',
    'created schedules hasOwnProperty',
    'created webhooks isPrototypeOf',
  ]);
  expect(applied.changes[2]?.members).toContainEqual({ name: 'valueOf', from: null, to: 3 });
  expect(said(await apply(fleet))).toEqual([]);
  expect(said(await apply({ schedules: {}, webhooks: {} }, true))).toEqual([
    'removed schedules hasOwnProperty',
    'removed webhooks isPrototypeOf',
  ]);
});

test('missed_most that is left out is the usual one', async () => {
  await apply({ schedules: { many: { ...schedule, missed: 'all', missed_most: 33 } } });
  const [change] = (await apply({ schedules: { many: { ...schedule, missed: 'all' } } })).changes;
  expect(change?.members).toEqual([{ name: 'missed_most', from: 33, to: null }]);
});

test('a file outlives the times in it: what is over comes into a new installation as over', async () => {
  await apply({
    schedules: { freeze: { agent_id: 'pm', kind: 'x', title: 'x', at: '2020-01-01T00:00:00Z' } },
  });
  const rows = await t.database.query(`select at, next_due_at from ops_schedules where name = 'freeze'`);
  expect(rows).toEqual([{ at: new Date('2020-01-01T00:00:00Z'), next_due_at: null }]);
  expect(said(await apply(await exported(), true))).toEqual([]);
});

test('with a webhook its signing secret goes, and its name begins anew', async () => {
  const secret = join(t.app.config.home, 'secrets', 'webhook-gone');
  const [first] = (await apply({ webhooks: { gone: webhook } })).signing_secrets;
  expect(existsSync(secret)).toBe(true);
  await apply({ webhooks: {} }, true);
  expect(existsSync(secret)).toBe(false);
  const [second] = (await apply({ webhooks: { gone: webhook } })).signing_secrets;
  expect(second?.secret).not.toBe(first?.secret);
});

test('a webhook whose signing secret cannot be removed stays, until it can', async () => {
  await apply({ webhooks: { stays: webhook } });
  const remove = () => Promise.reject(new Error('a read-only disk'));
  await expect(apply({ webhooks: {} }, true, { secrets: { ...t.app.secrets, remove } })).rejects.toThrow(
    'read-only',
  );
  expect(said(await apply({ webhooks: {} }, true))).toContain('removed webhooks stays');
});

test('who sends calls hears at once of a new webhook', async () => {
  const told: string[] = [];
  const hints = { ...t.app.database.hints, tell: (topic: string) => void told.push(topic) };
  const database = { ...t.app.database, hints };
  await apply({ webhooks: { heard: webhook } }, false, { database });
  expect(told).toEqual(['webhooks', 'events']);
  await apply({ webhooks: { heard: webhook } }, false, { database });
  expect(told).toHaveLength(2);
});

test.each([true, false])(
  'keys whose commit is not known (it happened: %s) are made once and shown',
  async (done) => {
    const name = `cut ${String(done)}`;
    let cuts = 0;
    const database: Database = {
      ...t.app.database,
      async transaction(work, opening) {
        if (cuts++ > 0) return t.app.database.transaction(work, opening);
        const cut = new AmbiguousCommit(new Error('cut'));
        if (done) await t.app.database.transaction(work, opening);
        else await t.app.database.transaction((tx) => work(tx).then(() => Promise.reject(cut)), opening);
        throw cut;
      },
    };
    const { keys, changes } = await apply({ keys: { [name]: { scopes: ['read'] } } }, false, { database });
    expect([keys.length, changes.length, cuts]).toEqual([1, 1, 2]);
    expect((await t.request('/api/ops/proposals', { key: keys[0]?.key ?? '' })).status).toBe(200);
    const rows = await t.database.query('select from ops_api_keys where name = $1', [name]);
    expect(rows).toHaveLength(1);
  },
);

test('keys are shown also when the secret of a webhook cannot be kept', async () => {
  const secrets = { ...t.app.secrets, set: () => Promise.reject(new Error('the disk is full')) };
  const fleet = { keys: { shown: { scopes: ['read' as const] } }, webhooks: { unsigned: webhook } };
  expect((await apply(fleet, false, { secrets })).keys).toHaveLength(1);
  await expect(apply(fleet, false, { secrets })).rejects.toThrow('the disk is full');
  expect((await apply(fleet)).signing_secrets).toHaveLength(1);
});

test('of several keys of a name, one that fits is enough', async () => {
  await t.key({ name: 'twice', scopes: ['read'] });
  await t.key({ name: 'twice', scopes: ['propose'] });
  expect(said(await apply({ keys: { twice: { scopes: ['read'] } } }))).toEqual([]);
});

test('an old file does not end an emergency stop', async () => {
  const file = await exported();
  await apply({ policy: { paused: { enabled: true, agents: [] } } });
  expect(said(await apply(file, true))).toEqual([]);
});

test('a file that would hold up everybody for long is refused', async () => {
  const schedules = Object.fromEntries(Array.from({ length: 501 }, (_, n) => [`s${n}`, schedule]));
  const answer = await t.request('/api/ops/fleet', { method: 'POST', json: { fleet: { schedules } } });
  expect(answer.status).toBe(400);
});

test('a database that holds things up is not told as a mistake in the file', async () => {
  await t.app.database.transaction(async (tx) => {
    await tx.query(`select from ops_agent_config where agent_id = 'pm' for update`);
    const error: unknown = await apply({ agents: { pm: { role: 'other' } } }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'database_busy' });
    expect((error as AppError).details).toEqual({});
  });
}, 20_000);
