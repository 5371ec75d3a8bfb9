import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { revokeKey } from '../../src/keys/keys.ts';
import { SCOPES, type Scope } from '../../src/keys/schema.ts';
import { VIEWS } from '../../src/http/access.ts';
import { describeApi } from '../../src/http/openapi.ts';
import { problemOf, useApp } from '../support/app.ts';
import { openPolicy, proposer } from '../support/loop.ts';
import { linkOf } from '../support/webhooks.ts';
import { callWork, newWorkerName } from '../support/work.ts';

const t = useApp({
  parts: { heartbeat: true },
  http: { failedKeysPerMinute: 1e6, agentRequestsPerMinute: 1e6 },
});

/** `any`: whatever scopes the key has. `claim`: the token of a claim, and no key. `link`: a link that decides, and no key. */
type Expected = { scope: Scope | 'none' | 'any' | 'claim' | 'link'; agents: boolean };
const open = (scope: Scope): Expected => ({ scope, agents: true });
const operators = (scope: Scope): Expected => ({ scope, agents: false });

const aClaim: Expected = { scope: 'claim', agents: true };
const anyKey: Expected = { scope: 'any', agents: true };
const page = (route: string): [string, Expected] => [route, { scope: 'none', agents: true }];

/** Written by hand on purpose: a route that is not here fails the test. */
const EXPECTED: Record<string, Expected> = {
  'GET /': { scope: 'none', agents: true },
  ...Object.fromEntries(VIEWS.flatMap((view) => [page(`GET /${view}`), page(`GET /${view}/{id}`)])),
  'GET /assets/{name}': { scope: 'none', agents: true },
  'GET /api/status': { scope: 'none', agents: true },
  'POST /api/ops/proposals': open('propose'),
  'GET /api/ops/proposals': open('read'),
  'GET /api/ops/proposals/{id}': open('read'),
  'GET /api/ops/proposals/{id}/why': open('read'),
  'POST /api/ops/proposals/{id}/approve': operators('approve'),
  'POST /api/ops/proposals/{id}/reject': operators('approve'),
  'GET /api/ops/missions': open('read'),
  'GET /api/ops/missions/{id}': open('read'),
  'GET /api/ops/missions/{id}/attempts': open('read'),
  'GET /api/ops/missions/{id}/why': open('read'),
  'POST /api/ops/missions/{id}/cancel': operators('approve'),
  'POST /api/ops/missions/{id}/retry': operators('approve'),
  'GET /api/ops/steps': open('read'),
  'GET /api/ops/steps/{id}': open('read'),
  'GET /api/ops/steps/{id}/why': open('read'),
  'GET /api/ops/events': open('read'),
  'GET /api/ops/events/stream': open('read'),
  'POST /api/ops/events': open('emit'),
  'POST /api/ops/events/verify': operators('admin'),
  'GET /api/ops/policy': open('read'),
  'GET /api/ops/policy/{key}': open('read'),
  'GET /api/ops/policy/{key}/history': operators('read'),
  'POST /api/ops/policy/{key}/preview': operators('read'),
  'PUT /api/ops/policy/{key}': operators('admin'),
  'POST /api/ops/pause': operators('admin'),
  'POST /api/ops/resume': operators('admin'),
  'GET /api/ops/agents': open('read'),
  'PUT /api/ops/agents/{agent_id}': operators('admin'),
  'GET /api/ops/schedules': open('read'),
  'POST /api/ops/schedules': operators('admin'),
  'GET /api/ops/schedules/{name}': open('read'),
  'GET /api/ops/schedules/{name}/next': open('read'),
  'PUT /api/ops/schedules/{name}': operators('admin'),
  'DELETE /api/ops/schedules/{name}': operators('admin'),
  'POST /api/ops/schedules/{name}/pause': operators('admin'),
  'POST /api/ops/schedules/{name}/resume': operators('admin'),
  'GET /api/ops/keys': operators('admin'),
  'POST /api/ops/keys': operators('admin'),
  'DELETE /api/ops/keys/{key_id}': operators('admin'),
  'POST /api/ops/sign-in-codes': operators('read'),
  'POST /api/ops/session': anyKey,
  'GET /api/ops/session': anyKey,
  'DELETE /api/ops/session': anyKey,
  'POST /api/ops/work/claim': open('work'),
  'POST /api/ops/work/renew': open('work'),
  'POST /api/ops/work/leave': open('work'),
  'POST /api/ops/work/claims/{claim_id}/renew': aClaim,
  'POST /api/ops/work/claims/{claim_id}/complete': aClaim,
  'POST /api/ops/work/claims/{claim_id}/fail': aClaim,
  'POST /api/ops/work/claims/{claim_id}/release': aClaim,
  'GET /api/ops/workers': operators('read'),
  'GET /api/ops/action-runs': operators('read'),
  'GET /api/ops/beats': operators('read'),
  'POST /api/ops/heartbeat': operators('admin'),
  'GET /api/ops/health': operators('read'),
  'GET /api/ops/stats': operators('read'),
  'GET /api/ops/agents/stats': open('read'),
  'GET /api/ops/caps': open('read'),
  'GET /api/ops/loop': operators('read'),
  'GET /api/ops/attention': operators('read'),
  'GET /api/ops/fleet': operators('admin'),
  'POST /api/ops/fleet': operators('admin'),
  'GET /api/ops/alerts': operators('read'),
  'GET /api/ops/webhooks': operators('read'),
  'PUT /api/ops/webhooks/{name}': operators('admin'),
  'DELETE /api/ops/webhooks/{name}': operators('admin'),
  'POST /api/ops/webhooks/{name}/test': operators('admin'),
  'GET /api/ops/webhooks/{name}/calls': operators('read'),
  'POST /api/ops/webhook-calls/{id}/retry': operators('admin'),
  'GET /api/ops/decision': { scope: 'link', agents: false },
  'POST /api/ops/decision': { scope: 'link', agents: false },
  'GET /api/ops/files': operators('read'),
  'GET /api/ops/files/status': operators('read'),
  'POST /api/ops/files/resume': operators('admin'),
  'GET /api/inbox': operators('read'),
  'POST /api/inbox': operators('propose'),
  'POST /api/submit': operators('propose'),
  'GET /api/outputs': operators('read'),
  'GET /api/out/{name}': operators('read'),
  'GET /graph.json': operators('read'),
  'POST /mcp': anyKey,
  'GET /metrics': operators('read'),
  'GET /openapi.json': operators('read'),
};

