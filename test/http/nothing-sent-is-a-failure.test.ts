import * as fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import type { HttpServer } from '../../src/http/serve.ts';
import { describeApi } from '../../src/http/openapi.ts';
import { OPERATOR_KEY, useApp } from '../support/app.ts';
import { sendRaw } from './raw.ts';

const t = useApp({ parts: { heartbeat: true } });
let server: HttpServer;
beforeAll(async () => {
  server = await t.serve();
});

const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '',
    '..',
    '%00',
    '\u0000',
    '\ud800',
    '0',
    '-1',
    '1e400',
    'NaN',
    "' or 1=1--",
    '__proto__',
    '٣',
    '‮',
  ),
  fc.uuid(),
);
const json = fc.oneof(
  fc.jsonValue({ maxDepth: 6 }),
  fc.record(
    {
      agent_id: fc.oneof(fc.constantFrom('pm', 'nobody'), nasty),
      kind: fc.oneof(fc.constantFrom('analysis', 'tweet', 'deploy'), nasty),
      title: fc.oneof(fc.string({ maxLength: 300, unit: 'grapheme' }), nasty),
      body: fc.oneof(nasty, fc.constant(null)),
      priority: fc.oneof(fc.integer(), fc.double()),
      value: fc.jsonValue(),
      reason: nasty,
      name: nasty,
      scopes: fc.array(fc.constantFrom('read', 'propose', 'admin', 'x')),
      expires_in_days: fc.oneof(fc.integer(), fc.double()),
      model_override: nasty,
      config: fc.jsonValue(),
      limit: nasty,
    },
    { requiredKeys: [] },
  ),
);

const operations = () =>
  Object.entries(describeApi(t.http).paths ?? {}).flatMap(([path, item]) =>
    (['get', 'post', 'put', 'delete'] as const).flatMap((method) => (item[method] ? [{ method, path }] : [])),
  );

test('whatever fills a route, the answer is no server error, and an error is a problem', async () => {
  const routes = operations();
  const request = fc.record({
    route: fc.nat({ max: routes.length - 1 }),
    param: fc.oneof(nasty, fc.constantFrom('pm', 'plans', 'daily_caps')),
    query: fc.dictionary(
      fc.constantFrom(
        'limit',
        'cursor',
        'kind',
        'status',
        'agent_id',
        'after',
        'entity_id',
        'proposal_id',
        'x',
      ),
      nasty,
      { maxKeys: 3 },
    ),
    json,
    idempotencyKey: fc.option(nasty),
  });
  await fc.assert(
    fc.asyncProperty(request, async ({ route, param, query, json: given, idempotencyKey }) => {
      const { method, path } = routes[route] ?? { method: 'get', path: '/' };
      const filled = path.replaceAll(/\{\w+\}/g, () => encodeURIComponent(param.toWellFormed()));
      const search = new URLSearchParams(query).toString();
      const headers: Record<string, string> =
        idempotencyKey !== null && /^[\x20-\x7e]*$/.test(idempotencyKey)
          ? { 'idempotency-key': idempotencyKey }
          : {};
      const hasBody = method === 'post' || method === 'put';
      const response = await t.request(`${filled}${search ? `?${search}` : ''}`, {
        method: method.toUpperCase(),
        headers,
        ...(hasBody ? { json: given } : {}),
      });
      expect(response.status).toBeLessThan(500);
      if (response.status >= 400) {
        expect(response.headers.get('content-type')).toBe('application/problem+json');
        expect(await response.json()).toMatchObject({ status: response.status, code: expect.any(String) });
      } else await response.body?.cancel();
    }),
    { numRuns: 400, seed: 20_261_122 },
  );
});

test('whatever bytes come over the wire, the answer is no server error, and the server lives', async () => {
  const line = fc.oneof(
    fc.constantFrom(
      'GET / HTTP/1.1',
      'POST /api/ops/proposals HTTP/1.1',
      'GET /api/ops/events/stream?after=0 HTTP/1.0',
      `Host: 127.0.0.1:${server.port}`,
      'Host: x',
      `Authorization: Bearer ${OPERATOR_KEY}`,
      'Content-Type: application/json',
      'Content-Length: 2',
      'Content-Length: -1',
      'Transfer-Encoding: chunked',
      'Transfer-Encoding: gzip, chunked',
      'Connection: close, upgrade',
      'Upgrade: websocket',
      'Expect: 100-continue',
      '',
      '{}',
      '2\r\n{}\r\n0\r\n',
    ),
    fc.string({ unit: 'binary', maxLength: 60 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 12 }), async (lines) => {
      // The half of a request that is closed on our side is answered or dropped at once.
      const answer = await sendRaw(
        server.port,
        `${lines.join('\r\n')}\r\nConnection: close\r\n\r\n\r\n`,
        true,
      ).catch(() => null);
      if (answer !== null && Number.isInteger(answer.status)) expect(answer.status).toBeLessThan(500);
    }),
    { numRuns: 150, seed: 20_261_122 },
  );
  expect((await fetch(`${server.url}/api/status`)).status).toBe(200);
});
