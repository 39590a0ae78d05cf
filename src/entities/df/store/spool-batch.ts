/**
 * What one commit of the mediation lays into the spool of one destination: content, and how far the streams and calls are
 * that it is of. All numbers are big-endian; checksums are CRC-32, against what a disk or a crash does, not against people.
 *
 *     segment   "CVSPOOL1" │ DID │ batches …
 *     batch     u32 "CVSB" │ u32 checksum of the rest of the head
 *               f64 number │ u32 octets of the account │ u32 its checksum │ u32 octets of content │ u32 records
 *               u16 destinations of the commit │ u16 1: it holds only if the database has it
 *               account │ content, PDU after PDU
 *     account   u32 streams │ key, f64 next, f64 time …
 *               u32 calls   │ correlation, LIID, f64 CIN, f64 next HI2, f64 next HI3, f64 seen, u16 standing, source …
 *               u32 records │ f64 position, LIID, f64 CIN, f64 number, u32 octets, u32 their checksum …
 *     text      u32 octets │ UTF-8
 */
import { crc32 } from 'node:zlib';
import type { CallStanding, Communication, OutboxAppend, StoredKeySession, StreamState } from '../ports.ts';

/** What is committed of one destination. Streams and calls are with one of the destinations of a commit. */
export interface SpoolBatch {
  /** Each commit has its own, above those before it. */
  readonly number: number;
  /** Destinations of the commit: it holds where all of them have it. */
  readonly destinations: number;
  /** Whether it holds only if the database knows of it. */
  readonly needsDatabase: boolean;
  readonly streams: readonly StreamState[];
  readonly communications: readonly Communication[];
  readonly records: readonly PlacedContent[];
}

/** Content with its position in the outbox. */
export interface PlacedContent extends Pick<OutboxAppend, 'liid' | 'cin' | 'sequenceNumber' | 'octets'> {
  readonly position: number;
}

/** A record, and where in its segment it is. */
export interface SpooledRecord extends Omit<PlacedContent, 'octets'> {
  readonly at: number;
  readonly length: number;
  readonly checksum: number;
}

export interface EncodedBatch {
  readonly octets: Buffer;
  /** Where its records are, from the beginning of the batch. */
  readonly records: readonly SpooledRecord[];
}

/** A batch as it was found in a segment. */
export interface FoundBatch extends Omit<SpoolBatch, 'records'> {
  readonly from: number;
  readonly to: number;
  /** `null`: its account is damaged, and nothing is known of its records but how many they are. */
  readonly records: readonly SpooledRecord[] | null;
  readonly recordCount: number;
  /** Of the log of key management, where the database does not have it. */
  readonly keySessions?: readonly StoredKeySession[];
}

/** What a segment holds. */
export interface FoundSegment {
  /** `null`: its head cannot be read. */
  readonly did: string | null;
  readonly batches: readonly FoundBatch[];
  /** Octets between batches that are none. */
  readonly damage: readonly { readonly from: number; readonly to: number }[];
  /** Where the last batch ends: what follows is not one. */
  readonly end: number;
}

const SEGMENT = Buffer.from('CVSPOOL1', 'latin1');
const BATCH = Buffer.from('CVSB', 'latin1');
const HEAD = 36;
const STANDINGS: readonly CallStanding[] = ['open', 'refused', 'proven'];

export function segmentHead(did: string): Uint8Array {
  const head = new Output(SEGMENT.length + 4 + 3 * did.length);
  return head.raw(SEGMENT).text(did).taken();
}

