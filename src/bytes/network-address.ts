import { isIPv6, SocketAddress } from 'node:net';

/** One end of a connection or of datagrams: an IP address, or a host name where nothing resolves it, and a port. */
export interface NetworkAddress {
  readonly address: string;
  readonly port: number;
}

export function sameAddress(a: NetworkAddress, b: NetworkAddress): boolean {
  return a.port === b.port && a.address === b.address;
}

/**
 * An IP address in the one spelling that all of its spellings have (RFC 5952); one of IPv4 in IPv6 (`::ffff:192.0.2.1`,
 * RFC 4291 section 2.5.5.2) is that of IPv4. Anything else stays as it is.
 */
export function canonicalAddress(address: string): string {
  if (!isIPv6(address)) return address;
  const { address: spelt } = new SocketAddress({ address, family: 'ipv6' });
  return /^::ffff:([0-9.]+)$/i.exec(spelt)?.[1] ?? spelt;
}

/**
 * Whom an address is counted for: itself, or of IPv6 its network of 64 bits, since one subscriber has as many addresses
 * of that as it likes (RFC 4291 section 2.5.1).
 */
export function countedAddress(address: string): string {
  const canonical = canonicalAddress(address);
  if (!isIPv6(canonical)) return canonical;
  const [head = '', tail = null] = canonical.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const before = groups(head);
  const after = tail === null ? [] : groups(tail);
  const all = [
    ...before,
    ...Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0'),
    ...after,
  ];
  return `${all.slice(0, 4).join(':')}::/64`;
}
