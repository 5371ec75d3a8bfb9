import { expect, test } from 'vitest';
import { useApp } from '../support/app.ts';

const t = useApp({ parts: { heartbeat: true } });

type Operation = {
  operationId: string;
  parameters?: { name: string; in: string }[];
  responses: Record<string, { description: string; content?: Record<string, unknown> }>;
  security: Record<string, string[]>[];
};
type Document = {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> };
};

test('the OpenAPI document is whole: references lead somewhere, names are unique, parameters are declared', async () => {
  const document = (await (await t.request('/openapi.json')).json()) as Document;
  expect(document.openapi).toBe('3.1.0');
  const text = JSON.stringify(document);
  for (const [, name = ''] of text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g))
    expect(Object.keys(document.components.schemas)).toContain(name);

  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.values(item).map((operation) => ({ path, ...operation })),
  );
  const names = operations.map(({ operationId }) => operationId);
  expect(new Set(names).size).toBe(names.length);
  for (const { path, parameters = [], responses, security } of operations) {
    const inPath = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
    expect([path, inPath]).toEqual([path, [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)]);
    // MCP has words of its own for what is taken and for what is no message.
    const isOurs = path !== '/mcp';
    expect(Object.keys(responses).filter((status) => status.startsWith('2'))).toHaveLength(isOurs ? 1 : 2);
    if (security.length > 0)
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(['400', '401', '403', '429', '503']));
    for (const [status, { content }] of Object.entries(responses))
      if (Number(status) >= 400 && (isOurs || status !== '400'))
        expect(Object.keys(content ?? {})).toEqual(['application/problem+json']);
    for (const [scheme] of security.flatMap((requirement) => Object.entries(requirement)))
      expect(Object.keys(document.components.securitySchemes)).toContain(scheme);
  }
});

test('the document of the dashboard needs no key, and holds nothing but the way to its program', async () => {
  const response = await t.request('/', { key: null });
  expect(response.headers.get('content-type')).toContain('text/html');
  const html = await response.text();
  expect(html).not.toMatch(
    /<script(?! type="module" crossorigin src="\/assets\/)|<style|style=|onclick|javascript:|https?:/i,
  );
  const [, script = ''] = /src="(\/assets\/[^"]+\.js)"/.exec(html) ?? [];
  const program = await t.request(script, { key: null, headers: { 'accept-encoding': 'gzip' } });
  expect(program.headers.get('content-type')).toContain('text/javascript');
  expect(program.headers.get('content-encoding')).toBe('gzip');
  expect(program.headers.get('cache-control')).toContain('immutable');
  for (const view of ['/proposals', '/missions/0190a000-0000-7000-8000-000000000000', '/policy/daily_caps'])
    expect(await (await t.request(view, { key: null })).text()).toBe(html);
});

test('only files of the dashboard are served as such', async () => {
  for (const path of [
    '/assets/nothing.js',
    '/assets/..%2findex.html',
    '/assets/%2e%2e%2f%2e%2e%2fpackage.json',
  ])
    expect((await t.request(path)).status).toBe(404);
  expect((await t.request('/index.html', { key: null })).status).toBe(401);
});

test('the status says whether it is active, and nothing more', async () => {
  expect(await (await t.request('/api/status', { key: null })).json()).toEqual({ active: true });
});

test('metrics count what is there and how requests went, by route and not by path', async () => {
  const wish = { agent_id: 'pm', kind: 'analysis', title: 'Look' };
  await t.request('/api/ops/proposals', { method: 'POST', json: wish });
  await t.request(`/api/ops/proposals/${crypto.randomUUID()}`);
  await t.request('/made/up/by/a/client');
  const response = await t.request('/metrics');
  expect(response.headers.get('content-type')).toContain('text/plain');
  const text = await response.text();
  expect(text).toContain('opsloop_items{state="missions_active"} 1');
  expect(text).toContain(
    'opsloop_http_request_duration_seconds_count{method="POST",route="/api/ops/proposals",status="201"} 1',
  );
  expect(text).toContain('{method="GET",route="/api/ops/proposals/:id",status="404"} 1');
  expect(text).toContain('{method="GET",route="none",status="404"} 1');
  expect(text).not.toContain('made/up');
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]);
  expect(names).toEqual(
    expect.arrayContaining([
      'opsloop_info',
      'opsloop_workers_alive',
      'opsloop_last_beat_age_seconds',
      'opsloop_sealing_lag_seconds',
      'opsloop_database_connections',
      'opsloop_event_streams',
      'nodejs_eventloop_lag_p99_seconds',
      'process_resident_memory_bytes',
    ]),
  );
});

test('a beat answers what each action did, and is kept', async () => {
  const beat = (await (await t.request('/api/ops/heartbeat', { method: 'POST' })).json()) as {
    actions: { action: string; status: string }[];
    beat_id: string;
  };
  expect(beat.actions.map(({ action, status }) => [action, status])).toEqual(
    expect.arrayContaining([
      ['recoverStaleSteps', 'ok'],
      ['logHeartbeat', 'ok'],
    ]),
  );
  const { action_runs } = (await (await t.request('/api/ops/action-runs?limit=200')).json()) as {
    action_runs: { beat_id: string }[];
  };
  expect(action_runs.filter((run) => run.beat_id === beat.beat_id)).toHaveLength(beat.actions.length);
});

test('health and workers answer in their described shapes', async () => {
  expect(await (await t.request('/api/ops/health')).json()).toMatchObject({
    status: 'degraded',
    workers: { alive: 0 },
    problems: expect.arrayContaining([expect.stringContaining('No worker is alive')]),
  });
  expect(await (await t.request('/api/ops/workers')).json()).toEqual({ workers: [] });
});
