import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { startLocalPostgres } from '../../dist/db/local/local-postgres.js';
import { createOpsloop, readConfig, serveHttp, silentLog, StepError } from '../../dist/index.js';
import { createKey } from '../../dist/keys/keys.js';
import { SCOPES } from '../../dist/keys/schema.js';
import { startModel } from './model.mjs';
import { seed } from './seed.mjs';

const KEY = 'a-key-for-pictures-0123456789abcdef';
const HANDLERS = {
  notify: {
    usesModel: false,
    slots: 1,
    run: () =>
      Promise.reject(
        new StepError('unreachable', 'The pager of the night shift answers nobody.', { final: true }),
      ),
  },
};

/** A server on a database of a realistic size, with a model that always has something to say, and a browser. */
export async function startScene(missions) {
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
  const app = createOpsloop({
    config: { ...config, slots: { analyze: 3 } },
    databaseUrl: postgres.url,
    log: silentLog(),
    handlers: HANDLERS,
  });
  await app.ready;
  const server = await serveHttp(app, { host: '127.0.0.1', port: 0 });
  await seed(app, { missions });
  const { key } = await createKey(app.database, { name: 'operator', scopes: [...SCOPES] }, 'setup');
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  const ask = async (path, init) =>
    (await fetch(server.url + path, { ...init, headers: { authorization: `Bearer ${key}` } })).json();

  return {
    url: server.url,
    ask,
    /** A page that is signed in. */
    async open(options) {
      const page = await (await browser.newContext({ locale: 'en-GB', ...options })).newPage();
      page.on('pageerror', (error) => process.stderr.write(`${error.stack}\n`));
      const { code } = await ask('/api/ops/sign-in-codes', { method: 'POST' });
      await page.goto(`${server.url}/#code=${code}`);
      await page.getByText('Live', { exact: true }).waitFor();
      return page;
    },
    async stop() {
      await browser.close();
      await server.close();
      await app.stop(0);
      await postgres.stop();
      model.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}
