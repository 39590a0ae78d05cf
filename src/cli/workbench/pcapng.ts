/**
 * Captures in pcapng (draft-ietf-opsawg-pcapng), packets from the IP header on, little endian:
 *
 *     section header   0a0d0d0a | length | 1a2b3c4d | 1 | 0 | -1 (64 bits) | length
 *     interface        1 | length | 101 (raw IP) | 0 | longest packet | length
 *     packet           6 | length | interface 0 | time, upper | lower, in µs | octets kept | there were | packet, padded | length
 */
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';

const RAW_IP = 101;
const LONGEST = 0x4_0000;

export class PcapngFile {
  readonly #descriptor: number;
  #length = 0;

  /** @throws a system error */
  constructor(file: string) {
    this.#descriptor = openSync(file, 'w', 0o600);
    this.#block(0x0a0d_0d0a, [0x1a2b_3c4d, 0x0000_0001, 0xffff_ffff, 0xffff_ffff], new Uint8Array());
    this.#block(1, [RAW_IP, LONGEST], new Uint8Array());
  }

  /** Octets so far. */
  get length(): number {
    return this.#length;
  }

  /** @param at Unix milliseconds */
  packet(at: number, octets: Uint8Array): void {
    const micro = BigInt(Math.max(0, Math.round(at * 1000)));
    const words = [0, Number(micro >> 32n), Number(micro & 0xffff_ffffn), octets.length, octets.length];
    this.#block(6, words, octets);
  }

  /** Takes back what was written beyond so many octets. */
  cut(length: number): void {
    ftruncateSync(this.#descriptor, length);
    this.#length = length;
  }

  close(): void {
    closeSync(this.#descriptor);
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
