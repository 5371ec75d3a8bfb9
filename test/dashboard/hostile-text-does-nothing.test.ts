import { beforeAll, expect, test } from 'vitest';
import { useApp } from '../support/app.ts';
import { inBrowser, settled, useBrowser } from '../support/browser.ts';
import { fillEveryView, type Texts } from '../support/every-view.ts';

/** What would run, load, hide or lead away, each where an agent can write. */
const ATTACKS = [
  '<script>window.hacked = 1</script>',
  '<img src="https://evil.example/pixel.png" onerror="window.hacked = 1">',
  '![pixel](https://evil.example/pixel.png)',
  '[click](javascript:window.hacked=1)',
  '<a href="https://evil.example" ping="https://evil.example/ping">here</a>',
  '<style>body { display: none }</style>',
  '<iframe src="https://evil.example"></iframe>',
  '<svg onload="window.hacked = 1"></svg>',
  '<form action="https://evil.example"><button>OK</button></form>',
  '<meta http-equiv="refresh" content="0;url=https://evil.example">',
  '{{constructor.constructor("window.hacked = 1")()}}',
  '\u202Eevorppa\u202C \u2066isolated\u2069 zero\u200Bwidth \u200F\uFEFF soft\u00ADhyphen',
  '`;window.hacked=1//` " \' --> ]]> </textarea></title>',
];
const ALL = ATTACKS.join(' ');
const HOSTILE: Texts = {
  title: ALL.slice(0, 200),
  body: `# ${ATTACKS.join('\n\n')}`,
  output: ATTACKS.join('\n\n'),
  failure: ALL,
  payload: ALL,
  name: ALL.slice(0, 100),
};
/** Each begins with a character that hides or turns; the second also shows what each attack alone does in a title. */
const SHORT: Texts = { ...HOSTILE, title: ATTACKS[11] ?? '', name: ATTACKS[11]?.slice(0, 60) ?? '' };
const HIDING = /[\u00AD\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/u;

inBrowser("an agent's text", () => {
  const t = useApp({ parts: { heartbeat: true, files: true } });
  const browser = useBrowser(t);
  let views: string[] = [];
  beforeAll(async () => {
    const long = await fillEveryView(t, HOSTILE);
    const short = await fillEveryView(t, SHORT);
    views = [
      ...long.views,
      ...long.more,
      ...short.views.slice(0, 5),
      ...short.more.slice(0, 4),
      '/agents',
      '/agents/research',
    ];
  }, 60_000);

  test('runs, loads and hides nothing in any view', async () => {
    const tab = await browser.open('/');
    const elsewhere: string[] = [];
    tab.on('request', (request) => {
      if (!request.url().startsWith(browser.url)) elsewhere.push(request.url());
    });
    tab.on('dialog', (dialog) => {
      elsewhere.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    // As a complaint of the page, which no test may end with.
    await tab.addInitScript(
      "addEventListener('securitypolicyviolation', (event) => console.error('refused: ' + event.blockedURI))",
    );
    let seen = 0;
    for (const view of views) {
      await tab.goto(browser.url + view);
      await settled(tab);
      // What is folded away is looked at as well.
      for (const summary of await tab.locator('main summary').all()) await summary.click();
      await settled(tab);
      const found = await tab.evaluate<{ hacked: unknown; text: string; elements: number; title: string }>(`({
        hacked: window.hacked ?? null,
        text: document.body.innerText,
        title: document.title + [...document.querySelectorAll('[title], [aria-label]')].map((e) => e.title + e.ariaLabel).join(),
        elements: document.querySelectorAll('main :is(script, style, iframe, img, object, embed, base, meta, [onerror], [onload], a[href^="javascript"], a[ping])').length,
      })`);
      expect([view, found.hacked, found.elements]).toEqual([view, null, 0]);
      expect([view, HIDING.exec(found.text + found.title)?.[0]]).toEqual([view, undefined]);
      expect(new URL(tab.url()).pathname).toBe(new URL(browser.url + view).pathname);
      if (found.text.includes('window.hacked')) seen++;
      if (found.text.includes('U+202E')) seen++;
    }
    expect(elsewhere).toEqual([]);
    // They were there to be seen.
    expect(seen).toBeGreaterThan(views.length);
  }, 180_000);
});
