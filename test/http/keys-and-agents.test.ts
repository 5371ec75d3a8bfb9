import { expect, test } from 'vitest';
import { OPERATOR_KEY, problemOf, useApp } from '../support/app.ts';

const t = useApp();
type Made = { key: string; key_id: string };

const make = (json: unknown) => t.request('/api/ops/keys', { method: 'POST', json });

test('a key is shown once, works at once, and stops at once when it is revoked', async () => {
  const response = await make({ name: 'laptop', scopes: ['read'], expires_in_days: 30 });
  expect(response.status).toBe(201);
  const { key, key_id } = (await response.json()) as Made;
  expect((await t.request('/api/ops/proposals', { key })).status).toBe(200);

  const listed = await (await t.request('/api/ops/keys')).text();
  expect(listed).toContain(key_id);
  expect(listed).not.toContain(key);
  expect(listed).not.toContain('hash');

  const revoked = await t.request(`/api/ops/keys/${key_id}`, { method: 'DELETE' });
  expect(await revoked.json()).toMatchObject({ key_id, revoked_at: expect.any(String) });
  expect((await t.request('/api/ops/proposals', { key })).status).toBe(401);
  expect((await t.request(`/api/ops/keys/${key_id}`, { method: 'DELETE' })).status).toBe(404);
});

test("an agent's key can never be made to decide", async () => {
  for (const scope of ['approve', 'admin']) {
    const response = await make({ name: 'x', scopes: ['read', scope], agent_id: 'pm' });
    expect(response.status).toBe(400);
  }
  expect((await problemOf(await make({ name: 'x', scopes: ['read'], agent_id: 'nobody' }))).code).toBe(
    'unknown_agent',
  );
  expect((await make({ name: 'x', scopes: ['root'] })).status).toBe(400);
  expect((await make({ name: 'x', scopes: [] })).status).toBe(400);
});

test('an agent is made and changed by its id', async () => {
  const put = (id: string, json: unknown) => t.request(`/api/ops/agents/${id}`, { method: 'PUT', json });
  const made = await put('writer', { display_name: 'Writer', model_override: 'ollama:llama3.2' });
  expect(await made.json()).toMatchObject({
    agent: { agent_id: 'writer', model_override: 'ollama:llama3.2' },
  });
  expect(await (await put('writer', { role: 'pm' })).json()).toMatchObject({
    agent: { display_name: 'Writer', role: 'pm' },
  });
  expect((await put('writer', { model_override: 'http://evil.example/' })).status).toBe(400);
  expect((await put('no/slash', {})).status).toBe(404);
  expect((await put('%20blank', {})).status).toBe(400);
  expect((await problemOf(await put('writer', { modeloverride: 'x' }))).error).toContain(
    'did you mean "model_override"',
  );
});

test.each([
  ['no header', {}],
  ['another scheme', { authorization: `Basic ${Buffer.from(`x:${OPERATOR_KEY}`).toString('base64')}` }],
  ['the key alone', { authorization: OPERATOR_KEY }],
  ['an empty key', { authorization: 'Bearer ' }],
  ['a key that only begins right', { authorization: `Bearer ${OPERATOR_KEY.slice(0, -1)}` }],
  ['a header of another name', { 'x-api-key': OPERATOR_KEY }],
])('%s opens nothing', async (_what, headers) => {
  const response = await t.request('/api/ops/proposals', { key: null, headers });
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toContain('Bearer');
  expect(await response.text()).not.toContain(OPERATOR_KEY);
});

test('a key in the address opens nothing', async () => {
  for (const name of ['key', 'api_key', 'access_token'])
    expect((await t.request(`/api/ops/proposals?${name}=${OPERATOR_KEY}`, { key: null })).status).toBe(401);
});
