import { lookup as lookUpName } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { canonicalAddress } from '../lib/address.ts';

/** Networks that are not the public internet: of this machine, of its neighbours, or of nobody (IANA's registries). */
const NOT_PUBLIC = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  NOT_PUBLIC.addSubnet(network, bits, 'ipv4');
/** Of IPv6 the public part is this one; some of it leads to IPv4 addresses or nowhere. */
const PUBLIC_6 = new BlockList();
PUBLIC_6.addSubnet('2000::', 3, 'ipv6');
const NOT_PUBLIC_6 = new BlockList();
for (const [network, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  NOT_PUBLIC_6.addSubnet(network, bits, 'ipv6');

export function isPublicAddress(address: string): boolean {
  const canonical = canonicalAddress(address);
  if (isIP(canonical) === 4) return !NOT_PUBLIC.check(canonical, 'ipv4');
  return isIP(canonical) === 6 && PUBLIC_6.check(canonical, 'ipv6') && !NOT_PUBLIC_6.check(canonical, 'ipv6');
}

/** Why a call does not go where it was to go. The message names the host and nothing else of the address. */
export class RefusedDestination extends Error {
  override readonly name = 'RefusedDestination';
}

/**
 * Where a call may go: to the public internet by https; elsewhere only where the configuration names the host, for
 * else whoever makes a webhook could reach what only this machine can. @throws RefusedDestination
 */
export function checkDestination(url: URL, allowed: readonly string[]): { isNamed: boolean } {
  const isNamed = allowed.includes(url.host.toLowerCase()) || allowed.includes(url.hostname.toLowerCase());
  if (isNamed) return { isNamed };
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (url.protocol !== 'https:')
    throw new RefusedDestination(
      `${url.host}: only https is called; name the host in webhooks.allow of config.json to call it by http`,
    );
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw notPublic(url.host);
  return { isNamed };
}

/**
 * Looks up names for a connection and refuses what is not public. The address that was looked at is the one that is
 * connected to, so a name cannot change its mind in between.
 */
export const lookUpPublic: LookupFunction = (hostname, options, callback) => {
  lookUpName(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, '', 0);
    const found = addresses.filter(({ address }) => isPublicAddress(address));
    const [first] = found;
    // One private address among public ones is a trap, too.
    if (!first || found.length < addresses.length) return callback(notPublic(hostname), '', 0);
    if (options.all) return callback(null, found);
    callback(null, first.address, first.family);
  });
};

function notPublic(host: string): RefusedDestination {
  return new RefusedDestination(
    `${host} is not on the public internet; name it in webhooks.allow of config.json if it is to be called`,
  );
}
