/**
 * Files of PDUs, one after the other as on their connections, of any size: read from the front in pieces, and no more
 * than a piece and a PDU kept.
 */
import { createReadStream, fstatSync, openSync } from 'node:fs';
import { ClavigerError } from '../../bytes/errors.ts';
import { PsPduDeframer } from '../../wire/hi/deframer.ts';
import { Deframer } from '../../wire/x2x3/deframer.ts';
import { CliError } from '../failure.ts';

/** A PDU of a file. */
export interface FilePdu {
  readonly octets: Uint8Array;
  /** Offset in the file. */
  readonly at: number;
  /** From 1. */
  readonly number: number;
}

/** How the octets of a file are cut into PDUs. */
interface PduCutter {
  /** @throws ClavigerError after the PDUs before what is not one */
  cut(octets: Uint8Array): Iterable<Uint8Array>;
}

export type PduFileKind = 'ps-pdu' | 'x2x3';

const CUTTERS: Readonly<Record<PduFileKind, () => PduCutter>> = {
  'ps-pdu': () => {
    const deframer = new PsPduDeframer();
    return { cut: (octets) => deframer.push(octets) };
  },
  x2x3: () => {
    const deframer = new Deframer();
    return { cut: (octets) => deframer.frames(octets) };
  },
};

export class PduFile {
  readonly #file: string;
  readonly #cutter: PduCutter;
  #pdus = 0;
  #at = 0;
  #octets = 0;
  #damage: string | null = null;

  /** @param file `-`: standard input */
  constructor(file: string, kind: PduFileKind) {
    this.#file = file;
    this.#cutter = CUTTERS[kind]();
  }

  /** PDUs so far. */
  get pdus(): number {
    return this.#pdus;
  }

  /** What of the file is not a PDU, once it was read: an end that is cut off, or all from where octets are none. */
  get fault(): string | null {
    const left = this.#octets - this.#at;
    if (this.#damage !== null) return `nothing is read from octet ${this.#at} on: ${this.#damage}`;
    return left === 0 ? null : `the last ${left} octets are a part of a PDU`;
  }

  /** @throws CliError, a system error if the file cannot be read */
  async *read(): AsyncGenerator<FilePdu, void> {
    for await (const piece of piecesOf(this.#file)) {
      this.#octets += piece.length;
      yield* this.#take(piece);
      // Whatever follows: where the next PDU begins is not known.
      if (this.#damage !== null) return;
    }
  }

  *#take(piece: Uint8Array): Generator<FilePdu, void> {
    try {
      for (const octets of this.#cutter.cut(piece)) {
        yield { octets, at: this.#at, number: ++this.#pdus };
        this.#at += octets.length;
      }
    } catch (error) {
      if (!(error instanceof ClavigerError)) throw error;
      this.#damage = error.message;
    }
  }
}

function piecesOf(file: string): AsyncIterable<Uint8Array> {
  if (file === '-') return process.stdin;
  const descriptor = openSync(file, 'r');
  const stream = createReadStream(file, { fd: descriptor });
  if (!fstatSync(descriptor).isDirectory()) return stream;
  stream.destroy();
  throw new CliError('input', `cannot read ${file}: it is a folder`, 'Name a file in it.');
}
