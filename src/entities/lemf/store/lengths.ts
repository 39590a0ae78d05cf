/**
 * How far the files of a LEMF are known to be whole PDUs on the disk, `lengths.json` beside them, so that a start need
 * not walk through all of them for the end of the last PDU. It is a shortcut: what does not fit the files, or is missing,
 * costs a walk from their front.
 */
import { createHash } from 'node:crypto';
import { existsSync, fstatSync, readFileSync, readSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Type from 'typebox';
import { jsonOf } from '../../../bytes/json.ts';
import { Form, strict } from '../../../bytes/schema.ts';

/** Octets before the end by which a file is known again. */
const TAIL = 4096;

const COUNT = Type.Integer({ minimum: 0 });
const KNOWN_LENGTH = strict({
  /** Of complete PDUs. */
  octets: COUNT,
  /** Of complete notes of who sent them. */
  sources: COUNT,
  /** Who sent the last of them. */
  last: Type.Union([Type.String(), Type.Null()]),
  /** Digest of the octets before that place. */
  tail: Type.String(),
});
const LENGTHS = new Form(strict({ hi2: KNOWN_LENGTH, hi3: KNOWN_LENGTH }));

export type KnownLength = Type.Static<typeof KNOWN_LENGTH>;
export type KnownLengths = Readonly<Record<'hi2' | 'hi3', KnownLength>>;

/** What was noted in a folder; `null`: nothing that can be read. */
export function readLengths(folder: string): KnownLengths | null {
  const file = path.join(folder, NAME);
  if (!existsSync(file)) return null;
  const read = LENGTHS.read(jsonOf(readFileSync(file, 'utf8')));
  return 'value' in read ? read.value : null;
}

/** To be called when all of that is on the disk. */
export function noteLengths(folder: string, lengths: KnownLengths): void {
  const file = path.join(folder, NAME);
  writeFileSync(`${file}.new`, JSON.stringify(lengths), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** Digest by which an open file is known to be the one that reached to this place. */
export function tailBefore(descriptor: number, octets: number): string {
  const tail = new Uint8Array(Math.min(TAIL, octets));
  const read = readSync(descriptor, tail, 0, tail.length, octets - tail.length);
  return createHash('sha256').update(tail.subarray(0, read)).digest('hex');
}

/** Whether an open file is the one of which that was noted. */
export function isKnown(descriptor: number, { octets, tail }: KnownLength): boolean {
  return octets <= fstatSync(descriptor).size && tailBefore(descriptor, octets) === tail;
}

const NAME = 'lengths.json';
