import { beforeAll, expect, test } from 'vitest';
import { SECURITY_HEADERS } from '../../src/http/security-headers.ts';
import { OPERATOR_KEY, problemOf, type TestRequest, useApp } from '../support/app.ts';

const t = useApp({ http: { agentRequestsPerMinute: 5 } });
let agents: string;
beforeAll(async () => {
  agents = await t.key({ agent_id: 'coder', scopes: ['propose', 'read'] });
});

const MCP = { accept: 'application/json, text/event-stream' };
const message = (method: string, params: object = {}) => ({ jsonrpc: '2.0', id: 1, method, params });
const post = (json: unknown, request: TestRequest = {}) =>
  t.request('/mcp', { method: 'POST', json, ...request, headers: { ...MCP, ...request.headers } });
const LIST = message('tools/list');

/** The message in an answer of server-sent events. */
async function messageOf(response: Response): Promise<Record<string, unknown>> {
  const data = /^data: (.*)$/m.exec(await response.text())?.[1] ?? '{}';
  return JSON.parse(data) as Record<string, unknown>;
}

test("it offers an operator's key nothing that decides either, and answers with the headers of every answer", async () => {
  const response = await post(LIST);
  expect(response.status).toBe(200);
  for (const [name, value] of Object.entries(SECURITY_HEADERS))
    expect([name, response.headers.get(name)]).toEqual([name, value]);
  const { result } = await messageOf(response);
  const { tools } = result as { tools: { name: string }[] };
  expect(tools.map(({ name }) => name).toSorted()).toEqual([
    'list_missions',
    'list_proposals',
    'propose',
    'show_policy',
    'show_proposal',
    'wait_for_proposal',
  ]);
});

test('without a key, with a wrong one, from elsewhere, or too large, it is refused as any request is', async () => {
  const without = await post(LIST, { key: null });
  expect(without.headers.get('www-authenticate')).toBe('Bearer realm="opsloop"');
  const refused: [string, Response, number, string][] = [
    ['no key', without, 401, 'unauthorized'],
    ['a wrong key', await post(LIST, { key: 'ops_nobody' }), 401, 'unauthorized'],
    ['another host', await post(LIST, { headers: { host: 'evil.example.com' } }), 403, 'host_not_allowed'],
    [
      'another origin',
      await post(LIST, { headers: { origin: 'https://evil.example.com' } }),
      403,
      'origin_not_allowed',
    ],
    ['too large', await post(message('tools/list', { x: 'y'.repeat(1_100_000) })), 413, 'too_large'],
    [
      'too deep',
      await post(undefined, { body: `${'{"a":'.repeat(40)}1${'}'.repeat(40)}` }),
      400,
      'invalid_json',
    ],
    ['no JSON', await post(undefined, { body: '{' }), 400, 'invalid_json'],
    ['several messages', await post([LIST, LIST]), 400, 'invalid_request'],
  ];
  for (const [what, response, status, code] of refused) {
    expect([what, response.status]).toEqual([what, status]);
    expect([what, (await problemOf(response)).code]).toEqual([what, code]);
  }
});

test('it has no sessions and no streams of its own', async () => {
  for (const method of ['GET', 'DELETE', 'PUT']) {
    const response = await t.request('/mcp', { method, headers: MCP });
    expect([method, response.status, response.headers.get('allow')]).toEqual([method, 405, 'POST']);
  }
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const listen = message('subscriptions/listen', { _meta: meta, notifications: { toolsListChanged: true } });
  const response = await post(listen, {
    headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' },
  });
  expect(await response.json()).toMatchObject({ error: { message: 'Subscription limit reached' } });
});

test('a page that is allowed may send what MCP sends', async () => {
  const headers = { origin: 'http://localhost:8787', 'access-control-request-method': 'POST' };
  const response = await t.request('/mcp', { method: 'OPTIONS', key: null, headers });
  expect(response.headers.get('access-control-allow-headers')).toMatch(/Mcp-Protocol-Version/);
});

test("a call counts once on an agent's key, however many requests its tool makes", async () => {
  const call = () => post(message('tools/call', { name: 'show_policy', arguments: {} }), { key: agents });
  const statuses = [];
  for (let n = 0; n < 6; n++) {
    const response = await call();
    statuses.push(response.status);
    await response.text();
  }
  expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
});

test('a tool can do what its key can and no more', async () => {
  const key = await t.key({ agent_id: 'qa', scopes: ['propose'] });
  const response = await post(message('tools/call', { name: 'list_proposals', arguments: {} }), { key });
  const { result } = await messageOf(response);
  expect(result).toMatchObject({
    isError: true,
    content: [{ text: expect.stringMatching(/^forbidden: This needs a key with the scope read/) }],
  });
  const nobody = await post(
    message('tools/call', { name: 'propose', arguments: { kind: 'a', title: 'b' } }),
    {
      key: OPERATOR_KEY,
    },
  );
  expect(await nobody.text()).toContain('or takes a key of that agent');
});
