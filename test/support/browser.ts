import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import type { HttpOptions } from '../../src/http/parts.ts';
import type { HttpServer } from '../../src/http/serve.ts';
import type { KeyInput } from '../../src/keys/schema.ts';
import type { TestApp } from './app.ts';

const PLACES = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];
const firstOf = (places: (string | undefined)[]) =>
  places.find((path) => path !== undefined && existsSync(path));
const executablePath = firstOf(PLACES);
/** The same without what surrounds pages, for our own: a quarter of the processor's time less. */
const light = firstOf([process.env.CHROMIUM, '/usr/bin/chromium-headless-shell']) ?? executablePath;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

if (executablePath === undefined && process.env.CI)
  throw new Error('There is no Chromium, and CI must have one: apt-get install chromium, or set CHROMIUM.');

/** Tests in a real browser. Where there is none they are skipped, and the name of the group says why. */
export const inBrowser = (name: string, tests: () => void) =>
  executablePath === undefined
    ? describe.skip(`${name} (skipped: no Chromium found; set CHROMIUM to its path)`, tests)
    : describe(name, tests);

/** A browser as it comes, for a test that looks at more than our pages. */
export function launchBrowser(...args: string[]): Promise<Browser> {
  return launch(executablePath, args);
}

function launch(path: string | undefined, args: string[] = []): Promise<Browser> {
  return chromium.launch({ ...(path ? { executablePath: path } : {}), args: ['--no-sandbox', ...args] });
}

export type Tab = Page & {
  /** What the page complained of: errors of scripts, refused by the Content-Security-Policy, failed requests. */
  complaints: string[];
};

export type TestBrowser = {
  /** A tab of a browser of its own that is signed in, by a code for one use; as an operator unless a key says otherwise. */
  open(path?: string, options?: BrowserContextOptions & { key?: Partial<KeyInput> }): Promise<Tab>;
  /** The same without signing in. */
  openSignedOut(path?: string, options?: BrowserContextOptions): Promise<Tab>;
  url: string;
  /** Ends the server, and begins it anew at the same place. */
  stopServer(): Promise<void>;
  startServer(): Promise<void>;
};

/** A server of the app and a browser before it. After each test no page may have complained of anything. */
export function useBrowser(t: TestApp, http: HttpOptions = {}): TestBrowser {
  let browser: Browser | undefined;
  let server: HttpServer | undefined;
  const tabs: Tab[] = [];
  const handle: TestBrowser = {
    url: '',
    async stopServer() {
      await server?.close();
    },
    async startServer() {
      server = await t.serve({ http, ...(server ? { port: server.port } : {}) });
      handle.url = server.url;
    },
    async openSignedOut(path = '/', options = {}) {
      if (!browser) throw new Error('the browser is not there yet');
      const context = await browser.newContext({ locale: 'en-GB', ...options });
      const tab: Tab = Object.assign(await context.newPage(), { complaints: [] });
      tab.setDefaultTimeout(10_000);
      watch(tab);
      tabs.push(tab);
      await tab.goto(handle.url + path);
      return tab;
    },
    async open(path = '/', { key, ...options } = {}) {
      const owner = await t.key({
        scopes: ['propose', 'read', 'emit', 'approve', 'admin'],
        name: 'operator',
        ...key,
      });
      const made = await t.request('/api/ops/sign-in-codes', { method: 'POST', key: owner });
      const { code } = (await made.json()) as { code: string };
      const tab = await handle.openSignedOut(`${path}#code=${code}`, options);
      // Whoever goes on before that would leave the code behind.
      await tab.getByRole('navigation', { name: 'Views' }).waitFor();
      return tab;
    },
  };

  beforeAll(async () => {
    if (executablePath === undefined) return;
    await handle.startServer();
    browser = await launch(light);
  });

  afterEach(async () => {
    const complaints = tabs.flatMap((tab) => tab.complaints);
    await Promise.all(tabs.splice(0).map((tab) => tab.context().close()));
    expect(complaints).toEqual([]);
  });

  afterAll(() => browser?.close());
  return handle;
}

function watch(tab: Tab): void {
  tab.on('pageerror', (error) => tab.complaints.push(`error: ${error.message}`));
  tab.on('console', (message) => {
    // What the policy refuses is told here, and what React finds wrong.
    if (message.type() === 'error') tab.complaints.push(`console: ${message.text()}`);
  });
}

/** What axe finds wrong with the page as it is now: one line for each rule, with the places. */
export async function axe(tab: Page): Promise<string[]> {
  // By the debugger, which the page's policy does not hold up.
  await tab.evaluate(AXE);
  const { violations } = await tab.evaluate(() =>
    (
      globalThis as unknown as {
        axe: { run(options: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
      }
    ).axe.run({ resultTypes: ['violations'] }),
  );
  return violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`,
  );
}

/** Whether the page can be scrolled sideways. */
export function overflows(tab: Page): Promise<boolean> {
  return tab.evaluate(() => {
    const { scrollWidth, clientWidth } = (
      globalThis as unknown as { document: { documentElement: { scrollWidth: number; clientWidth: number } } }
    ).document.documentElement;
    return scrollWidth > clientWidth;
  });
}

/** Until the view has drawn what the server answered. */
export async function settled(tab: Page): Promise<void> {
  await tab.getByRole('heading', { level: 1 }).waitFor();
  await expect
    .poll(
      () =>
        tab.evaluate(
          `/(Reading|Opening)[^…]{0,60} …/.test(document.body.innerText) || document.querySelector('[aria-busy]') !== null`,
        ),
      { timeout: 10_000 },
    )
    .toBe(false);
}
