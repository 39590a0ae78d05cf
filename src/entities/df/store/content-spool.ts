/**
 * Content that waits for its destinations, in files of its own: for each destination a log in segments, to which a commit
 * appends what it has for it, in one write. The database has what is rarely written, and is behind the spool meanwhile:
 *
 *     commit of content alone      spool                      streams and calls are in the database later (`flush`)
 *     commit of more               spool, then database       it holds if the database has it
 *     acknowledgement              memory                     the position is in the database later
 *     all of a segment taken       database, then it is overwritten and removed
 *
 * So after a crash a commit holds that the database knows of, or that is whole at all of its destinations
 * (`spool-recovery.ts`). What was acknowledged and not noted yet goes out again, and the LEMF knows it for a copy.
 */
import path from 'node:path';
import { messageOf } from '../../../bytes/errors.ts';
import { StorageError } from '../../../storage/errors.ts';
import { SegmentFile } from '../../../storage/segment-file.ts';
import type { SegmentWriting } from '../../../storage/segment-file.ts';
import type { Amount, NewestEntry, OutboxEntry, WaitingShare } from '../ports.ts';
import { encodeBatch, segmentHead } from './spool-batch.ts';
import type { EncodedBatch, PlacedContent, SpoolBatch, SpooledRecord } from './spool-batch.ts';
import type { RecoveredSpool } from './spool-recovery.ts';
import { SpoolDestination } from './spool-destination.ts';
import { laneText, ownerOfLane } from './spool-lanes.ts';
import { SESSIONS_LANE } from './spooled-sessions.ts';
import type { SpoolMark } from './spool-destination.ts';
import { segmentName, SpoolSegment } from './spool-segment.ts';
import type { GoneRecords, KeptBatch, WaitingRecord } from './spool-segment.ts';

/** A segment of so many octets takes no more. */
const SEGMENT_OCTETS = 8 << 20;
/** Octets that are kept in memory until they are acknowledged, so that they need not be read again. */
const KEPT_OCTETS = 32 << 20;

/** What is committed, but for its records. */
export type SpoolAccount = Pick<SpoolBatch, 'needsDatabase' | 'streams' | 'communications'>;

/** A commit that is on the disk and not yet in force. */
export interface SpoolCommit {
  readonly number: number;
  readonly parts: readonly SpoolPart[];
}

interface SpoolPart {
  readonly destination: SpoolDestination;
  readonly segment: SpoolSegment;
  readonly isNew: boolean;
  /** Octets that were in the segment before, and where the batch begins. */
  readonly before: number;
  readonly from: number;
  readonly encoded: EncodedBatch;
  readonly records: readonly PlacedContent[];
}

/** Hears of what waits for a destination from now on, and, in negative numbers, of what waits no more. */
export type ContentListener = (did: string, content: Pick<WaitingShare, 'liid' | keyof Amount>) => void;

export class ContentSpool {
  readonly #folder: string;
  readonly #writing: SegmentWriting;
  readonly #destinations: Map<string, SpoolDestination>;
  readonly #tell: ContentListener;
  #number: number;
  #inForce: number;
  #keptOctets = 0;
  /** Parts of a commit that failed and could not be taken back yet. */
  #toUndo: readonly SpoolPart[] = [];
  readonly #lost: (damage: string) => void;

  /** @param number of the last commit that there was @param lost hears of content that is not what was written */
  constructor(
    folder: string,
    writing: SegmentWriting,
    { destinations, number }: Pick<RecoveredSpool, 'destinations' | 'number'>,
    tell: ContentListener,
    lost: (damage: string) => void,
  ) {
    this.#folder = folder;
    this.#writing = writing;
    this.#destinations = new Map(destinations.map((destination) => [destination.did, destination]));
    this.#number = number;
    this.#inForce = number;
    this.#tell = tell;
    this.#lost = lost;
  }

  /** Number of the last commit that is in force. */
  get inForce(): number {
    return this.#inForce;
  }

  /** Octets of all segments. */
  get octets(): number {
    return this.destinations().reduce((sum, { octets }) => sum + octets, 0);
  }

