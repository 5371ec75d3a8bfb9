// Pictures of every view, wide and narrow, light and dark, of a database with 100,000 missions:
//   npm run pictures [-- --to folder] [--missions 1000]
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { startLocalPostgres } from '../../dist/db/local/local-postgres.js';
import { createOpsloop, readConfig, serveHttp, silentLog, StepError } from '../../dist/index.js';
import { startModel } from './model.mjs';
import { seed } from './seed.mjs';

const { values: options } = parseArgs({
  options: {
    to: { type: 'string', default: 'docs/pictures' },
    missions: { type: 'string', default: '100000' },
    only: { type: 'string' },
  },
});
const KEY = 'a-key-for-pictures-0123456789abcdef';
const SIZES = { wide: { width: 1280, height: 860 }, narrow: { width: 390, height: 844 } };

const home = await mkdtemp(join(tmpdir(), 'opsloop-pictures-'));
await chmod(home, 0o711);
const model = await startModel();
const postgres = await startLocalPostgres({ home, log: silentLog() });
const config = readConfig({
  OPSLOOP_HOME: home,
  OPSLOOP_API_KEY: KEY,
  OLLAMA_URL: model.url,
  OPSLOOP_LLM: 'ollama:qwen3:8b',
});
const handlers = {
  notify: {
    usesModel: false,
    slots: 1,
    run: () =>
      Promise.reject(
        new StepError('unreachable', 'The pager of the night shift answers nobody.', { final: true }),
      ),
  },
};
const app = createOpsloop({
  config: { ...config, slots: { analyze: 3 } },
  databaseUrl: postgres.url,
  log: silentLog(),
  handlers,
});
await app.ready;
const server = await serveHttp(app, { host: '127.0.0.1', port: 0 });
const ask = async (path, init) =>
  (await fetch(server.url + path, { ...init, headers: { authorization: `Bearer ${KEY}` } })).json();

try {
  await seed(app, { missions: Number(options.missions) });
  // What is quick has ended by then.
  await new Promise((resolve) => setTimeout(resolve, 20_000));
  await takePictures();
} finally {
  await server.close();
  await app.stop(0);
  await postgres.stop();
  model.close();
  await rm(home, { recursive: true, force: true });
}
process.exit(0);

async function takePictures() {
  const { proposals } = await ask('/api/ops/proposals?status=pending&limit=1');
  const { missions } = await ask('/api/ops/missions?status=completed&limit=1');
  const failed = (await ask('/api/ops/missions?status=failed&limit=1')).missions;
  const places = {
    now: '/',
    proposals: '/proposals',
    proposal: `/proposals/${proposals[0].id}`,
    missions: '/missions',
    mission: `/missions/${missions[0].id}`,
    'mission-failed': `/missions/${failed[0].id}`,
    events: '/events',
    policy: '/policy',
    'policy-daily-caps': '/policy/daily_caps',
    agents: '/agents',
    agent: '/agents/research',
    workers: '/workers',
    files: '/files',
  };
  await mkdir(options.to, { recursive: true });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  for (const [size, viewport] of Object.entries(SIZES))
    for (const colorScheme of ['light', 'dark']) {
      const context = await browser.newContext({ viewport, colorScheme, locale: 'en-GB' });
      const page = await context.newPage();
      page.on('pageerror', (error) => process.stderr.write(`${error.stack}\n`));
      const { code } = await ask('/api/ops/sign-in-codes', { method: 'POST' });
      await page.goto(`${server.url}/#code=${code}`);
      await page.getByText('Live', { exact: true }).waitFor();
      for (const [name, path] of Object.entries(places)) {
        if (options.only && !name.startsWith(options.only)) continue;
        const began = performance.now();
        await page.goto(server.url + path);
        await page.getByRole('heading', { level: 1 }).waitFor();
        await page.waitForLoadState('load');
        await page.waitForTimeout(800);
        if (process.env.VERBOSE)
          process.stderr.write(`${name} ${Math.round(performance.now() - began)} ms\n`);
        await page.screenshot({
          path: join(options.to, `${name}-${size}-${colorScheme}.png`),
          fullPage: size === 'narrow',
        });
      }
      await context.close();
    }
  await browser.close();
}
