import { expect, test } from 'vitest';
import { checkDestination, isPublicAddress, lookUpPublic } from '../../src/webhooks/destination.ts';
import { makePost } from '../../src/webhooks/post.ts';
import { startAnswering } from '../support/http-answers.ts';

test.each([
  ['8.8.8.8', true],
  ['93.184.216.34', true],
  ['172.15.0.1', true],
  ['2606:4700::1111', true],
  ['127.0.0.1', false],
  ['127.8.8.8', false],
  ['10.1.2.3', false],
  ['172.31.255.255', false],
  ['192.168.1.1', false],
  ['169.254.169.254', false],
  ['100.100.100.200', false],
  ['0.0.0.0', false],
  ['224.0.0.1', false],
  ['255.255.255.255', false],
  ['::1', false],
  ['::', false],
  ['fe80::1', false],
  ['fd00::1', false],
  ['::ffff:127.0.0.1', false],
  ['::ffff:8.8.8.8', true],
  ['64:ff9b::7f00:1', false],
  ['2002:7f00:1::', false],
  ['2001:0:7f00:1::', false],
  ['2001:db8::1', false],
])('%s is on the public internet: %s', (address, expected) => {
  expect(isPublicAddress(address)).toBe(expected);
});

test.each([
  'http://hooks.example/',
  'https://127.0.0.1/',
  'https://[::1]/',
  'https://[::ffff:10.0.0.1]/',
  'https://0x7f000001/',
  'https://2130706433/',
  'https://017700000001/',
  'https://169.254.169.254/latest/meta-data',
])('%s is refused', (url) => {
  expect(() => checkDestination(new URL(url), [])).toThrow(/webhooks\.allow of config\.json/);
});

test('what the configuration names may be called, by host or by host and port', () => {
  expect(checkDestination(new URL('http://ntfy.lan/x'), ['ntfy.lan'])).toEqual({ isNamed: true });
  expect(checkDestination(new URL('http://NTFY.lan:8080/x'), ['ntfy.lan:8080'])).toEqual({ isNamed: true });
  expect(() => checkDestination(new URL('http://ntfy.lan:9090/'), ['ntfy.lan:8080'])).toThrow();
  expect(checkDestination(new URL('https://hooks.example/'), ['ntfy.lan'])).toEqual({ isNamed: false });
});

test('a name that leads to this machine is found out when it is connected to', async () => {
  const failure = await new Promise<Error | null>((resolve) =>
    lookUpPublic('localhost', {}, (error) => resolve(error)),
  );
  expect(failure?.message).toContain('localhost is not on the public internet');

  await using server = await startAnswering(() => ({ status: 200 }));
  const post = makePost([]);
  const { port } = new URL(server.url);
  const receipt = await post.send(new URL(`https://localhost:${port}/?token=secret`), {}, '{}', []);
  await post.close();
  expect(receipt).toMatchObject({
    ok: false,
    error: expect.stringContaining('localhost is not on the public internet'),
  });
  expect(JSON.stringify(receipt)).not.toContain('secret');
  expect(server.asked).toEqual([]);
});