export function encodeBatch(batch: SpoolBatch): EncodedBatch {
  const { number, destinations, needsDatabase, streams, communications, records } = batch;
  const contents = records.reduce((sum, { octets }) => sum + octets.length, 0);
  const output = new Output(HEAD + accountBound(batch) + contents);
  output.skip(HEAD);
  output.u32(streams.length);
  for (const { key, nextSequenceNumber, lastTime } of streams)
    output.text(key).f64(nextSequenceNumber).f64(lastTime);
  output.u32(communications.length);
  for (const call of communications) {
    output.text(call.correlation).text(call.liid).f64(call.cin).f64(call.nextHi2).f64(call.nextHi3);
    output.f64(call.lastSeen).u16(STANDINGS.indexOf(call.standing)).text(call.source);
  }
  output.u32(records.length);
  const spooled: SpooledRecord[] = [];
  let at = output.length + placesLength(records);
  for (const { position, liid, cin, sequenceNumber, octets } of records) {
    const { length } = octets;
    const checksum = crc32(octets);
    output.f64(position).text(liid).f64(cin).f64(sequenceNumber).u32(length).u32(checksum);
    spooled.push({ position, liid, cin, sequenceNumber, at, length, checksum });
    at += length;
  }
  const accountEnd = output.length;
  for (const { octets } of records) output.raw(octets);
  const octets = output.taken();
  const head = new Output(HEAD, octets.subarray(0, HEAD));
  head
    .raw(BATCH)
    .skip(4)
    .f64(number)
    .u32(accountEnd - HEAD)
    .u32(crc32(octets.subarray(HEAD, accountEnd)));
  head
    .u32(contents)
    .u32(records.length)
    .u16(destinations)
    .u16(needsDatabase ? 1 : 0);
  octets.writeUInt32BE(crc32(octets.subarray(8, HEAD)), 4);
  return { octets, records: spooled };
}

/** What is in a segment; where batches are damaged, those after them are found by their heads. */
export function readSegment(octets: Buffer): FoundSegment {
  const did = didOf(octets);
  let at = did === null ? 0 : SEGMENT.length + 4 + Buffer.byteLength(did);
  const batches: FoundBatch[] = [];
  const damage: { from: number; to: number }[] = [];
  let end = at;
  while (at < octets.length) {
    const batch = batchAt(octets, at);
    if (batch === null) {
      at = nextHead(octets, at + 1);
      continue;
    }
    if (batch.from > end) damage.push({ from: end, to: batch.from });
    batches.push(batch);
    at = end = batch.to;
  }
  return { did, batches, damage, end };
}

/** Whether octets are those that a record was made of. */
export function isIntact(
  octets: Uint8Array,
  { length, checksum }: Pick<SpooledRecord, 'length' | 'checksum'>,
): boolean {
  return octets.length === length && crc32(octets) === checksum;
}

/* ---------------------------------------------------------------- helpers */

function accountBound({ streams, communications, records }: SpoolBatch): number {
  let bound = 12;
  for (const { key } of streams) bound += 4 + 3 * key.length + 16;
  for (const { correlation, liid, source } of communications)
    bound += 12 + 3 * (correlation.length + liid.length + source.length) + 34;
  for (const { liid } of records) bound += 4 + 3 * liid.length + 32;
  return bound;
}

/** Octets that the account takes for records. */
function placesLength(records: SpoolBatch['records']): number {
  let [length, last, octets] = [0, '', 0];
  for (const { liid } of records) {
    if (liid !== last) [last, octets] = [liid, Buffer.byteLength(liid)];
    length += 4 + octets + 32;
  }
  return length;
}

function didOf(octets: Buffer): string | null {
  const start = SEGMENT.length + 4;
  if (octets.length < start || !octets.subarray(0, SEGMENT.length).equals(SEGMENT)) return null;
  const length = octets.readUInt32BE(SEGMENT.length);
  return octets.length < start + length ? null : octets.toString('utf8', start, start + length);
}

/** Where the next octets are that may be the head of a batch; the end where there are none. */
function nextHead(octets: Buffer, from: number): number {
  const at = octets.indexOf(BATCH, from);
  return at < 0 ? octets.length : at;
}

