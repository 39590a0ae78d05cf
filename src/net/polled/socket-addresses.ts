/**
 * Addresses of sockets as Linux has them in memory (`struct sockaddr_in`, `sockaddr_in6`): family, port and address, of
 * IPv6 with flow and zone between and after them.
 *
 *     octets  0 family (in the machine's order) · 2 port · 4 IPv4 address
 *     octets  0 family (in the machine's order) · 2 port · 4 flow · 8 IPv6 address · 24 zone (in the machine's order)
 */
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { addressOctets, canonicalAddress } from '../../bytes/network-address.ts';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import { LINUX } from './system-calls.ts';

/** Octets of the longest. */
export const SOCKET_ADDRESS = 28;

const LENGTHS = { 4: 16, 6: SOCKET_ADDRESS } as const;

export type AddressFamily = keyof typeof LENGTHS;

export function socketAddressLength(family: AddressFamily): number {
  return LENGTHS[family];
}

/**
 * Writes an address for sockets of a family; one of IPv4 is mapped into IPv6 for one of that (RFC 4291 section 2.5.5.2).
 * @returns whether it has one: an address of IPv6 has none for a socket of IPv4, and a name none at all
 */
export function writeSocketAddress(
  memory: DataView,
  { address, port }: NetworkAddress,
  family: AddressFamily,
): boolean {
  if (isIP(address) === 0) return false;
  const octets = addressOctets(address);
  for (let at = 0; at < LENGTHS[family]; at++) memory.setUint8(at, 0);
  memory.setUint16(0, family === 4 ? LINUX.AF_INET : LINUX.AF_INET6, true);
  memory.setUint16(2, port);
  const isIpv4 = octets.length === 4;
  if (family === 4 && !isIpv4) return false;
  if (family === 6 && isIpv4) memory.setUint16(18, 0xffff);
  const first = family === 4 ? 4 : 24 - octets.length;
  octets.forEach((octet, at) => memory.setUint8(first + at, octet));
  const zone = isIpv4 ? undefined : address.split('%')[1];
  if (zone !== undefined) memory.setUint32(24, zoneNumber(zone), true);
  return true;
}

/** In its canonical spelling. */
export function readSocketAddress(memory: DataView): NetworkAddress {
  const port = memory.getUint16(2);
  if (memory.getUint16(0, true) === LINUX.AF_INET) {
    return { address: [4, 5, 6, 7].map((at) => memory.getUint8(at)).join('.'), port };
  }
  const groups = Array.from({ length: 8 }, (_, at) => memory.getUint16(8 + 2 * at).toString(16));
  const zone = memory.getUint32(24, true);
  return { address: canonicalAddress(`${groups.join(':')}${zone === 0 ? '' : `%${zone}`}`), port };
}

/** Of a zone (RFC 4007 section 11): a number, or the name of an interface. */
function zoneNumber(zone: string): number {
  if (/^\d+$/.test(zone)) return Number(zone);
  return networkInterfaces()[zone]?.find(({ family }) => family === 'IPv6')?.scopeid ?? 0;
}
