import { expect, test } from 'vitest';
import { makeBuckets } from '../../src/http/buckets.ts';
import { problemOf, useApp } from '../support/app.ts';

const t = useApp({
  env: { OPSLOOP_TRUSTED_PROXIES: '10.0.0.0/8' },
  http: { failedKeysPerMinute: 3, agentRequestsPerMinute: 5 },
});

/** A request that seems to come from an address, as far as the middleware can tell. */
const from = (address: string, key: string | null, headers: Record<string, string> = {}) => {
  const all = { host: '127.0.0.1:8787', ...(key ? { authorization: `Bearer ${key}` } : {}), ...headers };
  const rawHeaders = Object.entries(all).flat();
  const socket = { remoteAddress: address, localPort: 8787 };
  const env = { incoming: { rawHeaders, socket, url: '/api/ops/proposals' } };
  return t.request('/api/ops/proposals', { key, headers, env });
};
const fail = async (address: string, headers?: Record<string, string>) =>
  (await from(address, 'wrong', headers)).status;
const operator = { authorization: 'Bearer an-operators-key-for-tests-0123456789' };

test('after some failures an address is told to wait, and another is not', async () => {
  expect([await fail('203.0.113.1'), await fail('203.0.113.1'), await fail('203.0.113.1')]).toEqual([
    401, 401, 401,
  ]);
  const response = await from('203.0.113.1', 'wrong');
  expect(response.status).toBe(429);
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await problemOf(response)).code).toBe('rate_limited');
  expect(await fail('203.0.113.2')).toBe(401);
});

test('a blocked address is refused before its key is looked at', async () => {
  for (let i = 0; i < 3; i++) await fail('203.0.113.3');
  expect((await from('203.0.113.3', null, operator)).status).toBe(429);
});

test('on loopback wrong keys are limited, but nobody can lock a valid key out', async () => {
  for (let i = 0; i < 3; i++) expect(await fail('127.0.0.1')).toBe(401);
  expect(await fail('127.0.0.1')).toBe(429);
  expect(await fail('::1')).toBe(401);
  expect((await from('127.0.0.1', null, operator)).status).toBe(200);
});

test('one address is one address, in whatever way it is written', async () => {
  expect(await fail('198.51.100.7')).toBe(401);
  expect(await fail('::ffff:198.51.100.7')).toBe(401);
  expect(await fail('::FFFF:c633:6407')).toBe(401);
  expect(await fail('198.51.100.7')).toBe(429);
});

test('an IPv6 network of one customer is one address', async () => {
  expect(await fail('2001:db8:0:1::1')).toBe(401);
  expect(await fail('2001:db8:0:1:ffff::2')).toBe(401);
  expect(await fail('2001:DB8::1:0:0:0:3')).toBe(401);
  expect(await fail('2001:db8:0:1::4')).toBe(429);
  expect(await fail('2001:db8:0:2::1')).toBe(401);
});

test('X-Forwarded-For counts only from a trusted proxy, and only its own part', async () => {
  for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3'])
    expect(await fail('203.0.113.9', { 'x-forwarded-for': address })).toBe(401);
  expect(await fail('203.0.113.9', { 'x-forwarded-for': '192.0.2.4' })).toBe(429);
  // The client writes the left part, the proxy the right one.
  for (let i = 0; i < 3; i++)
    expect(await fail('10.1.2.3', { 'x-forwarded-for': `192.0.2.${i}, 192.0.2.99, 10.9.9.9` })).toBe(401);
  expect(await fail('10.1.2.3', { 'x-forwarded-for': '192.0.2.50, 192.0.2.99' })).toBe(429);
  expect(await fail('10.1.2.3', { 'x-forwarded-for': '192.0.2.98' })).toBe(401);
});

test('requests without a key are refused but not counted', async () => {
  for (let i = 0; i < 5; i++) expect((await from('203.0.113.20', null)).status).toBe(401);
  expect(await fail('203.0.113.20')).toBe(401);
});

test("an agent's key has a rate, an operator's has none", async () => {
  const agent = await t.key({ scopes: ['read'], agent_id: 'pm' });
  const statuses = [];
  for (let i = 0; i < 6; i++) statuses.push((await t.request('/api/ops/proposals', { key: agent })).status);
  expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
  for (let i = 0; i < 10; i++) expect((await t.request('/api/ops/proposals')).status).toBe(200);
});

test('tokens come back with time, and forgotten names are forgotten', () => {
  let clock = 0;
  const buckets = makeBuckets({ perMinute: 60, most: 100, now: () => clock });
  for (let i = 0; i < 60; i++) expect(buckets.take('a')).toBe(0);
  expect(buckets.take('a')).toBe(1);
  clock += 1_000;
  expect([buckets.take('a'), buckets.take('a')]).toEqual([0, 1]);
  for (let i = 0; i < 1_000; i++) buckets.take(`other ${i}`);
  expect(buckets.size()).toBeLessThanOrEqual(100);
  clock += 60_000;
  buckets.take('b');
  expect(buckets.size()).toBe(1);
});
