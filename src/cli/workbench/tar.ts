/**
 * Files as one (POSIX.1-2001 pax interchange format, `ustar` with extended headers where a name is long):
 *
 *     for each file: header (512 octets) | contents | zeros up to a multiple of 512        at the end: 1024 zeros
 *
 *     name (100) | mode (8) | uid (8) | gid (8) | size (12) | mtime (12) | checksum (8) | type (1) | linkname (100) |
 *     "ustar\0" "00" | uname (32) | gname (32) | devmajor (8) | devminor (8) | prefix (155) | zeros (12)
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { utf8 } from '../../bytes/octets.ts';

const BLOCK = 512;
const LONGEST_NAME = 100;

/** @param names of files below `folder`, with `/` between parts @throws a system error */
export async function* tarOf(folder: string, names: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const name of names) {
    const file = path.join(folder, name);
    const { size, mtimeMs } = await stat(file);
    if (utf8(name).length > LONGEST_NAME) {
      const record = paxRecord('path', name);
      yield header('pax', record.length, mtimeMs, 'x');
      yield* padded(record);
    }
    yield header(name, size, mtimeMs, '0');
    let written = 0;
    for await (const piece of createReadStream(file, { end: Math.max(0, size - 1) })) {
      written += (piece as Buffer).length;
      yield piece as Buffer;
    }
    yield new Uint8Array((BLOCK - (written % BLOCK)) % BLOCK);
  }
  yield new Uint8Array(2 * BLOCK);
}

function header(name: string, size: number, mtimeMs: number, type: '0' | 'x'): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const put = (at: number, text: string | Uint8Array): void =>
    block.set(typeof text === 'string' ? utf8(text) : text, at);
  put(0, utf8(name).subarray(0, LONGEST_NAME));
  put(100, octal(0o600, 8));
  put(108, octal(0, 8));
  put(116, octal(0, 8));
  put(124, sizeField(size));
  put(136, octal(Math.floor(mtimeMs / 1000), 12));
  put(148, '        ');
  put(156, type);
  put(257, 'ustar\0' + '00');
  const sum = block.reduce((all, octet) => all + octet, 0);
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  return block;
}

function octal(value: number, length: number): string {
  return `${value.toString(8).padStart(length - 1, '0')}\0`;
}

/** Octal, or binary as GNU and others have it where that does not suffice: from 8 GiB on. */
function sizeField(size: number): string | Uint8Array {
  if (size < 8 ** 11) return octal(size, 12);
  const field = new Uint8Array(12);
  new DataView(field.buffer).setBigUint64(4, BigInt(size));
  field[0] = 0x80;
  return field;
}

/** `LENGTH key=value\n`, where the length counts itself. */
function paxRecord(key: string, value: string): Uint8Array {
  const rest = utf8(` ${key}=${value}\n`).length;
  let length = rest + 1;
  while (String(length).length + rest !== length) length = String(length).length + rest;
  return utf8(`${length} ${key}=${value}\n`);
}

function* padded(octets: Uint8Array): Generator<Uint8Array> {
  yield octets;
  yield new Uint8Array((BLOCK - (octets.length % BLOCK)) % BLOCK);
}
