import { isIPv6, SocketAddress } from 'node:net';

/** One end of a connection or of datagrams: an IP address, or a host name where nothing resolves it, and a port. */
export interface NetworkAddress {
  readonly address: string;
  readonly port: number;
}

/** Whether two are one, however their addresses are spelt. */
export function sameAddress(a: NetworkAddress, b: NetworkAddress): boolean {
  return a.port === b.port && sameHost(a.address, b.address);
}

/** Whether two texts are one IP address, or the same name. */
export function sameHost(a: string, b: string): boolean {
  return a === b || canonicalAddress(a) === canonicalAddress(b);
}

/** A host without the brackets that IPv6 addresses have in URIs, Vias and before a port. */
export function bareHost(host: string): string {
  return host.startsWith('[') ? host.replace(/^\[(.*)\]$/, '$1') : host;
}

/** A host as it stands in a URI: an IPv6 address in brackets (RFC 3986 section 3.2.2). */
export function uriHost(host: string): string {
  return host.includes(':') && isIPv6(host) ? `[${host}]` : host;
}

/** An address as it stands before a port. */
export function endpointText({ address, port }: NetworkAddress): string {
  return `${uriHost(address)}:${port}`;
}

/**
 * An IP address in the one spelling that all of its spellings have (RFC 5952); one of IPv4 in IPv6 (`::ffff:192.0.2.1`,
 * RFC 4291 section 2.5.5.2) is that of IPv4. A zone (RFC 4007) stays with its address, and anything else as it is.
 */
export function canonicalAddress(address: string): string {
  if (!address.includes(':') || !isIPv6(address)) return address;
  const [plain = '', zone] = address.split('%');
  const { address: spelt } = new SocketAddress({ address: plain, family: 'ipv6' });
  if (zone !== undefined) return `${spelt}%${zone}`;
  return /^::ffff:([0-9.]+)$/i.exec(spelt)?.[1] ?? spelt;
}

/**
 * Whom an address is counted for: itself, or of IPv6 its network of 64 bits, since one subscriber has as many addresses
 * of that as it likes (RFC 4291 section 2.5.1).
 */
export function countedAddress(address: string): string {
  const canonical = canonicalAddress(address);
  if (!canonical.includes(':') || !isIPv6(canonical)) return canonical;
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

/** An IP address in octets: four, or sixteen, of which a zone is no part. */
export function addressOctets(address: string): Uint8Array {
  const [canonical = ''] = canonicalAddress(address).split('%');
  if (!canonical.includes(':')) return Uint8Array.from(canonical.split('.'), Number);
  // The last four octets may be spelt as those of IPv4 (RFC 4291 section 2.2).
  const hex = canonical.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...octets: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = octets.slice(0, 4).map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head = '', tail = ''] = hex.split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [before, after] = [groups(head), groups(tail)];
  const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}
