/**
 * Whether a PDU is a copy. A delivery function numbers what it sends under an LIID and a CIN, and sends again what it has
 * no acknowledgement for; but one whose store was restored, or that of another operator under the same LIID, may use a
 * number again for something else, and that must not be lost. So a copy has the same number and the same content. What
 * has a known number and other content is kept beside the first:
 *
 *     line = kind, LIID, CIN, operator, source (the certificate's name), count
 *
 * The count is ours. It goes up with each cINReset, and with each number that the source's line has with other content.
 * A PDU takes constant time and, beside what is put away in the store, no memory.
 */
import { createHash } from 'node:crypto';
import Type from 'typebox';
import { equalOctets } from '../../bytes/octets.ts';
import { Form } from '../../bytes/schema.ts';
import { LemfError } from './errors.ts';
import type { PsHeader } from '../../wire/hi/header.ts';
import type { HandoverKind } from './ports.ts';
import { Sessions } from './sessions.ts';
import type { NextIds, NumberedLine, NumberedSession, NumberStore } from './sessions.ts';

/** What is told of a PDU. */
export type JudgedVerdict =
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

export type SequenceVerdict =
  | Extract<JudgedVerdict, { kind: 'copy' }>
  | (Extract<JudgedVerdict, { kind: 'new' }> & {
      readonly session: NumberedSession;
      readonly line: NumberedLine;
    });

/** Lines of a communication and kind; what would begin another is kept with the last, and not known when it comes again. */
const MAX_LINES = 64;

/** Lines after which a cINReset begins no other: what it numbers again is told as a conflict. */
const MAX_RESETS = 4096;

/** What belongs together: PDUs of one communication under one warrant, by one operator. */
export function sessionKey(header: Pick<PsHeader, 'liid' | 'cin' | 'operatorIdentifier'>): string {
  return JSON.stringify([header.liid, header.cin ?? null, header.operatorIdentifier]);
}

/** The LIID of a communication's key. */
export function liidOfKey(key: string): string {
  return SESSION_KEY.readOr(
    JSON.parse(key),
    () => new LemfError('damaged', 'not the key of a communication'),
  )[0];
}

const SESSION_KEY = new Form(
  Type.Tuple([Type.String(), Type.Union([Type.Number(), Type.Null()]), Type.String()]),
);

/** HI1 has numbers of its own for each LIID, whatever CIN a sender may give it: its header for this purpose. */
export function noticeHeader({ cin: _, ...header }: PsHeader): PsHeader {
  return header;
}

/** All numbers of all lines. */
export class Numbering {
  readonly #store: NumberStore;
  readonly #sessions: Sessions;

  constructor(store: NumberStore, sessions = new Sessions(store)) {
    this.#store = store;
    this.#sessions = sessions;
  }

  /** Puts away all that is known. Gives what the next ones are to be called. */
  putAway(): NextIds {
    return this.#sessions.putAway();
  }

  /** What is known of the communication of a header. */
  session(header: PsHeader): NumberedSession {
    return this.#sessions.of(sessionKey(header), header);
  }

  /** As `session`, by the key under which it was put away. */
  sessionOf(key: string): NumberedSession {
    return this.#sessions.of(key, { liid: '' });
  }

  /** @param keep stores what is not a copy; if it throws, the number is as if it had not come */
  take(
    kind: HandoverKind,
    source: string,
    header: PsHeader,
    octets: Uint8Array,
    keep: () => void = () => undefined,
  ): SequenceVerdict {
    const session = this.session(header);
    const lines = session.lines[kind];
    const { sequenceNumber } = header;
    const digest = digestOf(octets);
    const differing: NumberedLine[] = [];
    for (const line of lines) {
      // After its cINReset a source's numbers are new ones, whatever is in them.
      if (line.reset && line.source === source) continue;
      const known = this.#store.digest(line.id, sequenceNumber);
      if (known === null) continue;
      if (equalOctets(known, digest)) return { kind: 'copy' };
      differing.push(line);
    }
    keep();
    const { line, isKnown } = this.#lineFor(lines, source, sequenceNumber);
    const expected = line.marks.top;
    if (!isKnown) {
      line.marks.mark(sequenceNumber);
      this.#store.keepDigest(line.id, sequenceNumber, digest);
    }
    const conflict = !line.conflicting && differing.length > 0;
    line.conflicting ||= conflict;
    return {
      kind: 'new',
      session,
      line,
      count: line.count,
      expected,
      conflict,
      differsFrom: differing.map((other) => other.source),
    };
  }

  /** cINReset: numbers of this source begin again. */
  reset(kind: HandoverKind, source: string, header: PsHeader): void {
    const lines = this.session(header).lines[kind];
    const current = lines.findLast((line) => line.source === source);
    if (current === undefined) return;
    if (lines.length >= MAX_RESETS) return;
    for (const line of lines) if (line.source === source) line.reset = true;
    lines.push(this.#sessions.newLine(source, current.count + 1, 0));
  }

  /** The source's newest line, or a new one where that has the number. */
  #lineFor(
    lines: NumberedLine[],
    source: string,
    sequenceNumber: number,
  ): { readonly line: NumberedLine; readonly isKnown: boolean } {
    const current = lines.findLast((line) => line.source === source);
    if (current !== undefined) {
      const isKnown = this.#store.digest(current.id, sequenceNumber) !== null;
      if (!isKnown || lines.length >= MAX_LINES) return { line: current, isKnown };
    }
    // After a known number nothing is missing below it.
    const first = current === undefined ? 0 : sequenceNumber;
    const line = this.#sessions.newLine(source, (current?.count ?? -1) + 1, first);
    lines.push(line);
    return { line, isKnown: false };
  }
}

const SIZE = 8;

function digestOf(octets: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(octets).digest().subarray(0, SIZE));
}
