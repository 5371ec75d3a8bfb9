import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readConfig } from './config.ts';

const home = mkdtempSync(join(tmpdir(), 'opsloop-config-'));
afterAll(() => rmSync(home, { recursive: true }));
const read = (env: Record<string, string> = {}) => readConfig({ OPSLOOP_HOME: home, ...env });

test('an empty environment is a working configuration on loopback', () => {
  expect(read()).toMatchObject({
    databaseUrl: undefined,
    host: '127.0.0.1',
    port: 8787,
    allowRemote: false,
    workspace: join(home, 'workspace'),
    heartbeatMs: 300_000,
    llm: { mode: 'auto', ollamaUrl: 'http://127.0.0.1:11434' },
  });
});

test('the older names are fallbacks, ours win, and MC_BIND_ALL never binds wide', () => {
  expect(read({ MC_PORT: '9000', MC_BIND_ALL: '1' })).toMatchObject({
    port: 9000,
    host: '127.0.0.1',
    allowRemote: false,
  });
  expect(read({ MC_PORT: '9000', OPSLOOP_PORT: '9001' }).port).toBe(9001);
  const key = 'k'.repeat(24);
  expect(read({ MC_API_KEY: key }).apiKey).toBe(key);
  expect(
    read({ OLLAMA_URL: 'http://127.0.0.1:5', AGENT_OLLAMA_MODEL: 'm', AGENT_OLLAMA_FALLBACK: 'f' }).llm,
  ).toMatchObject({
    ollamaUrl: 'http://127.0.0.1:5',
    defaultModel: 'm',
    fallback: 'f',
  });
  expect(read({ OPS_MODEL_MY_AGENT: 'x:1' }).agentModel('my-agent')).toBe('x:1');
});

test.each([
  [{ OPSLOOP_PORT: '70000' }, 'OPSLOOP_PORT'],
  [{ OPSLOOP_API_KEY: 'short' }, 'OPSLOOP_API_KEY'],
  [{ DATABASE_URL: 'mysql://secret@x' }, 'DATABASE_URL'],
  [{ OPSLOOP_LISTEN_URL: 'off' }, 'OPSLOOP_LISTEN_URL'],
  [{ OPSLOOP_ALLOW_REMOTE: 'perhaps' }, 'OPSLOOP_ALLOW_REMOTE'],
  [{ OPS_WORKER_POLL: '-1' }, 'OPS_WORKER_POLL'],
  [{ OPSLOOP_TRUSTED_PROXIES: 'proxy.example' }, 'OPSLOOP_TRUSTED_PROXIES'],
  [{ OPSLOOP_TRUSTED_PROXIES: '10.0.0.1, 10.0.0.0/99' }, '10.0.0.0/99'],
  [{ OPSLOOP_TRUSTED_PROXIES: '*' }, 'OPSLOOP_TRUSTED_PROXIES'],
  [{ OPSLOOP_TRUSTED_PROXIES: '10.0.0.0/' }, 'OPSLOOP_TRUSTED_PROXIES'],
  [{ OPSLOOP_ALLOWED_HOSTS: '*' }, 'OPSLOOP_ALLOWED_HOSTS'],
  [{ OPSLOOP_ALLOWED_HOSTS: 'https://ops.example.com' }, 'OPSLOOP_ALLOWED_HOSTS'],
  [{ OPSLOOP_ALLOWED_HOSTS: 'ops.example.com:99999' }, 'OPSLOOP_ALLOWED_HOSTS'],
  [{ OPSLOOP_ALLOWED_ORIGINS: '*' }, 'OPSLOOP_ALLOWED_ORIGINS'],
  [{ OPSLOOP_ALLOWED_ORIGINS: 'null' }, 'OPSLOOP_ALLOWED_ORIGINS'],
  [{ OPSLOOP_ALLOWED_ORIGINS: 'board.example.com' }, 'OPSLOOP_ALLOWED_ORIGINS'],
  [{ OPSLOOP_ALLOWED_ORIGINS: 'https://board.example.com/path' }, 'OPSLOOP_ALLOWED_ORIGINS'],
  [{ MC_CORS_ORIGIN: '*' }, 'MC_CORS_ORIGIN'],
])('%o is refused by name', (env, name) => {
  expect(() => read(env as unknown as Record<string, string>)).toThrow(new RegExp(name));
});

test('lists of addresses, hosts and pages are taken in the forms that count', () => {
  expect(
    read({
      OPSLOOP_TRUSTED_PROXIES: '10.0.0.1, 172.16.0.0/12,fd00::/8, ::1',
      OPSLOOP_ALLOWED_HOSTS: 'ops.example.com, Mapped.example.com:9000, [fd00::1]:80',
      OPSLOOP_ALLOWED_ORIGINS: 'https://board.example.com, http://localhost:3000/',
    }),
  ).toMatchObject({
    trustedProxies: ['10.0.0.1', '172.16.0.0/12', 'fd00::/8', '::1'],
    allowedHosts: ['ops.example.com', 'Mapped.example.com:9000', '[fd00::1]:80'],
    allowedOrigins: ['https://board.example.com', 'http://localhost:3000/'],
  });
});

test('what a pooler needs is said in words of its own', () => {
  expect(read()).toMatchObject({ preparedStatements: true, listenUrl: undefined });
  expect(read({ OPSLOOP_PREPARED_STATEMENTS: '0' }).preparedStatements).toBe(false);
  expect(read({ OPSLOOP_LISTEN_URL: 'none' }).listenUrl).toBeNull();
  expect(read({ OPSLOOP_LISTEN_URL: 'postgres://db/ops' }).listenUrl).toBe('postgres://db/ops');
});

test('what is refused does not repeat a secret', () => {
  for (const env of [
    { OPSLOOP_API_KEY: 'geheim' },
    { DATABASE_URL: 'mysql://geheim@x' },
    { OPSLOOP_LISTEN_URL: 'mysql://geheim@x' },
  ]) {
    expect(() => read(env as unknown as Record<string, string>)).not.toThrow(/geheim/);
  }
});

test('config.json and .env of the home are read, and a misspelt member is refused', () => {
  writeFileSync(join(home, 'config.json'), JSON.stringify({ slots: { analyze: 7 }, llm: { mode: 'none' } }));
  writeFileSync(join(home, '.env'), 'OPSLOOP_PORT=9100\n');
  expect(read()).toMatchObject({ slots: { analyze: 7 }, port: 9100, llm: { mode: 'none' } });
  expect(read({ OPSLOOP_PORT: '9200' }).port).toBe(9200);
  for (const wrong of [{ slot: {} }, { llm: { providerz: {} } }, { slots: { analyze: -1 } }]) {
    writeFileSync(join(home, 'config.json'), JSON.stringify(wrong));
    expect(() => read()).toThrow(/config\.json|language models/);
  }
});
