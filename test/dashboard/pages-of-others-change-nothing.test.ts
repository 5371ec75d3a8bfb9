import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HttpServer } from '../../src/http/serve.ts';
import { OPERATOR_KEY, useApp } from '../support/app.ts';
import { inBrowser, launchBrowser } from '../support/browser.ts';
import { startAnswering } from '../support/http-answers.ts';

const t = useApp({ parts: { heartbeat: true } });
const NAME = 'evil.example';
// In the language of browsers, whose types these tests do not have.
const ATTACKS = './attacks.mjs';
type Attack = (given: { target: string; key: string }) => Promise<{ tried: number; read: string[] }>;

inBrowser('pages of others', () => {
  let browser: Browser;
  let context: BrowserContext;
  let server: HttpServer;
  let others: Awaited<ReturnType<typeof startAnswering>>;

  beforeAll(async () => {
    server = await t.serve({ http: { failedKeysPerMinute: 100_000 } });
    others = await startAnswering(() => ({
      headers: { 'content-type': 'text/html' },
      body: '<!doctype html><title>A page of others</title>',
    }));
    // A name of others that leads here, as after DNS rebinding.
    browser = await launchBrowser(`--host-resolver-rules=MAP ${NAME} 127.0.0.1`);
    context = await browser.newContext();
    // The operator is signed in, in the same browser.
    const made = await t.request('/api/ops/sign-in-codes', { method: 'POST' });
    const own = await context.newPage();
    await own.goto(`${server.url}/#code=${((await made.json()) as { code: string }).code}`);
    await own.getByRole('navigation', { name: 'Views' }).waitFor();
  });

  afterAll(async () => {
    await browser?.close();
    await others?.[Symbol.asyncDispose]();
  });

  const portOf = (url: string) => new URL(url).port;
  const pageAt = async (url: string): Promise<Page> => {
    const page = await context.newPage();
    await page.goto(url);
    return page;
  };

  /** Everything that a request could have changed. */
  const state = async () => {
    const [row] = await t.database.query(
      `select (select count(*)::integer from ops_events) as events, (select count(*)::integer from ops_sessions) as sessions,
         (select count(*)::integer from ops_action_runs) as beats, (select count(*)::integer from ops_proposals) as proposals,
         (select count(*)::integer from ops_api_keys) as keys, (select count(*)::integer from ops_workers) as workers`,
    );
    return row;
  };
  /** How many requests that change something came in, by their status. The operator's own page only reads. */
  const arrived = async () => {
    const headers = { authorization: `Bearer ${OPERATOR_KEY}` };
    const text = await (await fetch(`${server.url}/metrics`, { headers })).text();
    const counts: Record<string, number> = {};
    const lines = text.matchAll(
      /^opsloop_http_request_duration_seconds_count\{method="(.*)",route=".*",status="(\d+)"\} (\d+)$/gm,
    );
    for (const [, method = '', status = '', n] of lines)
      if (method !== 'GET') counts[status] = (counts[status] ?? 0) + Number(n);
    return counts;
  };

  const ours = () => server.url;
  const bound = () => `http://${NAME}:${server.port}`;

  test.each([
    ['another port', () => others.url, ours, 50],
    ['another name of this machine', () => `http://localhost:${portOf(others.url)}`, ours, 50],
    ['another site', () => `http://${NAME}:${portOf(others.url)}`, ours, 50],
    // Its requests seem to be to itself. Our refusal lets it do little, but it need not have come from us.
    ['a name that now leads to us', bound, bound, 20],
  ] as const)(
    'a page of %s changes nothing and reads nothing, by whatever way and even with a key',
    async (_where, from, target, least) => {
      const before = { state: await state(), arrived: await arrived() };
      const page = await pageAt(`${from()}/`);
      const { attackFrom } = (await import(ATTACKS)) as { attackFrom: Attack };
      const found = await page.evaluate(attackFrom, { target: target(), key: OPERATOR_KEY });
      await page.close();
      expect(found.read).toEqual([]);
      expect(found.tried).toBeGreaterThan(50);
      expect(await state()).toEqual(before.state);
      // They did arrive, and each was refused for where it came from, before anybody asked for a key.
      const { 403: refused = 0, ...rest } = await arrived();
      const { 403: refusedBefore = 0, ...restBefore } = before.arrived;
      expect(refused - refusedBefore).toBeGreaterThan(least);
      expect(rest).toEqual(restBefore);
    },
    60_000,
  );
});
