/**
 * Captures in pcapng (draft-ietf-opsawg-pcapng), little endian, of two interfaces: packets from the IP header on, and RTP
 * by itself with its addresses before it. The latter, since Wireshark takes what is on the ports of `RTP/SAVP` for
 * encrypted, whatever it is, and does not play it.
 *
 *     section header   0a0d0d0a | length | 1a2b3c4d | 1 | 0 | -1 (64 bits) | length
 *     interface        1 | length | 101 (raw IP), 252 (exported PDU) | 0 | longest packet | length
 *     packet           6 | length | interface | time, upper | lower, in µs | octets kept | there were | packet, padded | length
 *     exported PDU     tags: type (2) | length (2) | value, big endian, up to 0 | 0; then the PDU
 */
import { isIPv6 } from 'node:net';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { utf8 } from '../../bytes/octets.ts';
import { Writer } from '../../bytes/writer.ts';
import { addressOctets } from '../../bytes/network-address.ts';
import type { PacketEnds } from '../../lab/capture/packets.ts';

const RAW_IP = 101;
const EXPORTED_PDU = 252;
const INTERFACE = { ip: 0, rtp: 1 } as const;
/** Tags of exported PDUs as Wireshark numbers them. */
const TAG = { dissector: 12, ipv4: [20, 21], ipv6: [22, 23], ports: [25, 26] } as const;
const LONGEST = 0x4_0000;

export class PcapngFile {
  readonly #descriptor: number;
  #length = 0;

  /** @throws a system error */
  constructor(file: string) {
    this.#descriptor = openSync(file, 'w', 0o600);
    this.#block(0x0a0d_0d0a, [0x1a2b_3c4d, 0x0000_0001, 0xffff_ffff, 0xffff_ffff], new Uint8Array());
    for (const link of [RAW_IP, EXPORTED_PDU]) this.#block(1, [link, LONGEST], new Uint8Array());
  }

  /** Octets so far. */
  get length(): number {
    return this.#length;
  }

  /** An IP packet. @param at Unix milliseconds */
  packet(at: number, octets: Uint8Array): void {
    this.#captured(INTERFACE.ip, at, octets);
  }

  /** An RTP packet. @param at Unix milliseconds */
  rtp(at: number, { from, to }: PacketEnds, octets: Uint8Array): void {
    const writer = new Writer().u16(TAG.dissector).u16(4).bytes(utf8('rtp\0'));
    for (const [nth, { address, port }] of [from, to].entries()) {
      const addresses = isIPv6(address) ? TAG.ipv6 : TAG.ipv4;
      const value = addressOctets(address);
      writer
        .u16(addresses[nth] ?? 0)
        .u16(value.length)
        .bytes(value);
      writer
        .u16(TAG.ports[nth] ?? 0)
        .u16(4)
        .u32(port);
    }
    this.#captured(INTERFACE.rtp, at, writer.u32(0).bytes(octets).finish());
  }

  /** Takes back what was written beyond so many octets. */
  cut(length: number): void {
    ftruncateSync(this.#descriptor, length);
    this.#length = length;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #captured(on: number, at: number, octets: Uint8Array): void {
    const micro = BigInt(Math.max(0, Math.round(at * 1000)));
    const words = [on, Number(micro >> 32n), Number(micro & 0xffff_ffffn), octets.length, octets.length];
    this.#block(6, words, octets);
  }

  #block(type: number, words: readonly number[], octets: Uint8Array): void {
    const padded = Math.ceil(octets.length / 4) * 4;
    const total = 12 + 4 * words.length + padded;
    const block = new Uint8Array(total);
    const view = new DataView(block.buffer);
    [type, total, ...words].forEach((word, at) => view.setUint32(4 * at, word >>> 0, true));
    block.set(octets, 8 + 4 * words.length);
    view.setUint32(total - 4, total, true);
    for (let at = 0; at < total;) at += writeSync(this.#descriptor, block, at, total - at, this.#length + at);
    this.#length += total;
  }
}
