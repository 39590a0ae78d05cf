/**
 * What a LEMF has in its files, in the form in which it is judged: of each call under each warrant numbers, payloads and keys,
 * and what it was told of warrants. Files are read in pieces and payloads are kept by their hashes, so that a run of hours can
 * be judged in the memory of a usual machine.
 */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { toHex } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { PsPduDeframer } from '../../src/wire/hi/deframer.ts';
import { TIME_STAMP_QUALIFIER } from '../../src/wire/hi/header.ts';
import { toldBy } from '../../src/wire/hi/hi1.ts';
import { decodePsPdu } from '../../src/wire/hi/ps-pdu.ts';
import type { PsPdu } from '../../src/wire/hi/ps-pdu.ts';

export type Reference = 'hi2' | 'hi3';
export const REFERENCES: readonly Reference[] = ['hi2', 'hi3'];

/** How often each payload is there, by its hash. */
export type Payloads = ReadonlyMap<string, number>;

/** What was delivered of one call under one warrant. */
export interface Delivered {
  readonly liid: string;
  readonly cin: number;
  /** In order of arrival. */
  readonly numbers: Readonly<Record<Reference, readonly number[]>>;
  readonly payloads: Readonly<Record<Reference, Payloads>>;
  /** Each key by its crypto session and a hash. */
  readonly keys: readonly string[];
  /** What generated messages and packets say of which call they are. */
  readonly calls: ReadonlySet<string>;
}

/** What was told of a warrant (HI1). */
export interface Notice {
  readonly liid: string;
  readonly number: number;
  readonly kind: string;
  readonly text: string;
}

export interface HandedOver {
  /** Folder of the LEMF. */
  readonly folder: string;
  readonly delivered: readonly Delivered[];
  /** In order of arrival. */
  readonly notices: readonly Notice[];
  /** Files that end in the middle of a PDU. */
  readonly unfinished: readonly Reference[];
}

/** What is put together of one call while files are read. */
class Gathered implements Delivered {
  readonly liid: string;
  readonly cin: number;
  readonly numbers: Record<Reference, number[]> = { hi2: [], hi3: [] };
  readonly payloads: Record<Reference, Map<string, number>> = { hi2: new Map(), hi3: new Map() };
  readonly keys: string[] = [];
  readonly calls = new Set<string>();

  constructor(liid: string, cin: number) {
    this.liid = liid;
    this.cin = cin;
  }

  add(reference: Reference, pdu: PsPdu): void {
    const text = payloadText(pdu);
    const hash = hashOf(text);
    this.numbers[reference].push(pdu.header.sequenceNumber);
    this.payloads[reference].set(hash, (this.payloads[reference].get(hash) ?? 0) + 1);
    this.keys.push(...keysIn(pdu));
    for (const call of callsIn(text)) this.calls.add(call);
  }
}

/** @throws HiError where a file is damaged */
export function handedOverIn(folder: string): HandedOver {
  const found = new Map<string, Gathered>();
  const notices: Notice[] = [];
  const unfinished: Reference[] = [];
  for (const reference of REFERENCES) {
    const rest = eachPdu(fileOf(folder, reference), (pdu) => {
      const { header, payload } = pdu;
      const { liid, sequenceNumber } = header;
      if (payload.kind === 'tri') return;
      if (payload.kind === 'hi1') {
        const { operation } = payload;
        notices.push({
          ...{ liid, number: sequenceNumber, kind: operation.kind, text: toldBy(operation).text ?? '' },
        });
        return;
      }
      const key = `${liid} ${String(header.cin)}`;
      const delivered = found.get(key) ?? new Gathered(liid, Number(header.cin));
      found.set(key, delivered);
      delivered.add(reference, pdu);
    });
    if (rest > 0) unfinished.push(reference);
  }
  return { folder, delivered: [...found.values()], notices, unfinished };
}

