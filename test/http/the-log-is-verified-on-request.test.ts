import { beforeAll, expect, test } from 'vitest';
import { verifyLog } from '../../src/events/proof/verify.ts';
import { signChainEnd } from '../../src/events/proof/sign.ts';
import type { HttpServer } from '../../src/http/serve.ts';
import { revokeKey } from '../../src/keys/keys.ts';
import { eventually } from '../support/loop.ts';
import { OPERATOR_KEY, problemOf, useApp } from '../support/app.ts';
import { sealSome, tamper } from '../support/sealed-log.ts';

const t = useApp();
let server: HttpServer;
beforeAll(async () => {
  server = await t.serve({ http: { pingMs: 20 } });
  await sealSome(t.database, 12_000);
  await signChainEnd(t.database, t.app.config.home);
});

const ask = (options: { key?: string; signal?: AbortSignal; at?: HttpServer } = {}) =>
  fetch(`${(options.at ?? server).url}/api/ops/events/verify`, {
    method: 'POST',
    headers: { authorization: `Bearer ${options.key ?? OPERATOR_KEY}` },
    ...(options.signal ? { signal: options.signal } : {}),
  });
const messagesIn = (text: string) =>
  [...text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(([, event, data = '']) => ({
    event,
    data: JSON.parse(data) as Record<string, unknown>,
  }));

/** Holds every verification up at its beginning while `during` runs. */
async function heldUp(during: () => Promise<void>): Promise<void> {
  await t.database.transaction(async (tx) => {
    await tx.query('lock table ops_event_batches in access exclusive mode');
    await during();
  });
}

test('it tells how far it is, and ends with the verdict', async () => {
  const response = await ask();
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const messages = messagesIn(await response.text());
  const last = messages.at(-1);
  expect(last).toMatchObject({ event: 'verdict', data: { ok: true, offence: null, heads_compared: 1 } });
  const total = (last?.data.head as { seq: number } | undefined)?.seq;
  const progress = messages.slice(0, -1);
  expect(progress.length).toBeGreaterThan(0);
  for (const { event, data } of progress) expect([event, data.total]).toEqual(['progress', total]);
});

test('what is wrong with the log is in the verdict', async () => {
  const change = (kind: string) =>
    t.database.transaction((tx) =>
      tamper(tx, `update ops_events set kind = '${kind}' where id = (select max(id) - 500 from ops_events)`),
    );
  await change('x');
  const [last] = messagesIn(await (await ask()).text()).slice(-1);
  expect(last).toMatchObject({ event: 'verdict', data: { ok: false, offence: { kind: 'altered' } } });
  await change('test.written');
});

test('one at a time, with pings while nothing can be told', async () => {
  let first: Response | undefined;
  await heldUp(async () => {
    first = await ask();
    const second = await ask();
    expect([second.status, (await problemOf(second)).code]).toEqual([409, 'conflict']);
  });
  expect(messagesIn((await first?.text()) ?? '').at(-1)?.event).toBe('verdict');
  expect(messagesIn(await (await ask()).text()).at(-1)?.event).toBe('verdict');
});

test('a reader that leaves ends the work and makes room for the next one', async () => {
  const leaving = new AbortController();
  await heldUp(async () => {
    const response = await ask({ signal: leaving.signal });
    leaving.abort();
    await response.text().catch(() => undefined);
  });
  await eventually(async () => {
    const response = await ask();
    return response.ok
      ? (await response.text()).includes('event: verdict')
      : response.text().then(() => false);
  });
});

test('a key that is revoked, and a server that stops, end it', async () => {
  const key = await t.key({ scopes: ['admin'] });
  const stopping = await t.serve();
  await heldUp(async () => {
    const first = await ask({ key });
    const second = await ask({ at: stopping });
    await revokeKey(t.app.database, key.split('_')[1] ?? '', 'test');
    expect(messagesIn(await first.text())).toMatchObject([
      { event: 'error', data: { code: 'unauthorized' } },
    ]);
    const said = second.text();
    await stopping.close();
    expect(await said).toContain(': the server stops');
  });
});

test('a signal ends the work before its next statement', async () => {
  const stop = new AbortController();
  let statements = 0;
  const counting = {
    query: (...args: Parameters<typeof t.database.query>) => {
      statements++;
      return t.database.query(...args);
    },
  } as typeof t.database;
  let atStop = 0;
  const verifying = verifyLog(counting, {
    home: t.app.config.home,
    signal: stop.signal,
    onProgress: () => {
      atStop = statements;
      stop.abort(new Error('enough'));
    },
  });
  await expect(verifying).rejects.toThrow('enough');
  expect(statements).toBe(atStop);
});

test('a failure is told in the stream', async () => {
  const { query } = t.app.database;
  t.app.database.query = () => Promise.reject(new Error('secret detail'));
  const response = await t.request('/api/ops/events/verify', { method: 'POST' });
  const text = await response.text();
  t.app.database.query = query;
  expect(messagesIn(text)).toMatchObject([{ event: 'error', data: { code: 'internal' } }]);
  expect(text).not.toContain('secret');
});
