import { beforeAll, expect, test } from 'vitest';
import { useApp } from '../support/app.ts';
import { axe, inBrowser, overflows, settled, useBrowser } from '../support/browser.ts';
import { fillEveryView, PLAIN } from '../support/every-view.ts';

const WIDTHS = [1280, 390];
const SCHEMES = ['light', 'dark'] as const;

inBrowser('every view', () => {
  const t = useApp({ parts: { heartbeat: true, files: true } });
  const browser = useBrowser(t);
  let views: string[] = [];
  let more: string[] = [];
  beforeAll(async () => {
    ({ views, more } = await fillEveryView(t, PLAIN));
  }, 60_000);

  test.each(WIDTHS.flatMap((width) => SCHEMES.map((scheme) => [width, scheme] as const)))(
    'can be used by everybody, at %i pixels, %s',
    async (width, colorScheme) => {
      const tab = await browser.open('/', { viewport: { width, height: 800 }, colorScheme });
      const found: [string, string[], boolean][] = [];
      for (const view of views) {
        await tab.goto(browser.url + view);
        await settled(tab);
        // What is folded away as well.
        for (const summary of await tab.locator('main summary').all()) await summary.click();
        await settled(tab);
        found.push([view, await axe(tab), await overflows(tab)]);
      }
      expect(found).toEqual(views.map((view) => [view, [], false]));
    },
    120_000,
  );

  test('and what else a view can show, light and wide', async () => {
    const tab = await browser.open('/');
    const found: [string, string[]][] = [];
    for (const view of more) {
      await tab.goto(browser.url + view);
      await settled(tab);
      found.push([view, await axe(tab)]);
    }
    expect(found).toEqual(more.map((view) => [view, []]));
  });

  test('dialogs as well', async () => {
    const tab = await browser.open(more[0]);
    for (const name of ['Approve', 'Edit and approve', 'Reject']) {
      await tab.getByRole('button', { name, exact: true }).click();
      await tab.getByRole('dialog').waitFor();
      expect([name, await axe(tab)]).toEqual([name, []]);
      await tab.keyboard.press('Escape');
      await tab.getByRole('dialog').waitFor({ state: 'detached' });
    }
    await tab.goto(`${browser.url}/schedules/nightly`);
    await tab.getByRole('button', { name: 'Remove', exact: true }).click();
    expect(await axe(tab)).toEqual([]);
    await tab.keyboard.press('Escape');
    await tab.goto(`${browser.url}/agents`);
    for (const name of ['New agent', 'New key']) {
      await tab.getByRole('button', { name, exact: true }).click();
      expect([name, await axe(tab)]).toEqual([name, []]);
      await tab.keyboard.press('Escape');
    }
  });
});
