/** The segments of one destination's spool, and how far it has come. */
import { StorageError } from '../../../storage/errors.ts';
import type { PlacedContent } from './spool-batch.ts';
import { ownerOfLane } from './spool-lanes.ts';
import type { GoneListener, SpoolSegment, WaitingRecord } from './spool-segment.ts';

/** What the database has of a destination's spool. */
export interface SpoolMark {
  readonly did: string;
  /** All up to this position was acknowledged. */
  readonly acknowledged: number;
  /** Segments before this one are not needed. */
  readonly firstSegment: number;
  /** The number after that of the last one. */
  readonly nextSegment: number;
  /** Number of the last batch that must be there; 0: none must. */
  readonly lastBatch: number;
}

/** Positions from one to another, both included, that wait no more. */
export interface GoneRange {
  readonly did: string;
  readonly first: number;
  readonly last: number;
}

/** Communications of which it is remembered which number was the last. */
const MOST_CALLS = 20_000;

export class SpoolDestination {
  readonly did: string;
  /** The interface of what is in it, in words. */
  readonly #said: string;
  /** The oldest first. */
  readonly segments: SpoolSegment[] = [];
  nextSegment = 1;
  /** Whether a commit is being written to it. */
  isWritten = false;
  acknowledged = 0;
  /** What was acknowledged with a gap before it, and is not in the database yet. */
  ranges: GoneRange[] = [];
  /** What the database has. */
  noted: SpoolMark | null = null;
  /** Of what waits, by LIID and CIN, the last number and its position. */
  readonly #last = new Map<string, { readonly number: number; readonly position: number }>();

  constructor(did: string) {
    this.did = did;
    this.#said = ownerOfLane(did).interface.toUpperCase();
  }

  get octets(): number {
    return this.segments.reduce((sum, { file }) => sum + file.length, 0);
  }

  /** Records that wait. */
  get waiting(): number {
    return this.segments.reduce((sum, { waiting }) => sum + waiting, 0);
  }

  /** Its newest segment from now on. */
  begin(segment: SpoolSegment): void {
    this.segments.push(segment);
    this.nextSegment = segment.number + 1;
  }

  /** Position of the oldest record that is in a segment; `Infinity`: there is none. */
  get oldest(): number {
    return Math.min(Infinity, ...this.segments.map(({ firstPosition }) => firstPosition));
  }

  /** Whether a segment is done with that takes no more. */
  get isToBeCleared(): boolean {
    const [first, ...others] = this.segments;
    return first?.waiting === 0 && others.length > 0;
  }

  /** A number comes once, and after those below it. @throws StorageError `damaged` */
  requireNew(records: readonly PlacedContent[]): void {
    const own = new Map<string, number>();
    for (const { liid, cin, sequenceNumber } of records) {
      const key = `${cin} ${liid}`;
      const last = own.get(key) ?? this.#last.get(key)?.number ?? -1;
      if (sequenceNumber <= last)
        throw new StorageError(
          'damaged',
          `${this.#said} number ${sequenceNumber} of CIN ${cin} comes after ${last}`,
        );
      own.set(key, sequenceNumber);
    }
  }

  noteNumbers(records: Iterable<Omit<PlacedContent, 'octets'>>): void {
    for (const { liid, cin, sequenceNumber, position } of records)
      this.#last.set(`${cin} ${liid}`, { number: sequenceNumber, position });
    if (this.#last.size <= MOST_CALLS) return;
    const [oldest] = this.after(0, 1);
    const from = oldest?.position ?? Infinity;
    for (const [key, { position }] of this.#last) if (position < from) this.#last.delete(key);
  }

  /** Those that wait after a position, in their order. */
  after(position: number, limit: number): WaitingRecord[] {
    const found: WaitingRecord[] = [];
    for (const segment of this.segments) {
      if (segment.lastPosition <= position) continue;
      for (const record of segment.after(position)) {
        found.push(record);
        if (found.length >= limit) return found;
      }
    }
    return found;
  }

  at(position: number): WaitingRecord | null {
    const segment = this.segments.find(({ lastPosition }) => lastPosition >= position);
    return segment?.at(position) ?? null;
  }

  acknowledge(upTo: number, after: number, gone: GoneListener): void {
    for (const segment of this.segments) {
      if (segment.lastPosition <= after) continue;
      segment.done(after, upTo, gone);
      if (segment.lastPosition >= upTo) break;
    }
    if (after <= this.acknowledged) this.acknowledged = Math.max(this.acknowledged, upTo);
    else this.ranges.push({ did: this.did, first: after + 1, last: upTo });
  }

  /** Those of a warrant: of the highest CINs, the highest numbers first. */
  newest(liid: string, limit: number): WaitingRecord[] {
    const counts = new Map<number, number>();
    for (const segment of this.segments) segment.countOf(liid, counts);
    const found: WaitingRecord[] = [];
    for (const cin of [...counts.keys()].sort((a, b) => b - a))
      for (const segment of this.segments.toReversed())
        for (const record of segment.newestOf(liid, cin)) {
          found.push(record);
          if (found.length >= limit) return found;
        }
    return found;
  }

  /** What the database is to have, once it has all batches up to `applied`. */
  mark(applied: number): SpoolMark {
    const kept = this.segments.filter((segment) => !isDone(segment, applied));
    const batches = kept.map(({ lastBatch }) => lastBatch).filter((batch) => batch <= applied);
    return {
      did: this.did,
      acknowledged: this.acknowledged,
      firstSegment: kept[0]?.number ?? this.nextSegment,
      nextSegment: this.nextSegment,
      lastBatch: Math.max(0, ...batches),
    };
  }

  /** Segments that nobody needs, once the database has all batches up to `applied`; nothing more comes into them. */
  close(applied: number): SpoolSegment[] {
    const done = this.segments.filter((segment) => isDone(segment, applied));
    for (const segment of done) segment.isClosed = true;
    return done;
  }
}

function isDone({ waiting, lastBatch, isWritten }: SpoolSegment, applied: number): boolean {
  return waiting === 0 && !isWritten && lastBatch <= applied;
}
