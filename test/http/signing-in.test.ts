import { expect, test } from 'vitest';
import { forgetOldSessions, makeSessions } from '../../src/keys/sessions.ts';
import { makeAuthenticate, revokeKey } from '../../src/keys/keys.ts';
import { SCOPES } from '../../src/keys/schema.ts';
import { OPERATOR_KEY, problemOf, useApp } from '../support/app.ts';
import { eventsOf } from '../support/worker.ts';

const t = useApp({ http: { failedKeysPerMinute: 20 } });

const bodyOf = async (response: Response) => (await response.json()) as Record<string, string>;
const makeCode = async (key: string) => {
  const response = await t.request('/api/ops/sign-in-codes', { method: 'POST', key });
  expect(response.status).toBe(201);
  return (await bodyOf(response)).code ?? '';
};
const open = (codeOrKey: string) => t.request('/api/ops/session', { method: 'POST', key: codeOrKey });
const who = (key: string) => t.request('/api/ops/session', { key });
const signIn = async (key: string) => (await bodyOf(await open(await makeCode(key)))).token ?? '';

test('a code opens one session, which may what its key may', async () => {
  const key = await t.key({ name: 'reader', scopes: ['read'] });
  const code = await makeCode(key);
  const opened = await open(code);
  expect(opened.status).toBe(201);
  const { token = '' } = await bodyOf(opened);

  expect(await bodyOf(await who(token))).toMatchObject({ name: 'reader', scopes: ['read'], agent_id: null });
  expect((await t.request('/api/ops/missions', { key: token })).status).toBe(200);
  expect((await t.request('/api/ops/keys', { key: token })).status).toBe(403);
  const again = await open(code);
  expect(again.status).toBe(401);
  expect((await problemOf(again)).error).toContain('opsloop open');
  expect(await eventsOf(t.database, key.split('_')[1] ?? '', 'key.signed_in')).toHaveLength(1);
});

test('of 20 browsers with one code, one gets in', async () => {
  const sessions = makeSessions(t.database);
  const key = await t.key({ scopes: ['read'] });
  const code = await makeCode(key);
  const authenticate = makeAuthenticate(t.database);
  const caller = await authenticate(code, true);
  if (!caller) throw new Error('the code was refused');
  const tries = await Promise.allSettled(Array.from({ length: 20 }, () => sessions.open(code, caller)));
  expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('a code opens nothing else, and is worth nothing after a minute', async () => {
  const key = await t.key({ scopes: [...SCOPES] });
  const code = await makeCode(key);
  expect((await t.request('/api/ops/missions', { key: code })).status).toBe(401);
  expect((await who(code)).status).toBe(401);
  await t.database.query(
    "update ops_sessions set code_expires_at = clock_timestamp() - interval '1 s' where code_hash is not null",
  );
  expect((await open(code)).status).toBe(401);
});

test('a session ends with its key, with its time, and when it is told to', async () => {
  const key = await t.key({ scopes: ['read'] });
  const [first, second, third] = [await signIn(key), await signIn(key), await signIn(key)];
  const over = await t.request('/api/ops/session', { method: 'DELETE', key: first });
  expect(over.status).toBe(200);
  expect((await who(first)).status).toBe(401);
  expect((await who(second)).status).toBe(200);

  const id = second.split('_')[1];
  await t.database.query(
    "update ops_sessions set expires_at = clock_timestamp() - interval '1 s' where session_id = $1",
    [id],
  );
  expect((await who(second)).status).toBe(401);
  expect(await forgetOldSessions(t.database)).toBeGreaterThan(0);

  expect((await who(third)).status).toBe(200);
  await revokeKey(t.database, key.split('_')[1] ?? '', 'test');
  expect((await who(third)).status).toBe(401);
});

test("the environment's key can be signed in with, until it is another one", async () => {
  const token = (await bodyOf(await open(OPERATOR_KEY))).token ?? '';
  expect(await bodyOf(await who(token))).toMatchObject({ key_id: 'environment' });
  expect(await makeAuthenticate(t.database, OPERATOR_KEY)(token)).toMatchObject({ keyId: 'environment' });
  expect(await makeAuthenticate(t.database, 'another-operators-key-0123456789')(token)).toBeNull();
  expect(await makeAuthenticate(t.database)(token)).toBeNull();
});

test('a session opens no other session, and a key is none', async () => {
  const key = await t.key({ scopes: [...SCOPES] });
  const token = await signIn(key);
  expect((await open(token)).status).toBe(403);
  expect((await t.request('/api/ops/sign-in-codes', { method: 'POST', key: token })).status).toBe(403);
  expect((await t.request('/api/ops/session', { method: 'DELETE', key })).status).toBe(409);
});

test('a key has 20 sessions at most: one more ends the oldest', async () => {
  const key = await t.key({ scopes: ['read'] });
  const tokens: string[] = [];
  for (let n = 0; n < 21; n++) tokens.push((await bodyOf(await open(key))).token ?? '');
  expect((await who(tokens[0] ?? '')).status).toBe(401);
  expect((await who(tokens[1] ?? '')).status).toBe(200);
  expect((await who(tokens[20] ?? '')).status).toBe(200);
});

test('a key that is used through a browser is seen to be in use, and its session ends no later than it', async () => {
  const key = await t.key({ scopes: ['read'], expires_in_days: 1 });
  const id = key.split('_')[1] ?? '';
  const token = await signIn(key);
  const { expires_at = '' } = await bodyOf(await who(token));
  expect(Date.parse(expires_at) - Date.now()).toBeLessThan(86_400_000 + 1_000);
  await expect
    .poll(async () => {
      const [row] = await t.database.query<{ used: boolean }>(
        'select last_used_at is not null as used from ops_api_keys where key_id = $1',
        [id],
      );
      return row?.used;
    })
    .toBe(true);
});

test('guessing codes is limited like guessing keys', async () => {
  const guess = () =>
    t.request('/api/ops/session', {
      method: 'POST',
      key: `opc_AAAAAAAA_${'A'.repeat(43)}`,
    });
  const statuses: number[] = [];
  for (let n = 0; n < 30; n++) statuses.push((await guess()).status);
  expect(statuses.slice(-1)).toEqual([429]);
});

test('neither code nor token stands in the database', async () => {
  const key = await t.key({ scopes: ['read'] });
  const code = await makeCode(key);
  const { token = '' } = await bodyOf(await open(code));
  const rows = await t.database.query('select to_jsonb(s) as row from ops_sessions s');
  const events = await t.database.query('select payload from ops_events');
  const kept = JSON.stringify([rows, events]);
  for (const secret of [code, token].map((text) => text.split('_').at(-1) ?? 'none'))
    expect(kept).not.toContain(secret);
});
