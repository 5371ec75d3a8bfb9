import { expect, test } from 'vitest';
import {
  canonicalAddress,
  clientAddress,
  isLoopback,
  limitKey,
  makeAddressList,
} from '../../src/lib/address.ts';

test.each([
  ['203.0.113.1', '203.0.113.1'],
  ['::ffff:203.0.113.1', '203.0.113.1'],
  ['::FFFF:cb00:7101', '203.0.113.1'],
  ['::1', '0:0:0:0:0:0:0:1'],
  ['2001:DB8::a', '2001:db8:0:0:0:0:0:a'],
  ['fe80::1%eth0', 'fe80:0:0:0:0:0:0:1'],
  ['::', '0:0:0:0:0:0:0:0'],
  ['64:ff9b::203.0.113.1', '64:ff9b:0:0:0:0:cb00:7101'],
])('%s is %s', (given, canonical) => {
  expect(canonicalAddress(given)).toBe(canonical);
});

test('limits count an IPv6 network of 64 bits, and loopback by itself', () => {
  expect(limitKey('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
  expect(limitKey('::1')).toBe('0:0:0:0:0:0:0:1');
  expect([isLoopback('127.9.9.9'), isLoopback('::ffff:127.0.0.1'), isLoopback('::1')]).toEqual([
    true,
    true,
    true,
  ]);
  expect([isLoopback('128.0.0.1'), isLoopback('::2'), isLoopback('1.127.0.0.1')]).toEqual([
    false,
    false,
    false,
  ]);
});

test('address lists know single addresses and networks, and nonsense matches nothing', () => {
  const isListed = makeAddressList([
    '10.0.0.0/8',
    '192.0.2.1',
    'fd00::/8',
    'nonsense',
    '10.0.0.0/99',
    '192.0.0.0/',
    '',
  ]);
  expect(['10.1.2.3', '::ffff:10.1.2.3', '192.0.2.1', 'fd12::1'].map(isListed)).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(['11.0.0.1', '192.0.2.2', 'fe80::1', '', 'nonsense'].map(isListed)).toEqual(Array(5).fill(false));
});

test('of a chain of proxies the first that is not trusted is the client', () => {
  const isTrusted = makeAddressList(['10.0.0.0/8']);
  const client = (peer: string, ...forwarded: string[]) => clientAddress(peer, forwarded, isTrusted);
  expect(client('203.0.113.1', '192.0.2.1')).toBe('203.0.113.1');
  expect(client('10.0.0.1')).toBe('10.0.0.1');
  expect(client('10.0.0.1', '192.0.2.1')).toBe('192.0.2.1');
  expect(client('10.0.0.1', '1.1.1.1, 192.0.2.1, 10.0.0.2')).toBe('192.0.2.1');
  expect(client('10.0.0.1', '1.1.1.1', '192.0.2.1')).toBe('192.0.2.1');
  expect(client('10.0.0.1', 'not an address')).toBe('10.0.0.1');
});
