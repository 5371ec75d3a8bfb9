import { BlockList, isIP } from 'node:net';

/** One form per address: IPv4 inside IPv6 becomes IPv4, zone names are dropped, IPv6 is written in full. */
export function canonicalAddress(address: string): string {
  const plain = address.replace(/%.*$/, '').toLowerCase();
  if (isIP(plain) !== 6) return plain;
  const groups = ipv6Groups(plain);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const [high = 0, low = 0] = groups.slice(6);
    return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
  }
  return groups.map((group) => group.toString(16)).join(':');
}

/** Whom a limit counts: an IPv4 address, or the /64 that a single IPv6 customer has. */
export function limitKey(address: string): string {
  const canonical = canonicalAddress(address);
  if (!canonical.includes(':') || canonical === LOOPBACK_6) return canonical;
  return `${canonical.split(':').slice(0, 4).join(':')}::/64`;
}

const LOOPBACK_6 = '0:0:0:0:0:0:0:1';

export function isLoopback(address: string): boolean {
  const canonical = canonicalAddress(address);
  return canonical.startsWith('127.') || canonical === LOOPBACK_6;
}

function ipv6Groups(address: string): number[] {
  const tail = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const dotted = tail?.slice(1).map(Number) ?? [];
  const [a = 0, b = 0, c = 0, d = 0] = dotted;
  const text = tail
    ? `${address.slice(0, tail.index)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
    : address;
  const [left = '', right] = text.split('::');
  const parse = (half: string) => (half === '' ? [] : half.split(':').map((group) => parseInt(group, 16)));
  const [head, end] = [parse(left), right === undefined ? [] : parse(right)];
  return [...head, ...Array.from({ length: 8 - head.length - end.length }, () => 0), ...end];
}

/** Whether a text is an address, or a network such as `10.0.0.0/8`. */
export function isAddressOrNetwork(entry: string): boolean {
  const [, address = '', bits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  const family = isIP(address);
  return family !== 0 && (bits === undefined || Number(bits) <= (family === 6 ? 128 : 32));
}

/** Addresses and networks, such as `10.0.0.0/8`. What cannot be read matches nothing. */
export function makeAddressList(entries: readonly string[]): (address: string) => boolean {
  if (entries.length === 0) return () => false;
  const list = new BlockList();
  for (const entry of entries) {
    if (!isAddressOrNetwork(entry)) continue;
    const [address = '', bits] = entry.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (address) => {
    const canonical = canonicalAddress(address);
    return isIP(canonical) !== 0 && list.check(canonical, canonical.includes(':') ? 'ipv6' : 'ipv4');
  };
}

/**
 * Who really asks. A proxy that is trusted says it in X-Forwarded-For; anybody else could say anything.
 * Read from the right, because everything left of the last trusted hop was written by the client.
 */
export function clientAddress(
  peer: string,
  forwardedFor: readonly string[],
  isTrusted: (address: string) => boolean,
): string {
  let address = peer;
  const hops = forwardedFor
    .join(',')
    .split(',')
    .map((hop) => hop.trim())
    .filter((hop) => hop !== '');
  while (isTrusted(address)) {
    const hop = hops.pop();
    if (hop === undefined || isIP(hop) === 0) break;
    address = hop;
  }
  return address;
}
