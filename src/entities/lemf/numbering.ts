/**
 * Whether a PDU is a copy. A delivery function numbers what it sends under an LIID and a CIN, and sends again what it has
 * no acknowledgement for; but one whose store was restored, or that of another operator under the same LIID, may use a
 * number again for something else, and that must not be lost. So a copy has the same number and the same content. What
 * has a known number and other content is kept beside the first:
 *
 *     line = kind, LIID, CIN, operator, source (the certificate's name), count
 *
 * The count is ours. It goes up with each cINReset, and with each number that the source's line has with other content.
 */
import { createHash } from 'node:crypto';
import type { PsHeader } from '../../wire/hi/header.ts';
import { SequenceMarks } from './marks.ts';
import type { Gap } from './marks.ts';
import type { HandoverKind } from './ports.ts';

export type SequenceVerdict =
  | { readonly kind: 'copy' }
  | {
      readonly kind: 'new';
      readonly count: number;
      /** The number that was to come next on this line. */
      readonly expected: number;
      /** The first PDU of this line whose number another line has with other content. */
      readonly conflict: boolean;
      /** Sources that have this number with other content, without a cINReset between. */
      readonly differsFrom: readonly string[];
    };

/** What belongs together: PDUs of one communication under one warrant, by one operator. */
export function sessionKey(header: Pick<PsHeader, 'liid' | 'cin' | 'operatorIdentifier'>): string {
  return JSON.stringify([header.liid, header.cin ?? null, header.operatorIdentifier]);
}

/** All numbers of all lines. */
export class Numbering {
  /** By kind and session. */
  readonly #lines = new Map<string, NumberedLine[]>();

  /** @param keep stores what is not a copy; if it throws, the number is as if it had not come */
  take(
    kind: HandoverKind,
    source: string,
    header: PsHeader,
    octets: Uint8Array,
    keep: () => void = () => undefined,
  ): SequenceVerdict {
    const lines = this.#of(kind, header);
    const { sequenceNumber } = header;
    const digest = digestOf(octets);
    // After its cINReset a source's numbers are new ones, whatever is in them.
    const known = lines.filter((line) => !(line.reset && line.source === source));
    if (known.some((line) => line.digests.same(sequenceNumber, digest))) return { kind: 'copy' };
    keep();
    const differing = known.filter((line) => line.digests.has(sequenceNumber));
    const line = this.#lineFor(lines, source, sequenceNumber);
    const expected = line.marks.next;
    line.marks.mark(sequenceNumber);
    line.digests.set(sequenceNumber, digest);
    const conflict = !line.conflicting && differing.length > 0;
    line.conflicting ||= conflict;
    return {
      kind: 'new',
      count: line.count,
      expected,
      conflict,
      differsFrom: differing.map((other) => other.source),
    };
  }

  /** cINReset: numbers of this source begin again. */
  reset(kind: HandoverKind, source: string, header: PsHeader): void {
    const lines = this.#of(kind, header);
    const current = lines.findLast((line) => line.source === source);
    if (current === undefined) return;
    for (const line of lines) if (line.source === source) line.reset = true;
    lines.push(new NumberedLine(source, current.count + 1, 0));
  }

  /** Numbers that never came, of all lines of a session. */
  gaps(kind: HandoverKind, header: Pick<PsHeader, 'liid' | 'cin' | 'operatorIdentifier'>): Gap[] {
    const lines = this.#lines.get(`${kind} ${sessionKey(header)}`) ?? [];
    return lines.flatMap(({ marks }) => marks.gaps());
  }

  #of(kind: HandoverKind, header: PsHeader): NumberedLine[] {
    const key = `${kind} ${sessionKey(header)}`;
    const known = this.#lines.get(key);
    if (known !== undefined) return known;
    const lines: NumberedLine[] = [];
    this.#lines.set(key, lines);
    return lines;
  }

  /** The source's newest line, or a new one where that has the number. */
  #lineFor(lines: NumberedLine[], source: string, sequenceNumber: number): NumberedLine {
    const current = lines.findLast((line) => line.source === source);
    if (current?.digests.has(sequenceNumber) === false) return current;
    // After a known number nothing is missing below it.
    const line = new NumberedLine(
      source,
      (current?.count ?? -1) + 1,
      current === undefined ? 0 : sequenceNumber,
    );
    lines.push(line);
    return line;
  }
}

class NumberedLine {
  readonly source: string;
  readonly count: number;
  readonly marks: SequenceMarks;
  readonly digests = new Digests();
  /** A cINReset said that what comes after it has these numbers again. */
  reset = false;
  /** Its conflict with other lines has been told. */
  conflicting = false;

  constructor(source: string, count: number, first: number) {
    this.source = source;
    this.count = count;
    this.marks = new SequenceMarks(first);
  }
}

const PAGE = 64;
const SIZE = 8;

function digestOf(octets: Uint8Array): Uint8Array {
  const digest = new Uint8Array(createHash('sha256').update(octets).digest().subarray(0, SIZE));
  // All zeros says that there is none.
  digest[0] = (digest[0] ?? 0) | 1;
  return digest;
}

/** The content behind each number, in eight octets: there may be millions of them. */
class Digests {
  readonly #pages = new Map<number, Uint8Array>();

  has(number: number): boolean {
    return (this.#at(number)?.[0] ?? 0) !== 0;
  }

  same(number: number, digest: Uint8Array): boolean {
    const known = this.#at(number);
    return known?.every((octet, at) => octet === digest[at]) === true;
  }

  set(number: number, digest: Uint8Array): void {
    const page = this.#pages.get(Math.floor(number / PAGE)) ?? new Uint8Array(PAGE * SIZE);
    this.#pages.set(Math.floor(number / PAGE), page);
    page.set(digest, SIZE * (number % PAGE));
  }

  #at(number: number): Uint8Array | undefined {
    const at = SIZE * (number % PAGE);
    return this.#pages.get(Math.floor(number / PAGE))?.subarray(at, at + SIZE);
  }
}
