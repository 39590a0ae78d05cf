/** One segment of a destination's spool: its file, and in memory where its records are and which of them still wait. */
import type { SegmentFile } from '../../../storage/segment-file.ts';
import type { Amount, OutboxAppend } from '../ports.ts';
import { isIntact } from './spool-batch.ts';
import type { FoundBatch, SpooledRecord } from './spool-batch.ts';

/** A record that waits. */
export interface WaitingRecord extends SpooledRecord {
  readonly segment: SpoolSegment;
  /** Its place in the segment's table. */
  readonly row: number;
}

/** Hears of records that wait no more. */
export type GoneListener = (gone: GoneRecords) => void;

/** Records of one warrant. */
export interface GoneRecords extends Pick<OutboxAppend, 'liid'>, Amount {
  /** Octets of memory that are not needed any more. */
  readonly freed: number;
}

/** Content of a batch that is in memory until none of it waits. */
export interface KeptBatch {
  /** Where in the file it is. */
  readonly from: number;
  /** Which share their memory with nothing else. */
  readonly octets: Uint8Array;
  /** Records that wait. */
  waiting: number;
}

/** Octets that are read from a file at once. */
const READ_AT_ONCE = 1 << 20;

export class SpoolSegment {
  /** Increases by one with each segment of a destination. */
  readonly number: number;
  readonly file: SegmentFile;
  /** Number of its last batch; 0: it has none. */
  lastBatch = 0;
  /** Records that wait. */
  waiting = 0;
  /** Whether something is being written to it. */
  isWritten = false;
  /** Nothing more is written to it. */
  isClosed = false;
  #isEmptied = false;
  readonly #rows = new RecordRows();
  /** No row before this one waits. */
  #first = 0;

  constructor(number: number, file: SegmentFile) {
    this.number = number;
    this.file = file;
  }

  /** Position of its last record; 0: it has none. */
  get lastPosition(): number {
    return this.#rows.size === 0 ? 0 : this.#rows.position(this.#rows.size - 1);
  }

  /** Position of its first record; `Infinity`: it has none. */
  get firstPosition(): number {
    return this.#rows.size === 0 ? Infinity : this.#rows.position(0);
  }

  /** Whether nothing is left of it but its head. */
  get isEmptied(): boolean {
    return this.#isEmptied || this.#rows.size === 0;
  }

  /** @param from where in the file the batch is @param kept `null`: it is to be read when it is asked for */
  add(number: number, from: number, records: readonly SpooledRecord[], kept: KeptBatch | null): void {
    this.lastBatch = number;
    for (const record of records) this.#rows.push(record, from, kept);
    this.waiting += records.length;
  }

  /** As `add`, of a batch that was found in the file. */
  addFound({ number, records }: FoundBatch): void {
    this.add(number, 0, records ?? [], null);
  }

