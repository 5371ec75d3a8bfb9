import { expect, test } from 'vitest';
import { useApp } from '../support/app.ts';
import { inBrowser, settled, useBrowser } from '../support/browser.ts';

inBrowser('the first view', () => {
  const t = useApp({ parts: { heartbeat: true } });
  const browser = useBrowser(t);

  test('needs at most 200 kB of JavaScript, compressed, and nothing from elsewhere', async () => {
    const tab = await browser.open('/');
    await settled(tab);
    const session = await tab.context().newCDPSession(tab);
    await session.send('Network.enable');
    await session.send('Network.setCacheDisabled', { cacheDisabled: true });
    const urls = new Map<string, string>();
    const bytes = new Map<string, number>();
    session.on('Network.responseReceived', ({ requestId, response }) => urls.set(requestId, response.url));
    session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) =>
      bytes.set(requestId, encodedDataLength),
    );
    await tab.reload();
    await settled(tab);
    expect([...urls.values()].filter((url) => !url.startsWith(browser.url))).toEqual([]);
    const scripts = [...urls].filter(([, url]) => url.endsWith('.js'));
    const sum = scripts.reduce((total, [id]) => total + (bytes.get(id) ?? 0), 0);
    expect(sum).toBeGreaterThan(50_000);
    expect(sum).toBeLessThan(200_000);
  });
});
