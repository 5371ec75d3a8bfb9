import { expect, test } from 'vitest';
import { createKey, listKeys, makeAuthenticate, revokeKey } from '../../src/keys/keys.ts';
import { useDatabase } from '../support/database.ts';

const db = useDatabase();

test('a key opens until it is revoked, from that moment on for every process', async () => {
  const { key, row } = await createKey(db.database, { name: 'mine', scopes: ['read', 'propose'] }, 'test');
  const elsewhere = makeAuthenticate(db.open());
  expect(await elsewhere(key)).toMatchObject({
    keyId: row.key_id,
    agentId: null,
    scopes: ['read', 'propose'],
  });
  await revokeKey(db.database, row.key_id, 'test');
  expect(await elsewhere(key)).toBeNull();
  await expect(revokeKey(db.database, row.key_id, 'test')).rejects.toMatchObject({ code: 'not_found' });
});

test('an expired key opens nothing', async () => {
  const { key, row } = await createKey(
    db.database,
    { name: 'short', scopes: ['read'], expires_in_days: 1 },
    'test',
  );
  const authenticate = makeAuthenticate(db.database);
  expect(await authenticate(key)).not.toBeNull();
  await db.database.query(
    "update ops_api_keys set expires_at = now() - interval '1 second' where key_id = $1",
    [row.key_id],
  );
  expect(await authenticate(key)).toBeNull();
});

test('nothing but the key itself opens: not its id, not a changed end, not an empty text', async () => {
  const { key, row } = await createKey(db.database, { name: 'x', scopes: ['read'] }, 'test');
  const authenticate = makeAuthenticate(db.database, 'an-operator-key-of-the-environment');
  const flipped = key.endsWith('A') ? `${key.slice(0, -1)}B` : `${key.slice(0, -1)}A`;
  for (const wrong of [
    '',
    'undefined',
    'null',
    row.key_id,
    flipped,
    `${key} `,
    key.slice(0, -1),
    `ops_${row.key_id}_`,
    '\0',
  ]) {
    expect(await authenticate(wrong), wrong).toBeNull();
  }
  expect(await authenticate('an-operator-key-of-the-environment')).toMatchObject({ keyId: 'environment' });
});

test("an agent's key can never have a scope that decides", async () => {
  for (const scope of ['approve', 'admin'] as const) {
    await expect(
      createKey(db.database, { name: 'x', scopes: ['read', scope], agent_id: 'pm' }, 'test'),
    ).rejects.toMatchObject({
      code: 'invalid_request',
    });
  }
  await expect(
    createKey(db.database, { name: 'x', scopes: ['read'], agent_id: 'nobody' }, 'test'),
  ).rejects.toMatchObject({
    code: 'unknown_agent',
  });
});

test('the secret stands in no list, event or column', async () => {
  const { key } = await createKey(db.database, { name: 'secret', scopes: ['read'] }, 'test');
  const secret = key.slice(-43);
  expect(JSON.stringify(await listKeys(db.database))).not.toContain(secret);
  for (const table of ['ops_events', 'ops_api_keys']) {
    expect(
      await db.database.query(`select from ${table} t where t::text like '%' || $1 || '%'`, [secret]),
    ).toEqual([]);
  }
});
