import { expect, test } from 'vitest';
import { useApp } from '../support/app.ts';
import { inBrowser, settled, useBrowser } from '../support/browser.ts';

inBrowser('the first view', () => {
  const t = useApp({ parts: { heartbeat: true } });
  const browser = useBrowser(t);

  test('needs at most 200 kB of JavaScript, compressed, and nothing from elsewhere', async () => {
    const tab = await browser.open('/');
    await settled(tab);
    const loaded: { url: string; bytes: number }[] = [];
    tab.on('requestfinished', async (request) => {
      const url = request.url();
      loaded.push({ url, bytes: 0 });
      if (url.endsWith('.js')) loaded.push({ url, bytes: (await request.sizes()).responseBodySize });
    });
    // Without what the browser has kept.
    const session = await tab.context().newCDPSession(tab);
    await session.send('Network.setCacheDisabled', { cacheDisabled: true });
    await tab.reload();
    await settled(tab);
    expect(loaded.filter(({ url }) => !url.startsWith(browser.url))).toEqual([]);
    const bytes = loaded.reduce((sum, one) => sum + one.bytes, 0);
    expect(bytes).toBeGreaterThan(50_000);
    expect(bytes).toBeLessThan(200_000);
  });
});