/** The batch whose head is there and whose octets are all there; `null`: there is none. */
function batchAt(octets: Buffer, from: number): FoundBatch | null {
  if (octets.length < from + HEAD || !octets.subarray(from, from + 4).equals(BATCH)) return null;
  if (octets.readUInt32BE(from + 4) !== crc32(octets.subarray(from + 8, from + HEAD))) return null;
  const accountLength = octets.readUInt32BE(from + 16);
  const contents = octets.readUInt32BE(from + 24);
  const to = from + HEAD + accountLength + contents;
  if (to > octets.length) return null;
  const account = octets.subarray(from + HEAD, from + HEAD + accountLength);
  const isSound = octets.readUInt32BE(from + 20) === crc32(account);
  return {
    ...{ from, to, number: octets.readDoubleBE(from + 8), recordCount: octets.readUInt32BE(from + 28) },
    destinations: octets.readUInt16BE(from + 32),
    needsDatabase: octets.readUInt16BE(from + 34) === 1,
    ...(isSound
      ? readAccount(new Input(account), from + HEAD + accountLength)
      : { streams: [], communications: [], records: null }),
  };
}

/** @param contentsAt where in the segment the first record is */
function readAccount(
  input: Input,
  contentsAt: number,
): Pick<FoundBatch, 'streams' | 'communications' | 'records'> {
  const streams = input.list(() => ({
    key: input.text(),
    nextSequenceNumber: input.f64(),
    lastTime: input.f64(),
  }));
  const communications = input.list(() => ({
    correlation: input.text(),
    liid: input.text(),
    cin: input.f64(),
    nextHi2: input.f64(),
    nextHi3: input.f64(),
    lastSeen: input.f64(),
    standing: STANDINGS[input.u16()] ?? 'open',
    source: input.text(),
  }));
  let at = contentsAt;
  const records = input.list(() => {
    const record = {
      position: input.f64(),
      liid: input.text(),
      cin: input.f64(),
      sequenceNumber: input.f64(),
      length: input.u32(),
      checksum: input.u32(),
      at,
    };
    at += record.length;
    return record;
  });
  return { streams, communications, records };
}

/** Octets within a bound that is known. */
class Output {
  readonly #octets: Buffer;
  #at = 0;

  constructor(bound: number, octets: Buffer = Buffer.allocUnsafe(bound)) {
    this.#octets = octets;
  }

  get length(): number {
    return this.#at;
  }

  skip(octets: number): this {
    this.#at += octets;
    return this;
  }

  u16(value: number): this {
    this.#at = this.#octets.writeUInt16BE(value, this.#at);
    return this;
  }

  u32(value: number): this {
    this.#at = this.#octets.writeUInt32BE(value, this.#at);
    return this;
  }

  f64(value: number): this {
    this.#at = this.#octets.writeDoubleBE(value, this.#at);
    return this;
  }

  text(value: string): this {
    const length = this.#octets.write(value, this.#at + 4);
    this.u32(length);
    this.#at += length;
    return this;
  }

  raw(octets: Uint8Array): this {
    this.#octets.set(octets, this.#at);
    this.#at += octets.length;
    return this;
  }

  taken(): Buffer {
    return this.#octets.subarray(0, this.#at);
  }
}

/** Octets whose checksum holds. */
class Input {
  readonly #octets: Buffer;
  #at = 0;

  constructor(octets: Buffer) {
    this.#octets = octets;
  }

  u16(): number {
    this.#at += 2;
    return this.#octets.readUInt16BE(this.#at - 2);
  }

  u32(): number {
    this.#at += 4;
    return this.#octets.readUInt32BE(this.#at - 4);
  }

  f64(): number {
    this.#at += 8;
    return this.#octets.readDoubleBE(this.#at - 8);
  }

  text(): string {
    const length = this.u32();
    this.#at += length;
    return this.#octets.toString('utf8', this.#at - length, this.#at);
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.u32() }, read);
  }
}
