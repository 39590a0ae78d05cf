/**
 * IP packets as a capture has them: IPv4 (RFC 791) or IPv6 (RFC 8200), with UDP (RFC 768) or TCP (RFC 9293), all
 * checksums right.
 */
import { concat } from '../../bytes/octets.ts';
import { addressOctets } from '../../bytes/network-address.ts';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import { Writer } from '../../bytes/writer.ts';

/** Which way a packet goes. Addresses are literal. */
export interface PacketEnds {
  readonly from: NetworkAddress;
  readonly to: NetworkAddress;
}

export interface TcpFields {
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly flags: number;
}

export const TCP_FLAG = { fin: 0x01, syn: 0x02, push: 0x08, ack: 0x10 } as const;

const PROTOCOL = { tcp: 6, udp: 17 } as const;
const IPV4_HEADER = 20;
const TCP_HEADER = 20;
const UDP_HEADER = 8;
const HOPS = 64;
const WINDOW = 0xffff;

/** What one packet takes at most: its length has 16 bits. */
export const MOST_SEGMENT = 0xffff - IPV4_HEADER - TCP_HEADER;
const MOST_DATAGRAM = 0xffff - IPV4_HEADER - UDP_HEADER;

/** @throws RangeError if no packet takes that much */
export function udpPacket(ends: PacketEnds, payload: Uint8Array): Uint8Array {
  if (payload.length > MOST_DATAGRAM) throw new RangeError(`a datagram of ${payload.length} octets`);
  const length = UDP_HEADER + payload.length;
  const datagram = new Writer(length)
    .u16(ends.from.port)
    .u16(ends.to.port)
    .u16(length)
    .u16(0)
    .bytes(payload)
    .finish();
  // 0 says that there is none (RFC 768).
  const sum = checksum(concat(pseudoHeader(ends, PROTOCOL.udp, length), datagram)) || 0xffff;
  return ipPacket(ends, PROTOCOL.udp, patched(datagram, 6, sum));
}

/** @throws RangeError if no packet takes that much */
export function tcpPacket(ends: PacketEnds, fields: TcpFields, payload: Uint8Array): Uint8Array {
  if (payload.length > MOST_SEGMENT) throw new RangeError(`a segment of ${payload.length} octets`);
  const length = TCP_HEADER + payload.length;
  const segment = new Writer(length)
    .u16(ends.from.port)
    .u16(ends.to.port)
    .u32(fields.sequence)
    .u32(fields.acknowledgement)
    .u8((TCP_HEADER / 4) << 4)
    .u8(fields.flags)
    .u16(WINDOW)
    .u16(0)
    .u16(0)
    .bytes(payload)
    .finish();
  const sum = checksum(concat(pseudoHeader(ends, PROTOCOL.tcp, length), segment));
  return ipPacket(ends, PROTOCOL.tcp, patched(segment, 16, sum));
}

function ipPacket(ends: PacketEnds, protocol: number, payload: Uint8Array): Uint8Array {
  const from = addressOctets(ends.from.address);
  const to = addressOctets(ends.to.address);
  if (from.length === 16)
    return new Writer()
      .u32(0x6000_0000)
      .u16(payload.length)
      .u8(protocol)
      .u8(HOPS)
      .bytes(from)
      .bytes(to)
      .bytes(payload)
      .finish();
  const header = new Writer(IPV4_HEADER)
    .u16(0x4500)
    .u16(IPV4_HEADER + payload.length)
    .u16(0)
    .u16(0x4000) // not to be fragmented
    .u8(HOPS)
    .u8(protocol)
    .u16(0)
    .bytes(from)
    .bytes(to)
    .finish();
  return concat(patched(header, 10, checksum(header)), payload);
}

/** What checksums of UDP and TCP are taken over besides: RFC 9293 section 3.1, RFC 8200 section 8.1. */
function pseudoHeader({ from, to }: PacketEnds, protocol: number, length: number): Uint8Array {
  const addresses = concat(addressOctets(from.address), addressOctets(to.address));
  const writer = new Writer().bytes(addresses);
  return (
    addresses.length === 32 ? writer.u32(length).u32(protocol) : writer.u16(protocol).u16(length)
  ).finish();
}

/** RFC 1071. */
function checksum(octets: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < octets.length; at += 2) sum += ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum >>> 16) + (sum & 0xffff);
  return ~sum & 0xffff;
}

function patched(octets: Uint8Array, at: number, value: number): Uint8Array {
  octets[at] = value >> 8;
  octets[at + 1] = value & 0xff;
  return octets;
}
