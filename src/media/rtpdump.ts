/**
 * Files of RTP packets in the `dump` format of rtptools, which players and Wireshark read:
 *
 *     "#!rtpplay1.0 " address "/" port "\n"
 *     start: seconds (32), microseconds (32) ‖ source: IPv4 address (32), port (16) ‖ padding (16)
 *     each packet: length with these 8 octets (16) ‖ length of the packet (16) ‖ milliseconds since the start (32) ‖ packet
 *
 * A source that is none of IPv4 is 0.0.0.0/0, as the format has no room for others.
 */
import { isIPv4 } from 'node:net';
import { concat, utf8 } from '../bytes/octets.ts';
import { Reader } from '../bytes/reader.ts';
import { Writer } from '../bytes/writer.ts';
import { MediaError } from './errors.ts';

const MAGIC = '#!rtpplay1.0 ';
const PACKET_HEADER = 8;
/** The longest packet that there is room for. */
const MAX_PACKET = 0xffff - PACKET_HEADER;

export interface DumpSource {
  readonly address: string;
  readonly port: number;
}

export interface DumpedPacket {
  /** Milliseconds since the start. */
  readonly offset: number;
  readonly octets: Uint8Array;
}

export interface RtpDump {
  /** Unix milliseconds. */
  readonly start: number;
  readonly source: DumpSource;
  readonly packets: readonly DumpedPacket[];
}

/** What a file begins with. @param start Unix milliseconds */
export function rtpDumpHeader(start: number, source: DumpSource | null): Uint8Array {
  const { address, port } =
    source !== null && isIPv4(source.address) ? source : { address: '0.0.0.0', port: 0 };
  const head = new Writer(16)
    .u32(Math.floor(start / 1000) % 2 ** 32)
    .u32(Math.floor((start % 1000) * 1000))
    .bytes(Uint8Array.from(address.split('.').map(Number)))
    .u16(port)
    .u16(0);
  return concat(utf8(`${MAGIC}${address}/${port}\n`), head.finish());
}

/** A packet as it stands in the file. @param offset milliseconds since the start @throws MediaError `too-large` */
export function rtpDumpPacket({ offset, octets }: DumpedPacket): Uint8Array {
  if (octets.length > MAX_PACKET)
    throw new MediaError('too-large', 'a packet is longer than the file can say');
  const head = new Writer(PACKET_HEADER)
    .u16(octets.length + PACKET_HEADER)
    .u16(octets.length)
    .u32(Math.min(Math.max(0, Math.floor(offset)), 0xffffffff));
  return concat(head.finish(), octets);
}

/** @throws MediaError `malformed`, BytesError */
export function readRtpDump(file: Uint8Array): RtpDump {
  const end = file.indexOf(0x0a);
  const line = Buffer.from(file.subarray(0, Math.max(0, end))).toString('latin1');
  if (!line.startsWith(MAGIC)) throw new MediaError('malformed', 'not a file of rtptools');
  const reader = new Reader(file.subarray(end + 1));
  const start = reader.u32('seconds') * 1000 + reader.u32('microseconds') / 1000;
  const source = { address: [...reader.bytes(4, 'address')].join('.'), port: reader.u16('port') };
  reader.u16('padding');
  const packets: DumpedPacket[] = [];
  while (reader.remaining > 0) {
    const length = reader.u16('length');
    const inside = reader.u16('length of the packet');
    if (length !== inside + PACKET_HEADER) throw new MediaError('malformed', 'a packet that is not whole');
    packets.push({ offset: reader.u32('offset'), octets: reader.bytes(inside, 'packet').slice() });
  }
  return { start, source, packets };
}
