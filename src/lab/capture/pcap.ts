/**
 * A capture file as libpcap has it, packets from the IP header on:
 *
 *     a1b2c3d4 | 2 | 4 | 0 | 0 | longest packet | link type 101 (raw IP)           32, 16, 16, 32, 32, 32, 32 bits
 *     seconds | microseconds | octets kept | octets there were | packet            32 bits each, for every packet
 */
import { concat } from '../../bytes/octets.ts';
import { Writer } from '../../bytes/writer.ts';

export interface CapturedPacket {
  /** Unix milliseconds. */
  readonly at: number;
  readonly octets: Uint8Array;
}

const MAGIC = 0xa1b2_c3d4;
const LONGEST = 0x4_0000;
const RAW_IP = 101;

export function encodePcap(packets: readonly CapturedPacket[]): Uint8Array {
  const header = new Writer(24).u32(MAGIC).u16(2).u16(4).u32(0).u32(0).u32(LONGEST).u32(RAW_IP).finish();
  const records = packets.flatMap(({ at, octets }) => {
    const microseconds = Math.round(at * 1000);
    const head = new Writer(16)
      .u32(Math.floor(microseconds / 1_000_000))
      .u32(microseconds % 1_000_000)
      .u32(octets.length)
      .u32(octets.length)
      .finish();
    return [head, octets];
  });
  return concat(header, ...records);
}

/** Whether a file that begins like this is a capture, in either order of octets, pcap or pcapng. */
export function isPcap(beginning: Uint8Array): boolean {
  const magic = Buffer.from(beginning.subarray(0, 4)).toString('hex');
  return ['a1b2c3d4', 'd4c3b2a1', 'a1b23c4d', '4d3cb2a1', '0a0d0d0a'].includes(magic);
}