const FILL: Record<string, string> = {
  '{id}': '0190a000-0000-7000-8000-000000000000',
  '{claim_id}': '0190a000-0000-7000-8000-000000000000',
  '{key}': 'nothing',
  '{agent_id}': 'pm',
  '{key_id}': 'AAAAAAAA',
  '{name}': 'nothing',
};

const anAsset = () => readdirSync(`${import.meta.dirname}/../../dist/dashboard/assets`)[0];

/** The status of a route for a key; bodies are empty objects, which no route that needs members accepts. */
async function statusOf(route: string, key: string | null): Promise<number> {
  const [method = '', path = ''] = route.split(' ');
  const filled = path
    .replace('/assets/{name}', `/assets/${anAsset()}`)
    .replaceAll(/\{\w+\}/g, (name) => FILL[name] ?? name);
  const withBody = method === 'POST' || method === 'PUT';
  const response = await t.request(filled, { method, key, ...(withBody ? { json: {} } : {}) });
  await response.body?.cancel();
  return response.status;
}

function routesOfRouter(): string[] {
  const routes = t.http.routes.filter(({ method }) => method !== 'ALL');
  return [...new Set(routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`))];
}

test('every route of the router has an expectation, is in the document, and says there what it needs', () => {
  expect(routesOfRouter().toSorted()).toEqual(Object.keys(EXPECTED).toSorted());
  const described = Object.entries(describeApi(t.http).paths ?? {}).flatMap(([path, item]) =>
    (['get', 'post', 'put', 'delete'] as const).flatMap((method) =>
      item[method] ? [[`${method.toUpperCase()} ${path}`, item[method].security] as const] : [],
    ),
  );
  expect(Object.fromEntries(described)).toEqual(
    Object.fromEntries(
      Object.entries(EXPECTED)
        // The views of the dashboard are one document, which is described once.
        .filter(([route]) => !VIEWS.some((view) => route.startsWith(`GET /${view}`)))
        .map(([route, { scope }]) => [
          route,
          scope === 'none'
            ? []
            : scope === 'link' || scope === 'claim'
              ? [{ [scope]: [] }]
              : [{ key: scope === 'any' ? [] : [scope] }],
        ]),
    ),
  );
});

const everything = { scopes: [...SCOPES] };
const idOf = (key: string) => key.split('_')[1] ?? '';
/** The form of a key, a session, a link or a claim's token, and nobody's. */
const SECRET = 'A'.repeat(43);

test.each<[string, () => Promise<string | null>]>([
  ['no key', async () => null],
  ['nonsense', async () => 'nonsense'],
  ['a key that nobody has', async () => `ops_AAAAAAAA_${SECRET}`],
  ['a key of another secret', async () => `ops_${idOf(await t.key(everything))}_${SECRET}`],
  ['a session that nobody has', async () => `ops-session_AAAAAAAA_${SECRET}`],
  ['a code that nobody has', async () => `opc_AAAAAAAA_${SECRET}`],
  ['a link that nobody has', async () => `opd_AAAAAAAA_${SECRET}`],
  ["a claim's token that nobody has", async () => `opw_${'0'.repeat(32)}_${SECRET}`],
  [
    'a revoked key',
    async () => {
      const key = await t.key(everything);
      await revokeKey(t.app.database, idOf(key), 'test');
      return key;
    },
  ],
  [
    'an expired key',
    async () => {
      const key = await t.key({ ...everything, expires_in_days: 1 });
      await t.database.query(
        `update ops_api_keys set expires_at = clock_timestamp() - interval '1 s' where key_id = $1`,
        [idOf(key)],
      );
      return key;
    },
  ],
])('%s opens the public routes and no others', async (_what, makeKey) => {
  const key = await makeKey();
  for (const [route, { scope }] of Object.entries(EXPECTED)) {
    const expected = scope === 'none' ? 200 : 401;
    expect([route, await statusOf(route, key)]).toEqual([route, expected]);
  }
});

test('each scope opens its own routes and no others', async () => {
  for (const scope of SCOPES) {
    const key = await t.key({ scopes: [scope] });
    for (const [route, expected] of Object.entries(EXPECTED)) {
      if (expected.scope === 'link') continue;
      const status = await statusOf(route, key);
      const isOpen = ['none', 'any', scope].includes(expected.scope);
      expect([scope, route, status === 403]).toEqual([scope, route, !isOpen]);
      expect([scope, route, status < 500 && status !== 401]).toEqual([scope, route, true]);
    }
  }
});

const AGENT_SCOPES = ['propose', 'read', 'emit', 'work'] as const;

test.each([...AGENT_SCOPES.map((scope) => [scope]), AGENT_SCOPES])(
  "an agent's key is kept out of what is for operators, with the scopes %s %s %s %s",
  async (...scopes) => {
    const key = await t.key({ scopes, agent_id: 'coder' });
    for (const [route, { scope, agents }] of Object.entries(EXPECTED)) {
      if (scope === 'link') continue;
      const isOpen = agents && ['none', 'any', ...scopes].includes(scope);
      expect([route, (await statusOf(route, key)) === 403]).toEqual([route, !isOpen]);
    }
  },
);

/** A thing of each kind that belongs to the agent pm, by what begins the routes to it. */
async function thingsOfAnother(): Promise<Record<string, string>> {
  await openPolicy(t.database);
  const { proposal, mission } = await proposer(t.database)({ agentId: 'pm' });
  await t.request('/api/ops/schedules', {
    method: 'POST',
    json: { name: 'of-pm', agent_id: 'pm', kind: 'analysis', title: 'By the clock', every_seconds: 60 },
  });
  return {
    proposals: proposal.id,
    missions: mission?.mission.id ?? '',
    steps: mission?.steps[0]?.id ?? '',
    schedules: 'of-pm',
  };
}

test("what is another agent's is not there for an agent, by every route to one thing", async () => {
  const things = await thingsOfAnother();
  const key = await t.key({ scopes: [...AGENT_SCOPES], agent_id: 'coder' });
  const own = await t.key({ scopes: [...AGENT_SCOPES], agent_id: 'pm' });
  const routes = Object.entries(EXPECTED).flatMap(([route, { scope, agents }]) =>
    agents && AGENT_SCOPES.some((one) => one === scope) && route.includes('{') ? [route] : [],
  );
  for (const route of routes) {
    const [, kind = ''] = /\/api\/ops\/(\w+)\//.exec(route) ?? [];
    // Policy is nobody's.
    if (kind === 'policy') continue;
    const filled = route.replace(/\{\w+\}/, things[kind] ?? `no ${kind} to try`);
    expect([route, await statusOf(filled, key)]).toEqual([route, 404]);
    expect([route, await statusOf(filled, own)]).toEqual([route, 200]);
  }
  expect(routes.length).toBeGreaterThan(8);
});

test('a session may what its key may, but neither makes nor opens another; a code opens one session', async () => {
  const key = await t.key(everything);
  const made = async (path: string) =>
    (await (await t.request(path, { method: 'POST', key })).json()) as { token: string; code: string };
  const { token } = await made('/api/ops/session');
  const { code } = await made('/api/ops/sign-in-codes');
  for (const [route, { scope }] of Object.entries(EXPECTED)) {
    if (route === 'DELETE /api/ops/session') continue;
    const isRefused = ['claim', 'link'].includes(scope) || /^POST .*\/(session|sign-in-codes)$/.test(route);
    expect([route, [401, 403].includes(await statusOf(route, token))]).toEqual([route, isRefused]);
    if (route === 'POST /api/ops/session') continue;
    expect([route, await statusOf(route, code)]).toEqual([route, scope === 'none' ? 200 : 401]);
  }
});

test("a claim's token and a link open nothing but their own", async () => {
  await openPolicy(t.database);
  await proposer(t.database)();
  const { claims } = await callWork(t, 'claim', { worker: newWorkerName(), kinds: ['analyze'] });
  const pending = await proposer(t.database)({ kind: 'deploy' });
  const webhook = { url: 'https://hooks.example/x', topics: ['problem'], links: true };
  await t.request('/api/ops/webhooks/phone', { method: 'PUT', json: webhook });
  const link = await linkOf(t.database, 'phone', pending.proposal.id);
  for (const [route, { scope }] of Object.entries(EXPECTED)) {
    const ofClaim = scope === 'none' ? 200 : scope === 'link' ? 401 : 403;
    // Also the routes of claims: those of another one.
    expect([route, await statusOf(route, claims[0]?.token ?? '')]).toEqual([route, ofClaim]);
    if (scope === 'link') expect([route, await statusOf(route, link)]).not.toEqual([route, 401]);
    else expect([route, await statusOf(route, link)]).toEqual([route, scope === 'none' ? 200 : 401]);
  }
});

test('no key opens what is for links', async () => {
  const key = await t.key({ scopes: [...SCOPES] });
  for (const route of Object.keys(EXPECTED).filter((one) => EXPECTED[one]?.scope === 'link'))
    expect([route, [401, 429]]).toEqual([route, expect.arrayContaining([await statusOf(route, key)])]);
});

test('a refusal for want of a scope names the scope needed and those the key has', async () => {
  const key = await t.key({ scopes: ['read', 'propose'] });
  const response = await t.request('/api/ops/heartbeat', { method: 'POST', key });
  expect(response.status).toBe(403);
  expect(await problemOf(response)).toMatchObject({
    code: 'forbidden',
    needed: 'admin',
    scopes: ['read', 'propose'],
    error: expect.stringContaining('needs a key with the scope admin'),
  });
});
