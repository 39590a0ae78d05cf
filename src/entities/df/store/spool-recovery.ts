/**
 * What is in the spool when it is opened, after whatever has happened to it. One commit at most was under way when the
 * process or the power went: the last. It holds if the database knows of it, or if it is whole at all of its destinations
 * and did not need the database; else it is cut off, and nobody was told of it.
 *
 *     segment n     batch │ batch │ ✗✗✗ │ batch        damage: said, and what follows is taken
 *     the last one  batch │ batch │ bat                 torn: cut off
 *
 * Octets are torn that are behind the last batch, and what is not whole of the last commit, if the database does not know of
 * it. All else that is not as it was written is damage.
 */
import { readdirSync, renameSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { SegmentFile } from '../../../storage/segment-file.ts';
import type { SegmentWriting } from '../../../storage/segment-file.ts';
import type { Communication, StoredKeySession, StreamState } from '../ports.ts';
import { isIntact, readSegment } from './spool-batch.ts';
import type { FoundBatch, FoundSegment, SpooledRecord } from './spool-batch.ts';
import { SpoolDestination } from './spool-destination.ts';
import type { GoneRange, SpoolMark } from './spool-destination.ts';
import { laneText } from './spool-lanes.ts';
import { readSession, SESSIONS_LANE } from './spooled-sessions.ts';
import { segmentName, segmentNumber, SpoolSegment } from './spool-segment.ts';

/** What the database knows of the spool. */
export interface KnownSpool {
  /** Number of the last commit that it has. */
  readonly applied: number;
  readonly marks: readonly SpoolMark[];
  readonly gone: readonly GoneRange[];
  readonly retired: readonly RetiredContent[];
}

/** Content of a warrant up to a position waits no more. */
export interface RetiredContent {
  readonly liid: string;
  readonly position: number;
}

export interface RecoveredSpool {
  readonly destinations: readonly SpoolDestination[];
  /** Of the last commit, and of the last record. */
  readonly number: number;
  readonly position: number;
  /** What the database does not have yet, the oldest first. */
  readonly streams: readonly StreamState[];
  readonly communications: readonly Communication[];
  readonly keySessions: readonly StoredKeySession[];
  /** What is not as it was written, in words. */
  readonly damage: readonly string[];
  /** Whether numbers that were given may be unknown. */
  readonly losesNumbers: boolean;
}

interface SegmentRead extends FoundSegment {
  readonly name: string;
  readonly number: number;
  readonly size: number;
  /** Records whose octets are not those that were written. */
  readonly bad: ReadonlySet<SpooledRecord>;
  batches: FoundBatch[];
  end: number;
}

/** @throws FileError where the spool cannot be mended */
export async function recoverSpool(
  folder: string,
  writing: SegmentWriting,
  known: KnownSpool,
): Promise<RecoveredSpool> {
  return new Recovery(folder, writing, known).run();
}

class Recovery {
  readonly #folder: string;
  readonly #writing: SegmentWriting;
  readonly #known: KnownSpool;
  readonly #damage: string[] = [];
  #losesNumbers = false;

  constructor(folder: string, writing: SegmentWriting, known: KnownSpool) {
    this.#folder = folder;
    this.#writing = writing;
    this.#known = known;
  }

  async run(): Promise<RecoveredSpool> {
    const found = await this.#read();
    const last = lastNumber([...found.values()].flat());
    const dids = new Set([...found.keys(), ...this.#known.marks.map(({ did }) => did)]);
    for (const did of dids) this.#judge(did, found.get(did) ?? [], last);
    this.#dropUnfinished([...found.values()].flat());
    const destinations: SpoolDestination[] = [];
    for (const did of dids) destinations.push(await this.#destination(did, found.get(did) ?? []));
    const batches = [...found.values()].flat().flatMap((segment) => segment.batches);
    const ahead = batches.filter(({ number }) => number > this.#known.applied);
    ahead.sort((a, b) => a.number - b.number);
    const positions = destinations.flatMap(({ segments }) => segments.map((each) => each.lastPosition));
    return {
      destinations,
      number: Math.max(this.#known.applied, ...ahead.slice(-1).map(({ number }) => number)),
      position: Math.max(0, ...positions),
      streams: ahead.flatMap(({ streams }) => streams),
      communications: ahead.flatMap(({ communications }) => communications),
      keySessions: ahead.flatMap(({ keySessions = [] }) => keySessions),
      damage: this.#damage,
      losesNumbers: this.#losesNumbers,
    };
  }

  /** All segments that are needed, by destination, in their order. */
  async #read(): Promise<Map<string, SegmentRead[]>> {
    const found = new Map<string, SegmentRead[]>();
    const numbered = readdirSync(this.#folder).flatMap((name) => {
      const number = segmentNumber(name);
      return number === null ? [] : [{ name, number }];
    });
    for (const { name, number } of numbered.sort((a, b) => a.number - b.number)) {
      const file = path.join(this.#folder, name);
      // One at a time, and nothing is held up for longer than one takes: there may be gigabytes.
      const octets = await readFile(file);
      const segment = readSegment(octets);
      const did = segment.did ?? this.#ownerOf(name, number);
      const mark = this.#known.marks.find((each) => each.did === did);
      const isNeeded =
        number >= (mark?.firstSegment ?? 0) && (segment.did !== null || segment.batches.length > 0);
      if (!isNeeded) {
        await new SegmentFile(file, this.#writing, octets.length).remove();
        continue;
      }
      if (did === null) {
        renameSync(file, `${file}.damaged`);
        this.#say(`the spool's ${name} cannot be read, nor whose it is: it is ${name}.damaged now`, true);
        continue;
      }
      if (segment.did === null) this.#say(`the head of the spool's ${name} is damaged`, false);
      const records = segment.batches.flatMap((batch) => batch.records ?? []);
      const bad = records.filter(
        (record) => !isIntact(octets.subarray(record.at, record.at + record.length), record),
      );
      const read = { ...segment, name, number, size: octets.length, bad: new Set(bad) };
      const batches = segment.batches.map((batch) =>
        this.#withSessions(did, this.#needed(batch), read.bad, octets),
      );
      found.set(did, [...(found.get(did) ?? []), { ...read, batches }]);
    }
    return found;
  }

  /** Of what the database has, streams and calls are in it. */
  #needed(batch: FoundBatch): FoundBatch {
    return batch.number > this.#known.applied ? batch : { ...batch, streams: [], communications: [] };
  }

  /** Of the log of key management, what is in a batch that the database does not have. @throws StorageError `damaged` */
  #withSessions(did: string, batch: FoundBatch, bad: ReadonlySet<SpooledRecord>, octets: Buffer): FoundBatch {
    if (did !== SESSIONS_LANE || batch.number <= this.#known.applied) return batch;
    const sound = (batch.records ?? []).filter((record) => !bad.has(record));
    const keySessions = sound.map(({ at, length }) => readSession(octets.subarray(at, at + length)));
    return { ...batch, keySessions };
  }

  #ownerOf(name: string, number: number): string | null {
    return this.#known.marks.find(({ did }) => segmentName(did, number) === name)?.did ?? null;
  }

  /**
   * What of a destination's segments is torn, and what is damaged.
   * @param lastCommit number of the last that was found at any destination
   */
  #judge(did: string, segments: SegmentRead[], lastCommit: number): void {
    const mark = this.#known.marks.find((each) => each.did === did);
    let expected = mark?.firstSegment ?? 0;
    const present = segments.map(({ number, batches }) => ({ number, next: batches[0] }));
    for (const { number, next } of [...present, { number: mark?.nextSegment ?? 0, next: undefined }]) {
      if (number > expected && expected > 0)
        this.#say(
          `segments ${expected} to ${number - 1} of the spool of ${did} are missing`,
          this.#mayBeAhead(next),
        );
      expected = Math.max(expected, number + 1);
    }
    const last = segments.at(-1);
    if (last !== undefined) this.#cutTorn(last, lastCommit);
    if (lastNumber(segments) < (mark?.lastBatch ?? 0))
      this.#say(`the end of the spool of ${did} is damaged: what was there is lost`, false);
    for (const segment of segments) this.#sayDamage(did, segment);
  }

  /** The last batch, where it is of the last commit, of which the database does not know, and is not whole. */
  #cutTorn(segment: SegmentRead, lastCommit: number): void {
    const last = segment.batches.at(-1);
    if (last === undefined || last.number < lastCommit || last.number <= this.#known.applied) return;
    if (last.records?.every((record) => !segment.bad.has(record)) === true) return;
    segment.batches.pop();
    segment.end = last.from;
  }

  #sayDamage(did: string, { name, damage, batches, bad, end }: SegmentRead): void {
    for (const { from, to } of damage)
      if (from < end)
        this.#say(
          `octets ${from} to ${to} of the spool's ${name}, to ${did}, are damaged`,
          this.#mayBeAhead(batches.find((batch) => batch.from === to)),
        );
    for (const { records, recordCount, number } of batches) {
      const isAhead = number > this.#known.applied;
      if (did === SESSIONS_LANE && !isAhead) continue;
      if (records === null)
        this.#say(`${recordCount} PDUs of ${laneText(did)} are damaged in the spool's ${name}`, isAhead);
      for (const { liid, cin, sequenceNumber, position } of (records ?? []).filter((each) => bad.has(each)))
        if (!this.#isGone(did, liid, position))
          this.#say(
            `${laneText(did)} is damaged and lost: LIID ${liid}, CIN ${cin}, number ${sequenceNumber}`,
            false,
          );
    }
  }

  /** The last commit, where it does not hold. */
  #dropUnfinished(segments: readonly SegmentRead[]): void {
    const batches = segments.flatMap((segment) => segment.batches);
    const counts = new Map<number, number>();
    for (const { number } of batches) counts.set(number, (counts.get(number) ?? 0) + 1);
    const last = lastNumber(segments);
    for (const { number, destinations, needsDatabase } of batches) {
      if (number <= this.#known.applied) continue;
      const isWhole = counts.get(number) === destinations;
      if (isWhole && !(needsDatabase && number === last)) continue;
      if (number < last) {
        if (!isWhole) this.#say(`commit ${number} is not in the spools of all of its destinations`, true);
        continue;
      }
      for (const segment of segments)
        if (segment.batches.at(-1)?.number === last) segment.end = segment.batches.pop()?.from ?? segment.end;
    }
  }

  async #destination(did: string, segments: readonly SegmentRead[]): Promise<SpoolDestination> {
    const destination = new SpoolDestination(did);
    const { marks, gone, retired } = this.#known;
    const mark = marks.find((each) => each.did === did);
    destination.noted = mark ?? null;
    destination.acknowledged = mark?.acknowledged ?? 0;
    for (const { name, number, size, end, batches, bad } of segments) {
      await setImmediate();
      const file = new SegmentFile(path.join(this.#folder, name), this.#writing, size);
      if (end < size) await file.cut(end);
      const segment = new SpoolSegment(number, file);
      for (const batch of batches) segment.addFound(batch);
      segment.isClosed = batches.length === 0 || number !== segments.at(-1)?.number;
      const passOver = (): void => undefined;
      segment.done(0, destination.acknowledged, passOver);
      for (const range of gone) if (range.did === did) segment.done(range.first - 1, range.last, passOver);
      for (const { liid, position } of retired) segment.done(0, position, passOver, liid);
      // So that they are not told of again.
      for (const { position } of bad)
        segment.done(position - 1, position, () =>
          destination.ranges.push({ did, first: position, last: position }),
        );
      destination.segments.push(segment);
    }
    const last = segments.at(-1)?.number;
    destination.nextSegment = last === undefined ? Math.max(1, mark?.firstSegment ?? 1) : last + 1;
    for (const segment of destination.segments) {
      await setImmediate();
      destination.noteNumbers(segment.after(0));
    }
    return destination;
  }

  /** Whether what is missing before a batch, or at the end, may be what the database does not have yet. */
  #mayBeAhead(next: FoundBatch | undefined): boolean {
    return next === undefined || next.number > this.#known.applied;
  }

  #isGone(did: string, liid: string, position: number): boolean {
    const { marks, gone, retired } = this.#known;
    return (
      marks.some((mark) => mark.did === did && position <= mark.acknowledged) ||
      gone.some(({ did: of, first, last }) => of === did && position >= first && position <= last) ||
      retired.some((one) => one.liid === liid && position <= one.position)
    );
  }

  #say(damage: string, losesNumbers: boolean): void {
    this.#damage.push(damage);
    if (losesNumbers) this.#losesNumbers = true;
  }
}

/** Number of the last commit that is in these segments; 0: none is. There may be a million. */
function lastNumber(segments: readonly SegmentRead[]): number {
  let last = 0;
  for (const { batches } of segments) for (const { number } of batches) last = Math.max(last, number);
  return last;
}
