/**
 * Pages of an audit log that is being written: records from a given one on, read beside the writer without holding it
 * up. Where every so-many-th record begins is remembered, so that a page far back costs as much as one far ahead.
 *
 * A page is not verified: what binds a record to those before it is in its hash, for whoever has them all
 * (`verifyChain`).
 */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { readRecord } from './log.ts';
import type { AuditRecord } from './log.ts';

const CHUNK = 1 << 16;
const NEWLINE = 0x0a;
const STRIDE = 1000;

export class AuditPages {
  readonly #file: string;
  readonly #stride: number;
  /** Octets before every `stride`-th record, as far as the log has been read. */
  readonly #places: number[] = [0];

  /** @param stride records between two whose place is remembered */
  constructor(file: string, stride = STRIDE) {
    this.#file = file;
    this.#stride = stride;
  }

  /**
   * At most `limit` records from `from` on; none where the log ends before.
   * @throws EvidenceError `malformed`
   */
  async page(from: number, limit: number): Promise<AuditRecord[]> {
    return (await this.lines(from, limit)).map((line, at) => readRecord(line, from + at));
  }

  /** As `page`, lines as they stand. */
  async lines(from: number, limit: number): Promise<string[]> {
    const file = await open(this.#file, 'r');
    try {
      const lines: string[] = [];
      const known = Math.min(Math.floor(from / this.#stride), this.#places.length - 1);
      let sequence = known * this.#stride;
      for await (const { line, end } of linesFrom(file, this.#places[known] ?? 0)) {
        if (lines.length === limit) break;
        if (sequence >= from) lines.push(line);
        sequence += 1;
        if (sequence % this.#stride === 0) this.#places[sequence / this.#stride] ??= end;
      }
      return lines;
    } finally {
      await file.close();
    }
  }
}

interface Line {
  readonly line: string;
  /** Octets of the file up to its end. */
  readonly end: number;
}

/** Lines that end: what is being written is not one yet. */
async function* linesFrom(file: FileHandle, start: number): AsyncGenerator<Line, void> {
  const chunk = Buffer.alloc(CHUNK);
  let held: Buffer[] = [];
  let at = start;
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, CHUNK, at);
    if (bytesRead === 0) return;
    const read = chunk.subarray(0, bytesRead);
    let from = 0;
    for (let end = read.indexOf(NEWLINE); end >= 0; end = read.indexOf(NEWLINE, from)) {
      const line = Buffer.concat([...held, read.subarray(from, end)]).toString('utf8');
      held = [];
      from = end + 1;
      if (line !== '') yield { line, end: at + from };
    }
    held.push(Buffer.from(read.subarray(from)));
    at += bytesRead;
  }
}
