/**
 * IP packets that carry UDP, as points of interception and delivery functions hand them over.
 *
 *     IPv4 (RFC 791)  version ‖ IHL in 32-bit words … protocol at octet 9, fragment offset in octets 6–7
 *     IPv6 (RFC 8200) 40 octets, next header at octet 6
 *     UDP  (RFC 768)  source port, destination port, length, checksum: 8 octets
 */
import { uriHost } from '../../bytes/network-address.ts';
import { ipv6Text } from './addresses.ts';

export interface DatagramPayload {
  readonly octets: Uint8Array;
  /** `source>destination`, each address and port. */
  readonly path: string | null;
}

const UDP = 17;
const UDP_HEADER = 8;
const IPV6_HEADER = 40;

/** What is in the UDP datagram of an IP packet; `null` if there is none, or only part of one. */
export function ipPayload(packet: Uint8Array): DatagramPayload | null {
  const lead = packet[0] ?? 0;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const address = (at: number, length: number) => Buffer.from(packet.subarray(at, at + length));
  if (lead >> 4 === 4 && packet.length >= 20) {
    const headerLength = 4 * (lead & 0x0f);
    const fragment = (view.getUint16(6) & 0x3fff) !== 0;
    if (packet[9] !== UDP || fragment || headerLength < 20) return null;
    const datagram = packet.subarray(headerLength, view.getUint16(2));
    return udpPayload(datagram, [...address(12, 4)].join('.'), [...address(16, 4)].join('.'));
  }
  if (lead >> 4 === 6 && packet.length >= IPV6_HEADER && packet[6] === UDP) {
    const datagram = packet.subarray(IPV6_HEADER, IPV6_HEADER + view.getUint16(4));
    return udpPayload(datagram, ipv6Text(address(8, 16)), ipv6Text(address(24, 16)));
  }
  return null;
}

/** What is in an UDP datagram; `null` if it is none. @param source address, empty if it is not known */
export function udpPayload(
  datagram: Uint8Array,
  source: string,
  destination: string,
): DatagramPayload | null {
  if (datagram.length < UDP_HEADER) return null;
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
  const length = view.getUint16(4);
  if (length < UDP_HEADER || length > datagram.length) return null;
  const path = `${uriHost(source)}:${view.getUint16(0)}>${uriHost(destination)}:${view.getUint16(2)}`;
  return { octets: datagram.subarray(UDP_HEADER, length), path };
}
