import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type App, type AppOptions, createApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { buildHttp, type HttpApp } from '../../src/http/app.ts';
import { type HttpOptions, type HttpParts, makeHttpParts } from '../../src/http/parts.ts';
import { type HttpServer, serveHttp } from '../../src/http/serve.ts';
import { createKey } from '../../src/keys/keys.ts';
import type { KeyInput } from '../../src/keys/schema.ts';
import { type Log, silentLog } from '../../src/log.ts';
import { type TestDatabase, useDatabase } from './database.ts';

export const OPERATOR_KEY = 'an-operators-key-for-tests-0123456789';
/** The port in the addresses that `app.request()` makes up. */
const PORT = 8787;

export type TestApp = TestDatabase & {
  app: App;
  http: HttpApp;
  parts: HttpParts;
  /** A request without a socket; as the operator unless another key, or null for none, is given. */
  request(path: string, options?: TestRequest): Promise<Response>;
  /** Makes a key and returns its text. */
  key(input: Partial<KeyInput>): Promise<string>;
  /** Another listener of the same app, on a port of its own. */
  serve(options?: {
    port?: number;
    http?: HttpOptions;
    limits?: Parameters<typeof serveHttp>[1]['limits'];
  }): Promise<HttpServer>;
};

export type TestRequest = {
  method?: string;
  key?: string | null;
  json?: unknown;
  body?: string;
  headers?: Record<string, string>;
  env?: object;
};

export type TestAppOptions = {
  parts?: AppOptions['parts'];
  env?: Record<string, string>;
  http?: HttpOptions;
  log?: Log;
};

/** An app on a database of its own: all parts off unless asked for, an operator's key, no language model. */
export function useApp(options: TestAppOptions = {}): TestApp {
  const handle = useDatabase() as TestApp;
  const servers: HttpServer[] = [];

  beforeAll(async () => {
    const app = createApp({
      config: testConfig(options.env),
      databaseUrl: handle.url,
      log: options.log ?? silentLog(),
      parts: {
        worker: false,
        keeper: false,
        heartbeat: false,
        files: false,
        schedules: false,
        webhooks: false,
        ...options.parts,
      },
    });
    await app.ready;
    const parts = makeHttpParts(app, options.http);
    const http = buildHttp(app, parts);
    handle.app = app;
    handle.parts = parts;
    handle.http = http;
    handle.request = async (path, request) => http.request(...toRequest(path, request));
    handle.key = async (input) =>
      (await createKey(app.database, { name: 'test', scopes: ['read'], ...input }, 'test')).key;
    handle.serve = async (serving = {}) => {
      const server = await serveHttp(app, { host: '127.0.0.1', port: 0, ...serving });
      servers.push(server);
      return server;
    };
  });

  afterAll(async () => {
    for (const server of servers) await server.close();
    handle.parts.close();
    await handle.app.stop();
  });
  return handle;
}

export function testConfig(env: Record<string, string> = {}) {
  return readConfig({
    OPSLOOP_HOME: mkdtempSync(join(tmpdir(), 'opsloop-test-app-')),
    OPSLOOP_API_KEY: OPERATOR_KEY,
    OPSLOOP_LLM: 'none',
    OPSLOOP_PORT: String(PORT),
    OPSLOOP_ALLOW_UNSAFE_DATABASE: '1',
    ...env,
  });
}

export function toRequest(path: string, options: TestRequest = {}): [string, RequestInit, object] {
  const { method = 'GET', key = OPERATOR_KEY, json, headers = {}, env = {} } = options;
  const body = options.body ?? (json === undefined ? undefined : JSON.stringify(json));
  const all = {
    host: `127.0.0.1:${PORT}`,
    ...(key === null ? {} : { authorization: `Bearer ${key}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...headers,
  };
  const init: RequestInit = { method, headers: all, ...(body === undefined ? {} : { body }) };
  return [`http://127.0.0.1:${PORT}${path}`, init, env];
}

/** A problem, as far as tests look at it. */
export type Problem = { code: string; status: number; detail: string; error: string } & Record<
  string,
  unknown
>;

export async function problemOf(response: Response): Promise<Problem> {
  return (await response.json()) as Problem;
}
