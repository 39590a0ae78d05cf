/** Packets that are not decoded, as they are written: a file of rtptools, made when the first of them comes. */
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { rtpDumpHeader, rtpDumpPacket } from '../../../media/rtpdump.ts';
import type { DumpSource } from '../../../media/rtpdump.ts';
import { fileError } from '../../../storage/files.ts';
import type { KeptPackets, PacketWriter } from '../audio.ts';

/** Octets that wait to be written. */
const BUFFER = 1 << 16;

export class PacketFile implements PacketWriter, KeptPackets {
  readonly #file: string;
  readonly #out: string;
  readonly #source: DumpSource | null;
  readonly #onClosed: () => void;
  #descriptor: number | null = null;
  #waiting: Uint8Array[] = [];
  #octets = 0;
  #start = 0;
  #latest = 0;
  #packets = 0;

  /** @param way `source>destination` as delivered */
  constructor(file: string, out: string, way: string | null, onClosed: () => void) {
    this.#file = file;
    this.#out = out;
    this.#source = sourceOf(way);
    this.#onClosed = onClosed;
  }

  get packets(): number {
    return this.#packets;
  }

  /** They stand in the order of their numbers: their times do not go back. */
  write(packet: Uint8Array, time: number | null): void {
    if (this.#packets++ === 0) {
      this.#open();
      this.#start = this.#latest = time ?? 0;
      this.#put(rtpDumpHeader(this.#start, this.#source));
    }
    this.#latest = Math.max(this.#latest, time ?? 0);
    this.#put(rtpDumpPacket({ offset: this.#latest - this.#start, octets: packet }));
  }

  end(): KeptPackets | null {
    this.#flush();
    this.close();
    return this.#packets === 0 ? null : this;
  }

  close(): void {
    this.#onClosed();
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }

  keep(name: string): void {
    try {
      renameSync(this.#file, path.join(this.#out, name));
    } catch (cause) {
      throw fileError(`cannot write ${path.join(this.#out, name)}`, cause);
    }
  }

  discard(): void {
    rmSync(this.#file, { force: true });
  }

  #open(): void {
    try {
      this.#descriptor = openSync(this.#file, 'wx', 0o600);
    } catch (cause) {
      throw fileError(`cannot write ${this.#file}`, cause);
    }
  }

  #put(octets: Uint8Array): void {
    this.#waiting.push(octets);
    this.#octets += octets.length;
    if (this.#octets >= BUFFER) this.#flush();
  }

  #flush(): void {
    if (this.#descriptor === null) return;
    const octets = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#octets = 0;
    try {
      for (let at = 0; at < octets.length;) at += writeSync(this.#descriptor, octets, at);
    } catch (cause) {
      throw fileError(`cannot write ${this.#file}`, cause);
    }
  }
}

function sourceOf(way: string | null): DumpSource | null {
  const [, address = '', port = ''] = /^([0-9.]+):([0-9]+)>/.exec(way ?? '') ?? [];
  return address === '' || Number(port) > 0xffff ? null : { address, port: Number(port) };
}