  destinations(): SpoolDestination[] {
    return [...this.#destinations.values()];
  }

  /** All that waits. */
  *all(): Generator<WaitingRecord & { readonly did: string }, void> {
    for (const [did, { segments }] of this.#destinations)
      for (const segment of segments) for (const record of segment.after(0)) yield { ...record, did };
  }

  destination(did: string): SpoolDestination | null {
    return this.#destinations.get(did) ?? null;
  }

  /**
   * Writes a commit; it is in force with `admit`. One at a time.
   * @param content by destination, in the order of positions
   * @throws FileError, StorageError: then nothing is left of it
   */
  async append(
    account: SpoolAccount,
    content: ReadonlyMap<string, readonly PlacedContent[]>,
  ): Promise<SpoolCommit> {
    await this.#undone();
    for (const [did, records] of content) this.destination(did)?.requireNew(records);
    const number = ++this.#number;
    const parts = [...content].map(([did, records], n) =>
      this.#part(did, records, {
        ...{ number, destinations: content.size, needsDatabase: account.needsDatabase, records },
        streams: n === 0 ? account.streams : [],
        communications: n === 0 ? account.communications : [],
      }),
    );
    for (const { segment, destination } of parts) segment.isWritten = destination.isWritten = true;
    const outcomes = await Promise.allSettled(parts.map((part) => written(part)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed === undefined) return { number, parts };
    this.#toUndo = parts;
    await this.#undone().catch(() => undefined);
    throw failed.reason;
  }

  /** It is in force: what it has waits. */
  admit({ number, parts }: SpoolCommit): void {
    this.#inForce = number;
    for (const { destination, segment, isNew, from, encoded, records } of parts) {
      segment.isWritten = destination.isWritten = false;
      if (isNew) destination.begin(segment);
      // What waits for the database alone is in memory already.
      const kept = destination.did === SESSIONS_LANE ? null : this.#kept(from, encoded);
      segment.add(number, from, encoded.records, kept);
      destination.noteNumbers(records);
      for (const share of sharesOf(encoded.records)) this.#tell(destination.did, share);
    }
  }

  /** Takes a commit back. @throws FileError if it is still there: then it is tried again before the next */
  async undo({ parts }: SpoolCommit): Promise<void> {
    this.#toUndo = parts;
    await this.#undone();
  }

  /** The oldest of a destination after a position. @throws FileError */
  async pending(did: string, after: number, limit: number): Promise<OutboxEntry[]> {
    const destination = this.#destinations.get(did);
    if (destination === undefined) return [];
    const chosen = destination.after(after, limit);
    const entries: OutboxEntry[] = [];
    for (let n = 0; n < chosen.length;) {
      const segment = chosen[n]?.segment;
      if (segment === undefined) break;
      const end = chosen.findIndex((record, at) => at > n && record.segment !== segment);
      const run = chosen.slice(n, end < 0 ? chosen.length : end);
      n += run.length;
      entries.push(...(await this.#entriesOf(did, segment, run)));
    }
    const last = chosen.at(-1);
    // What was damaged, or was taken meanwhile, is not the end.
    return entries.length > 0 || last === undefined ? entries : this.pending(did, last.position, limit);
  }

  /** From after one position up to another a destination's content waits no more. */
  acknowledge(did: string, upTo: number, after: number): void {
    this.#destinations.get(did)?.acknowledge(upTo, after, (record) => this.#note(did, record));
  }

  /** The newest of a warrant at a destination: of the newest calls, the newest first. */
  newest(did: string, liid: string, limit: number): NewestEntry[] {
    return (this.#destinations.get(did)?.newest(liid, limit) ?? []).map(
      ({ position, cin, sequenceNumber, length }) => ({
        ...{ ...ownerOfLane(did), position, liid, cin, sequenceNumber, length },
      }),
    );
  }

  /** One goes, or whatever it was is gone; gives whose it was. */
  evict(position: number): void {
    for (const [did, destination] of this.#destinations) {
      const record = destination.at(position);
      if (record === null) continue;
      record.segment.finish(record, (gone) => this.#note(did, gone));
      return;
    }
  }

  /** Nothing of a warrant waits any more that came up to a position. */
  retire(liid: string, upTo: number): void {
    for (const [did, destination] of this.#destinations)
      for (const segment of destination.segments)
        segment.done(0, upTo, (record) => this.#note(did, record), liid);
  }

  /** Removes segments that nobody needs, those before the marks; what is behind others is emptied. @throws FileError */
  async clear(marks: readonly SpoolMark[], done: readonly SpoolSegment[]): Promise<void> {
    for (const mark of marks) {
      const destination = this.#destinations.get(mark.did);
      if (destination === undefined) continue;
      const { segments } = destination;
      for (const segment of segments.filter((each) => done.includes(each))) {
        if (segment.number >= mark.firstSegment) await segment.empty(segmentHead(mark.did).length);
        else {
          await segment.file.remove();
          segments.splice(segments.indexOf(segment), 1);
        }
      }
    }
  }

  /**
   * Leaves nothing of what waits no more now.
   * @param noted lets the database know of it: else what is overwritten would be damaged after a crash
   * @throws FileError, what `noted` throws
   */
  async scrub(noted: () => Promise<void>): Promise<void> {
    const gone = new Map(this.#segments().map((segment) => [segment, segment.goneRows()]));
    await noted();
    for (const segment of this.#segments()) await segment.erase(gone.get(segment) ?? []);
  }

  forget(did: string): void {
    this.#destinations.delete(did);
  }

  async close(): Promise<void> {
    for (const { file } of this.#segments()) await file.close();
  }

  /* ---------------------------------------------------------------- helpers */

  #segments(): SpoolSegment[] {
    return this.destinations().flatMap(({ segments }) => segments);
  }

  #part(did: string, records: readonly PlacedContent[], batch: SpoolBatch): SpoolPart {
    const destination = this.#destinations.get(did) ?? new SpoolDestination(did);
    this.#destinations.set(did, destination);
    const last = destination.segments.at(-1);
    const isNew = last === undefined || last.isClosed || last.file.length >= SEGMENT_OCTETS;
    const segment = isNew ? this.#newSegment(destination) : last;
    const before = segment.file.length;
    const from = isNew ? segmentHead(did).length : before;
    return { destination, segment, isNew, before, from, encoded: encodeBatch(batch), records };
  }

  #newSegment(destination: SpoolDestination): SpoolSegment {
    const number = destination.nextSegment;
    return new SpoolSegment(
      number,
      new SegmentFile(path.join(this.#folder, segmentName(destination.did, number)), this.#writing),
    );
  }

  /** Its content alone, by itself. `null`: there is no room for it. @param from where the batch is in the file */
  #kept(from: number, { octets, records }: EncodedBatch): KeptBatch | null {
    const at = records[0]?.at ?? octets.length;
    const total = this.#keptOctets + octets.length - at;
    if (total > KEPT_OCTETS) return null;
    this.#keptOctets = total;
    return { from: from + at, octets: new Uint8Array(octets.subarray(at)), waiting: records.length };
  }

  #note(did: string, { liid, count, octets, freed }: GoneRecords): void {
    this.#keptOctets -= freed;
    this.#tell(did, { liid, count: -count, octets: -octets });
  }

  async #entriesOf(
    did: string,
    segment: SpoolSegment,
    run: readonly WaitingRecord[],
  ): Promise<OutboxEntry[]> {
    const isWaiting = ({ position }: WaitingRecord): boolean => segment.at(position) !== null;
    const place = ownerOfLane(did);
    let all: readonly (Uint8Array | null)[] = [];
    try {
      all = await segment.octetsOf(run);
    } catch (error) {
      // A segment that is done with may be gone by now.
      if (run.some(isWaiting)) throw error;
    }
    return run.flatMap((record, n): OutboxEntry[] => {
      const octets = all[n] ?? null;
      const { liid, cin, sequenceNumber, position } = record;
      if (octets !== null) return [{ ...place, position, liid, cin, sequenceNumber, octets }];
      if (isWaiting(record)) this.#lose(did, record);
      return [];
    });
  }

  #lose(did: string, record: WaitingRecord): void {
    const { position } = record;
    this.#destinations.get(did)?.ranges.push({ did, first: position, last: position });
    const { liid, cin, sequenceNumber, segment } = record;
    segment.finish(record, (gone) => this.#note(did, gone));
    this.#lost(`${laneText(did)} is damaged and lost: LIID ${liid}, CIN ${cin}, number ${sequenceNumber}`);
  }

  /** Cuts off what a commit has left that failed. @throws StorageError */
  async #undone(): Promise<void> {
    const parts = this.#toUndo;
    if (parts.length === 0) return;
    try {
      for (const { destination, segment, isNew, before } of parts) {
        if (isNew) await segment.file.remove();
        else await segment.file.cut(before);
        segment.isWritten = destination.isWritten = false;
      }
    } catch (cause) {
      throw new StorageError('unavailable', `the spool cannot be mended: ${messageOf(cause)}`, { cause });
    }
    this.#toUndo = [];
  }
}

function written({ destination, segment, isNew, encoded }: SpoolPart): Promise<void> {
  const { octets } = encoded;
  return segment.file.append(isNew ? Buffer.concat([segmentHead(destination.did), octets]) : octets);
}

/** How much there is of each warrant. */
function sharesOf(records: readonly SpooledRecord[]): Iterable<Pick<WaitingShare, 'liid' | keyof Amount>> {
  const shares = new Map<string, { readonly liid: string; count: number; octets: number }>();
  for (const { liid, length } of records) {
    const share = shares.get(liid) ?? { liid, count: 0, octets: 0 };
    if (share.count === 0) shares.set(liid, share);
    share.count += 1;
    share.octets += length;
  }
  return shares.values();
}
