/** X1 documents as files, `NNN-FROM-TO.xml` in the order in which they passed: what an ADMF sent and received. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { makeFolder, writeWhole } from '../../../storage/files.ts';

export class X1Files {
  readonly #folder: string;
  #next: number;

  /** @param folder made if missing; numbers go on from the files that are there */
  constructor(folder: string) {
    makeFolder(folder, 0o700);
    this.#folder = folder;
    const numbers = readdirSync(folder).map((name) => Number(/^(\d+)-.*\.xml$/.exec(name)?.[1] ?? 0));
    this.#next = Math.max(0, ...numbers) + 1;
  }

  /** Keeps a document; the ends are named by the first label of their identifiers. */
  record(from: string, to: string, octets: Uint8Array): void {
    const number = String(this.#next).padStart(3, '0');
    this.#next += 1;
    writeWhole(path.join(this.#folder, `${number}-${label(from)}-${label(to)}.xml`), octets, {
      mode: 0o600,
    });
  }
}

function label(identifier: string): string {
  return (identifier.split('.')[0] ?? '').replace(/[^A-Za-z0-9_]/g, '_') || '_';
}
