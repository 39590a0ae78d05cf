/** Inputs that are kept in files: what once was a fault, and one of each kind of outcome, in hex. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fromHex, toHex } from '../../src/bytes/octets.ts';

export function readCorpus(folder: string, decoder: string): Uint8Array[] {
  const own = path.join(folder, decoder);
  if (!existsSync(own)) return [];
  return readdirSync(own)
    .filter((name) => name.endsWith('.hex'))
    .sort()
    .map((name) => fromHex(readFileSync(path.join(own, name), 'utf8').replace(/\s/g, '')));
}

/** Writes an input, named by its hash; gives the file. */
export function keepInput(folder: string, decoder: string, input: Uint8Array): string {
  const own = path.join(folder, decoder);
  mkdirSync(own, { recursive: true });
  const hash = createHash('sha256').update(input).digest('hex').slice(0, 16);
  const file = path.join(own, `${hash}.hex`);
  const rows = toHex(input).match(/.{1,96}/g) ?? [];
  writeFileSync(file, rows.map((row) => `${row}\n`).join(''));
  return file;
}
