/** What a LEMF has received, in memory, on a disk that is as slow, or as broken, as the test says. */
import type { HandoverKind, LemfStore, StoredPdu } from '../../../src/entities/lemf/ports.ts';

export class MemoryLemfStore implements LemfStore {
  readonly pdus: Record<HandoverKind, Uint8Array[]> = { hi2: [], hi3: [] };
  readonly sources: Record<HandoverKind, string[]> = { hi2: [], hi3: [] };
  /** The syncs that were asked for, each with what was stored by then; a slow disk finishes them when told. */
  readonly syncs: { readonly stored: number; readonly finish: (error?: Error) => void }[] = [];
  /** Whether there is no room for anything more. */
  full = false;
  readonly #disk: 'slow' | 'fast';

  /** @param disk `slow`: a sync ends when the test says so; `fast`: at once */
  constructor(disk: 'slow' | 'fast' = 'slow') {
    this.#disk = disk;
  }

  get lengths(): Record<HandoverKind, number> {
    const length = (kind: HandoverKind) => this.pdus[kind].reduce((sum, pdu) => sum + pdu.length, 0);
    return { hi2: length('hi2'), hi3: length('hi3') };
  }

  read(kind: HandoverKind, from = 0): StoredPdu[] {
    let next = 0;
    const all = this.pdus[kind].map((octets, nth) => {
      const at = next;
      next += octets.length;
      return { octets, at, source: this.sources[kind][nth] ?? null };
    });
    return all.filter(({ at }) => at >= from);
  }

  append(kind: HandoverKind, octets: Uint8Array, source: string): void {
    if (this.full) throw new Error('no room');
    this.pdus[kind].push(octets.slice());
    this.sources[kind].push(source);
  }

  sync(): Promise<void> {
    if (this.#disk === 'fast') return Promise.resolve();
    const stored = this.pdus.hi2.length + this.pdus.hi3.length;
    return new Promise((resolve, reject) => {
      this.syncs.push({ stored, finish: (error) => (error === undefined ? resolve() : reject(error)) });
    });
  }
}
