/** IP addresses between their text and their octets, and the normalised text of a socket's address. */
import { isIPv4, isIPv6 } from 'node:net';
import { fromHex, toHex } from '../../bytes/octets.ts';
import { X2X3Error } from './errors.ts';

export function ipv4Octets(text: string): Uint8Array {
  if (!isIPv4(text)) throw new X2X3Error('range', 'not an IPv4 address');
  return Uint8Array.from(text.split('.').map(Number));
}

export function ipv4Text(octets: Uint8Array): string {
  return Array.from(octets).join('.');
}

export function ipv6Octets(text: string): Uint8Array {
  if (!isIPv6(text) || text.includes('%')) throw new X2X3Error('range', 'not an IPv6 address');
  const dotted = /^(.*:)([\d.]+)$/.exec(text);
  const plain = dotted?.[2]?.includes('.') === true ? `${dotted[1] ?? ''}${groupsOfIpv4(dotted[2])}` : text;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return fromHex([...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join(''));
}

/** RFC 5952 text: lower case, no leading zeros, the first longest run of zero groups shortened. */
export function ipv6Text(octets: Uint8Array): string {
  const groups = (toHex(octets).match(/.{4}/g) ?? []).map((group) => group.replace(/^0{1,3}/, ''));
  let best = { at: 0, length: 0 };
  for (let at = 0; at < groups.length; at++) {
    let length = 0;
    while (groups[at + length] === '0') length++;
    if (length > best.length) best = { at, length };
  }
  if (best.length < 2) return groups.join(':');
  return `${groups.slice(0, best.at).join(':')}::${groups.slice(best.at + best.length).join(':')}`;
}

function groupsOfIpv4(text: string): string {
  const hex = toHex(ipv4Octets(text));
  return `${hex.slice(0, 4)}:${hex.slice(4)}`;
}
