import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { OPERATOR_KEY, useApp } from '../support/app.ts';
import { inBrowser, type Tab, useBrowser } from '../support/browser.ts';
import { openPolicy, proposer } from '../support/loop.ts';

inBrowser('the page is live', () => {
  const t = useApp();
  const browser = useBrowser(t, { pingMs: 300 });
  const propose = async (title: string) => (await proposer(t.database)({ title, kind: 'content' })).proposal;
  /** While the server is away the browser itself tells the console of each failed request. */
  const forgetRefusals = (tab: Tab) => {
    tab.complaints = tab.complaints.filter((complaint) => !complaint.includes('ERR_'));
  };

  const streams = async () => {
    const headers = { authorization: `Bearer ${OPERATOR_KEY}` };
    const metrics = await (await fetch(`${browser.url}/metrics`, { headers })).text();
    return /^opsloop_event_streams (\d+)/m.exec(metrics)?.[1];
  };

  test('through a restart of the server: it says that it is stale, and misses nothing', async () => {
    await openPolicy(t.database, []);
    const tab = await browser.open('/proposals');
    await tab.getByText('Live', { exact: true }).waitFor();
    await propose('Before the restart');
    await tab.getByRole('link', { name: 'Before the restart' }).waitFor();

    await browser.stopServer();
    await tab.getByText(/^Stale for/).waitFor();
    const { id } = await propose('While it was away');
    await browser.startServer();
    await tab.getByRole('link', { name: 'While it was away' }).waitFor();
    await tab.getByText('Live', { exact: true }).waitFor();

    await t.request(`/api/ops/proposals/${id}/reject`, { method: 'POST', json: {} });
    await tab.getByRole('link', { name: 'While it was away' }).waitFor({ state: 'detached' });
    forgetRefusals(tab);
  });

  test('through a lost network: what happened meanwhile is there when it is back', async () => {
    await openPolicy(t.database, []);
    const tab = await browser.open('/proposals');
    await tab.getByText('Live', { exact: true }).waitFor();
    await tab.context().setOffline(true);
    await propose('While the cable was out');
    await tab.context().setOffline(false);
    await tab.getByRole('link', { name: 'While the cable was out' }).waitFor({ timeout: 40_000 });
    forgetRefusals(tab);
  }, 60_000);

  test('an event that comes while a list is first read is not lost', async () => {
    await openPolicy(t.database, []);
    const tab = await browser.open('/');
    const [reading, goOn] = [makeSignal(), makeSignal()];
    await tab.route(
      '**/api/ops/proposals?*',
      async (route) => {
        const answer = await route.fetch();
        reading.call();
        await goOn.called;
        await route.fulfill({ response: answer });
      },
      { times: 1 },
    );
    await tab.getByRole('link', { name: 'Proposals' }).first().click();
    await reading.called;
    await propose('While the list was read');
    const told = tab.waitForResponse((response) => response.url().includes('/api/ops/'), { timeout: 2_000 });
    await told.catch(() => undefined);
    goOn.call();
    await tab.getByRole('link', { name: 'While the list was read' }).waitFor();
  });

  test('a page that is opened in the background holds no stream until it is looked at', async () => {
    await openPolicy(t.database, []);
    const tab = await browser.open('/');
    await tab.getByText('Live', { exact: true }).waitFor();
    await expect.poll(streams).toBe('1');
    const other = await tab.context().newPage();
    await other.addInitScript(
      "Object.defineProperty(document, 'visibilityState', { configurable: true, value: 'hidden' })",
    );
    await other.goto(`${browser.url}/proposals`);
    await other.getByText('Resting').waitFor();
    expect(await streams()).toBe('1');
    await hide(other, false);
    await other.getByText('Live', { exact: true }).waitFor();
    await expect.poll(streams).toBe('2');
  });

  test('what was done is seen although the stream is not there to tell', async () => {
    await openPolicy(t.database, []);
    const { id } = await propose('Decided without a stream');
    const tab = await browser.open('/');
    await tab.route('**/api/ops/events/stream*', (route) => route.abort());
    await tab.goto(`${browser.url}/proposals/${id}`);
    await tab.getByRole('button', { name: 'Reject' }).click();
    await tab.getByRole('dialog').getByRole('button', { name: 'Reject' }).click();
    await tab.getByRole('definition').filter({ hasText: 'rejected' }).first().waitFor();
    forgetRefusals(tab);
  });

  test('a hidden page costs the server nothing, and shows what is when it is looked at again', async () => {
    await openPolicy(t.database, []);
    const tab = await browser.open('/proposals');
    await tab.getByText('Live', { exact: true }).waitFor();
    await hide(tab, true);
    await tab.getByText('Resting').waitFor({ state: 'attached' });
    await expect.poll(streams).toBe('0');
    const asked: string[] = [];
    tab.on('request', (request) => asked.push(request.url()));
    await propose('While nobody looked');
    await t.app.health();
    expect(asked).toEqual([]);
    await hide(tab, false);
    await tab.getByRole('link', { name: 'While nobody looked' }).waitFor();
  });
});

/** The browser of a test is always looked at, so the page is told that it is not. */
async function hide(tab: Page, hidden: boolean): Promise<void> {
  await tab.evaluate(`
    Object.defineProperty(document, 'visibilityState', { configurable: true, value: '${hidden ? 'hidden' : 'visible'}' });
    document.dispatchEvent(new Event('visibilitychange'));
  `);
}

function makeSignal(): { call: () => void; called: Promise<void> } {
  let call = () => {};
  const called = new Promise<void>((resolve) => {
    call = resolve;
  });
  return { call, called };
}