  /** Records that wait, after a position, in their order. */
  *after(position: number): Generator<WaitingRecord, void> {
    if (this.waiting === 0) return;
    const rows = this.#rows;
    for (let row = Math.max(this.#first, rows.firstAfter(position)); row < rows.size; row++)
      if (rows.waits(row)) yield this.#waitingAt(row);
  }

  /** The record of a position, if it waits. */
  at(position: number): WaitingRecord | null {
    const row = this.#rows.firstAfter(position - 1);
    if (row >= this.#rows.size || this.#rows.position(row) !== position || !this.#rows.waits(row))
      return null;
    return this.#waitingAt(row);
  }

  /** Those waiting of a warrant: how many of each call. */
  countOf(liid: string, counts: Map<number, number>): void {
    for (let row = this.#first; row < this.#rows.size; row++) {
      if (!this.#rows.waits(row) || this.#rows.liid(row) !== liid) continue;
      const cin = this.#rows.cin(row);
      counts.set(cin, (counts.get(cin) ?? 0) + 1);
    }
  }

  /** Those waiting of a warrant and a call, the newest first. */
  *newestOf(liid: string, cin: number): Generator<WaitingRecord, void> {
    const rows = this.#rows;
    for (let row = rows.size - 1; row >= this.#first; row--)
      if (rows.waits(row) && rows.cin(row) === cin && rows.liid(row) === liid) yield this.#waitingAt(row);
  }

  /** Records from after one position up to another wait no more, of all or of one warrant. */
  done(after: number, upTo: number, gone: GoneListener, liid: string | null = null): void {
    const rows = this.#rows;
    if (this.waiting === 0) return;
    let last = { liid: '', count: 0, octets: 0, freed: 0 };
    for (let row = Math.max(this.#first, rows.firstAfter(after)); row < rows.size; row++) {
      if (rows.position(row) > upTo) break;
      const own = rows.liid(row);
      if (!rows.waits(row) || (liid !== null && own !== liid)) continue;
      if (own !== last.liid) {
        if (last.count > 0) gone(last);
        last = { liid: own, count: 0, octets: 0, freed: 0 };
      }
      last.count += 1;
      last.octets += rows.octets(row);
      last.freed += this.#finish(row);
    }
    while (this.#first < rows.size && !rows.waits(this.#first)) this.#first++;
    if (last.count > 0) gone(last);
  }

  /** One record waits no more. */
  finish({ row, liid, length }: WaitingRecord, gone: GoneListener): void {
    if (this.#rows.waits(row)) gone({ liid, count: 1, octets: length, freed: this.#finish(row) });
  }

  /** Their octets, in their order; `null`: they are not those that were written. @throws FileError */
  async octetsOf(records: readonly WaitingRecord[]): Promise<(Uint8Array | null)[]> {
    const found = records.map(({ row }) => this.#rows.inMemory(row));
    for (let n = 0; n < records.length;) {
      if (found[n] !== null) {
        n++;
        continue;
      }
      const from = records[n]?.at ?? 0;
      let end = n;
      let to = from;
      for (; end < records.length && found[end] === null; end++) {
        const { at = 0, length = 0 } = records[end] ?? {};
        if (end > n && at + length - from > READ_AT_ONCE) break;
        to = at + length;
      }
      const octets = await this.file.read(from, to - from);
      for (; n < end; n++) {
        const record = records[n];
        if (record === undefined) continue;
        const own = octets.slice(record.at - from, record.at - from + record.length);
        found[n] = isIntact(own, record) ? own : null;
      }
    }
    return found;
  }

  /** Leaves its head alone, so that none is missing: nothing of it waits, and nothing comes. @throws FileError */
  async empty(head: number): Promise<void> {
    this.isClosed = true;
    const { length } = this.file;
    if (length > head) {
      await this.file.erase(head, length - head);
      await this.file.synced();
      await this.file.cut(head);
    }
    this.#isEmptied = true;
  }

  /** Places in its table of what waits no more and is still in the file. */
  goneRows(): number[] {
    const rows = this.#rows;
    if (this.isEmptied || rows.gone === 0) return [];
    return [...Array(rows.size).keys()].filter((row) => !rows.waits(row) && !rows.isErased(row));
  }

  /** Overwrites what is at these places. @throws FileError */
  async erase(gone: readonly number[]): Promise<void> {
    if (gone.length === 0 || this.isEmptied) return;
    for (let n = 0; n < gone.length;) {
      const [first, from] = [n, this.#rows.record(gone[n] ?? 0).at];
      let to = from;
      // Those of a batch lie side by side.
      for (; n < gone.length; n++) {
        const { at, length } = this.#rows.record(gone[n] ?? 0);
        if (at !== to) break;
        to += length;
      }
      await this.file.erase(from, to - from);
      for (const row of gone.slice(first, n)) this.#rows.erased(row);
    }
    await this.file.synced();
  }

  #waitingAt(row: number): WaitingRecord {
    return { ...this.#rows.record(row), segment: this, row };
  }

  /** Gives how much memory is not needed any more. */
  #finish(row: number): number {
    const kept = this.#rows.finish(row);
    this.waiting--;
    if (kept === null) return 0;
    kept.waiting--;
    return kept.waiting === 0 ? kept.octets.length : 0;
  }
}

/** A DID that is a UUID is in the name as it is. */
export function segmentName(did: string, number: number): string {
  const name = /^[\w-]{1,64}$/.test(did) ? did : `x${Buffer.from(did).toString('hex').slice(0, 128)}`;
  return `${name}.${String(number).padStart(10, '0')}.spool`;
}

/** The number of a segment by its file's name; `null`: it is not one. */
export function segmentNumber(name: string): number | null {
  const match = /^[\w-]+\.(\d{10,})\.spool$/.exec(name);
  return match === null ? null : Number(match[1]);
}

const WAITS = 0;
const GONE = 1;
const ERASED = 2;

/** Records in columns: there may be a million. */
class RecordRows {
  size = 0;
  /** Those that wait no more and are not erased. */
  gone = 0;
  /** f64: position, CIN, number. */
  #large = new Float64Array(3 * 64);
  /** u32: place in the file, octets, checksum, LIID's place among the LIIDs. */
  #small = new Uint32Array(4 * 64);
  #states = new Uint8Array(64);
  readonly #kept: (KeptBatch | null)[] = [];
  readonly #liids: string[] = [];
  readonly #liidAt = new Map<string, number>();

  /** @param from where its batch is in the file */
  push(record: SpooledRecord, from: number, kept: KeptBatch | null): void {
    const row = this.size++;
    if (row >= this.#states.length) this.#grow();
    this.#large[3 * row] = record.position;
    this.#large[3 * row + 1] = record.cin;
    this.#large[3 * row + 2] = record.sequenceNumber;
    this.#small[4 * row] = from + record.at;
    this.#small[4 * row + 1] = record.length;
    this.#small[4 * row + 2] = record.checksum;
    this.#small[4 * row + 3] = this.#liidOf(record.liid);
    this.#kept.push(kept);
  }

  record(row: number): SpooledRecord {
    return {
      position: this.position(row),
      liid: this.liid(row),
      cin: this.cin(row),
      sequenceNumber: this.#large[3 * row + 2] ?? 0,
      at: this.#small[4 * row] ?? 0,
      length: this.octets(row),
      checksum: this.#small[4 * row + 2] ?? 0,
    };
  }

  position(row: number): number {
    return this.#large[3 * row] ?? 0;
  }

  cin(row: number): number {
    return this.#large[3 * row + 1] ?? 0;
  }

  /** How many it has. */
  octets(row: number): number {
    return this.#small[4 * row + 1] ?? 0;
  }

  liid(row: number): string {
    return this.#liids[this.#small[4 * row + 3] ?? 0] ?? '';
  }

  /** Its octets, where they are in memory. */
  inMemory(row: number): Uint8Array | null {
    const kept = this.#kept[row] ?? null;
    if (kept === null) return null;
    const at = (this.#small[4 * row] ?? 0) - kept.from;
    return kept.octets.subarray(at, at + this.octets(row));
  }

  waits(row: number): boolean {
    return this.#states[row] === WAITS;
  }

  isErased(row: number): boolean {
    return this.#states[row] === ERASED;
  }

  /** Gives the batch in memory that it was of. */
  finish(row: number): KeptBatch | null {
    const kept = this.#kept[row] ?? null;
    this.#states[row] = GONE;
    this.gone++;
    this.#kept[row] = null;
    return kept;
  }

  erased(row: number): void {
    this.#states[row] = ERASED;
    this.gone--;
  }

  /** The first row whose position is above another. */
  firstAfter(position: number): number {
    let [from, to] = [0, this.size];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.position(middle) > position) to = middle;
      else from = middle + 1;
    }
    return from;
  }

  #liidOf(liid: string): number {
    const known = this.#liidAt.get(liid);
    if (known !== undefined) return known;
    const at = this.#liids.push(liid) - 1;
    this.#liidAt.set(liid, at);
    return at;
  }

  #grow(): void {
    const room = 2 * this.#states.length;
    const [large, small, states] = [
      new Float64Array(3 * room),
      new Uint32Array(4 * room),
      new Uint8Array(room),
    ];
    large.set(this.#large);
    small.set(this.#small);
    states.set(this.#states);
    [this.#large, this.#small, this.#states] = [large, small, states];
  }
}