/** Payloads as they can be read, by their hashes; those that are asked for. */
export function payloadTexts(
  folder: string,
  reference: Reference,
  hashes: ReadonlySet<string>,
): Map<string, string> {
  const texts = new Map<string, string>();
  if (hashes.size === 0) return texts;
  eachPdu(fileOf(folder, reference), (pdu) => {
    if (pdu.payload.kind === 'tri' || pdu.payload.kind === 'hi1') return;
    const text = payloadText(pdu);
    const hash = hashOf(text);
    if (hashes.has(hash)) texts.set(hash, text);
  });
  return texts;
}

/** What a LEMF has been told of warrants so far, read while it goes on. */
export class NoticesThatCame {
  readonly #file: string;
  readonly #deframer = new PsPduDeframer();
  readonly #seen = new Set<string>();
  #place = 0;

  /** @param folder of the LEMF */
  constructor(folder: string) {
    this.#file = fileOf(folder, 'hi2');
  }

  /** Reads what has come since. @throws HiError where the file is damaged */
  read(): void {
    this.#place = readFrom(this.#file, this.#place, (octets) => {
      for (const pdu of this.#deframer.push(octets)) {
        const { header, payload } = decodePsPdu(pdu);
        if (payload.kind === 'hi1') this.#seen.add(`${header.liid} ${payload.operation.kind}`);
      }
    });
  }

  has(liid: string, kind: string): boolean {
    return this.#seen.has(`${liid} ${kind}`);
  }
}

/* ---------------------------------------------------------------- helpers */

function fileOf(folder: string, reference: Reference): string {
  return path.join(folder, `${reference}.ber`);
}

const READ_AT_ONCE = 1 << 20;

/** Gives the octets that are left after the last. @throws HiError */
function eachPdu(file: string, take: (pdu: PsPdu) => void): number {
  const deframer = new PsPduDeframer();
  readFrom(file, 0, (piece) => {
    for (const octets of deframer.push(piece)) take(decodePsPdu(octets));
  });
  return deframer.pending;
}

/** Piece by piece, each valid until it is taken. Gives where it ends; a file that is not there is empty. */
function readFrom(file: string, place: number, take: (piece: Uint8Array) => void): number {
  if (!existsSync(file)) return place;
  const piece = new Uint8Array(READ_AT_ONCE);
  const opened = openSync(file, 'r');
  let at = place;
  try {
    for (let read = readSync(opened, piece, { position: at }); read > 0;) {
      take(piece.subarray(0, read));
      at += read;
      read = readSync(opened, piece, { position: at });
    }
  } finally {
    closeSync(opened);
  }
  return at;
}

/** Without CIN and times of the mediation; secrets by their hashes: what does not hold is printed. */
function payloadText({ header, payload }: PsPdu): string {
  const isMediated = header.timeStampQualifier !== TIME_STAMP_QUALIFIER.timeOfInterception;
  return JSON.stringify(payload, function (this: Record<string, unknown>, name, value: unknown) {
    const own = this[name];
    if (own instanceof Secret) return keyHash(own);
    if (isMediated && name === 'time') return undefined;
    if (own instanceof Uint8Array) return toHex(own);
    return typeof value === 'bigint' ? String(value) : value;
  });
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64').slice(0, 22);
}

function keysIn({ payload }: PsPdu): string[] {
  if (payload.kind !== 'iri') return [];
  return payload.records.flatMap(({ contents }) =>
    contents.kind === 'eps'
      ? (contents.record.keys ?? []).map(({ csId, key }) => `${toHex(csId)} ${keyHash(key)}`)
      : [],
  );
}

function keyHash(secret: Secret): string {
  return createHash('sha256').update(secret.expose()).digest('hex');
}

/** In hex, as octets are written here. */
function callsIn(text: string): string[] {
  return [...text.matchAll(CALL)].map(([, digits = '']) => Buffer.from(digits, 'hex').toString());
}

/** `chaos-N@` */
const CALL = new RegExp(`${Buffer.from('chaos-').toString('hex')}((?:3[0-9])+)40`, 'g');
