import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import { makeClient } from '../../src/client.ts';
import { AppError } from '../../src/errors.ts';
import type { HttpServer } from '../../src/http/serve.ts';
import { OPERATOR_KEY, useApp } from '../support/app.ts';

const t = useApp();
let server: HttpServer;
beforeAll(async () => {
  server = await t.serve();
});

async function errorOf(call: Promise<unknown>): Promise<AppError> {
  const error = await call.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof AppError) return error;
  throw error;
}

test('a problem becomes the same AppError on the other side', async () => {
  const client = makeClient({ url: `${server.url}/`, apiKey: OPERATOR_KEY });
  const { proposals } = client.api.api.ops;
  const missing = await errorOf(proposals[':id'].$get({ param: { id: crypto.randomUUID() } }));
  expect(missing).toMatchObject({ code: 'not_found', exitCode: 3, details: { id: expect.any(String) } });
  const invalid = await errorOf(proposals.$get({ query: { limit: '0' } }));
  expect(invalid.code).toBe('invalid_request');
  const refused = await errorOf(makeClient({ url: server.url }).api.api.ops.health.$get());
  expect(refused).toMatchObject({ code: 'unauthorized', exitCode: 7 });
});

test('Retry-After arrives', async () => {
  const client = makeClient({ url: server.url, apiKey: OPERATOR_KEY });
  await client.api.api.ops.policy[':key'].$put({
    param: { key: 'kind_caps' },
    json: { value: { content: 1 } },
  });
  const wish = { header: {}, json: { agent_id: 'pm', kind: 'content', title: 'A page' } };
  await client.api.api.ops.proposals.$post(wish);
  const capped = await errorOf(client.api.api.ops.proposals.$post(wish));
  expect(capped.code).toBe('cap_reached');
  expect(capped.retryAfter).toBeGreaterThan(0);
  expect(capped.details).toMatchObject({ proposal: { status: 'rejected' } });
});

test('a server that is not there is server_unavailable, and says where it was looked for', async () => {
  const gone = await t.serve();
  await gone.close();
  const error = await errorOf(makeClient({ url: gone.url }).api.api.status.$get());
  expect(error).toMatchObject({ code: 'server_unavailable', exitCode: 5 });
  expect(error.message).toContain(gone.url);
});

async function withServer<T>(
  answer: Parameters<typeof createServer>[1],
  use: (url: string) => Promise<T>,
): Promise<T> {
  const other = createServer(answer as never);
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  try {
    return await use(`http://127.0.0.1:${(other.address() as AddressInfo).port}`);
  } finally {
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
  }
}

test('a code that this client does not know is internal and keeps the sentence', async () => {
  const newer = JSON.stringify({ code: 'from_the_future', detail: 'Something new.', status: 418 });
  const error = await withServer(
    (_request, response) => response.writeHead(418).end(newer),
    (url) => errorOf(makeClient({ url }).api.api.status.$get()),
  );
  expect(error).toMatchObject({
    code: 'internal',
    message: 'Something new.',
    details: { code: 'from_the_future' },
  });
});

test('an answer that is no problem at all is still an error with a sentence', async () => {
  const error = await withServer(
    (_request, response) => response.writeHead(502).end('<html>Bad gateway</html>'),
    (url) => errorOf(makeClient({ url }).api.api.status.$get()),
  );
  expect(error).toMatchObject({ code: 'internal', message: 'The server answered 502.' });
});

test('the key never follows a redirect', async () => {
  const seen: (string | undefined)[] = [];
  const error = await withServer(
    (request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(307, { location: `${server.url}/api/status` }).end();
    },
    (url) => errorOf(makeClient({ url, apiKey: OPERATOR_KEY }).api.api.status.$get()),
  );
  expect(error.code).toBe('server_unavailable');
  expect(seen).toHaveLength(1);
});
