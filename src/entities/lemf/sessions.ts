/**
 * What is remembered of each communication: its lines of numbers (`numbering.ts`), and what their PDUs were. There may be
 * millions of communications, so that only those of late are in memory; the others are put away as text.
 */
import Type from 'typebox';
import { Form } from '../../bytes/schema.ts';
import { LeastRecentlyUsed } from '../../ibe/cache.ts';
import { LemfError } from './errors.ts';
import { SequenceMarks } from './marks.ts';
import type { HandoverKind } from './ports.ts';

/** Communications in memory. */
const IN_MEMORY = 4096;

/** Where digests of PDUs and communications are put away. */
export interface NumberStore {
  /** What is behind a number of a line; `null`: it has not come. */
  digest(line: number, number: number): Uint8Array | null;
  keepDigest(line: number, number: number, digest: Uint8Array): void;
  /** Numbers of a line, ascending. */
  numbers(line: number): Iterable<number>;
  session(key: string): string | null;
  keepSession(key: string, text: string): void;
}

/** What the PDUs of one line were. */
export interface LineTally {
  pdus: number;
  /** Unix milliseconds of the first and last header. */
  firstTime: number | null;
  lastTime: number | null;
  /** CC payloads that are RTP. */
  packets: number;
  /** CC payloads that are not, by what they are. */
  readonly other: Record<'rtcp' | 'stun' | 'handshake' | 'noise' | 'unsupported', number>;
  /** Directions of handshakes on the media's own way; -1: not known. */
  readonly handshakes: number[];
}

/** A line of numbers. */
export interface NumberedLine {
  /** Unique in its store. */
  readonly id: number;
  readonly source: string;
  readonly count: number;
  /** Nothing is missing below it. */
  readonly first: number;
  readonly marks: SequenceMarks;
  readonly tally: LineTally;
  /** A cINReset said that what comes after it has these numbers again. */
  reset: boolean;
  /** Its conflict with other lines has been told. */
  conflicting: boolean;
}

export interface NumberedSession {
  /** Unique in its store, ascending in the order of appearance. */
  readonly id: number;
  readonly liid: string;
  readonly cin: number | null;
  readonly lines: Readonly<Record<HandoverKind, NumberedLine[]>>;
  /** PDUs whose number another has with other content. */
  conflicts: number;
  /** Whether those were of different sources. */
  divided: boolean;
}

const COUNT = Type.Integer({ minimum: 0 });
const TIME = Type.Union([Type.Number(), Type.Null()]);
const SAVED_LINE = Type.Object({
  id: COUNT,
  source: Type.String(),
  count: COUNT,
  first: COUNT,
  next: COUNT,
  stretches: Type.Array(Type.Object({ from: COUNT, to: COUNT })),
  tally: Type.Object({
    pdus: COUNT,
    firstTime: TIME,
    lastTime: TIME,
    packets: COUNT,
    other: Type.Object({ rtcp: COUNT, stun: COUNT, handshake: COUNT, noise: COUNT, unsupported: COUNT }),
    handshakes: Type.Array(Type.Integer()),
  }),
  reset: Type.Boolean(),
  conflicting: Type.Boolean(),
});
const SAVED_SESSION = new Form(
  Type.Object({
    id: COUNT,
    liid: Type.String(),
    cin: Type.Union([COUNT, Type.Null()]),
    lines: Type.Object({ hi2: Type.Array(SAVED_LINE), hi3: Type.Array(SAVED_LINE) }),
    conflicts: COUNT,
    divided: Type.Boolean(),
  }),
);

/** Ids of the next communication and line. */
export interface NextIds {
  readonly session: number;
  readonly line: number;
}

/** Communications by key, those that are not in memory from the store. */
export class Sessions {
  readonly #store: NumberStore;
  readonly #inMemory: LeastRecentlyUsed<{ readonly key: string; readonly session: NumberedSession }>;
  #nextSession: number;
  #nextLine: number;

  constructor(
    store: NumberStore,
    { inMemory = IN_MEMORY, next }: { readonly inMemory?: number; readonly next?: NextIds } = {},
  ) {
    this.#store = store;
    this.#nextSession = next?.session ?? 0;
    this.#nextLine = next?.line ?? 0;
    this.#inMemory = new LeastRecentlyUsed(inMemory, ({ key, session }) =>
      store.keepSession(key, textOf(session)),
    );
  }

  /** The communication of a key, new where there is none. To be changed before another is asked for. */
  of(
    key: string,
    { liid, cin }: { readonly liid: string; readonly cin?: number | undefined },
  ): NumberedSession {
    return this.#inMemory.get(key, () => {
      const saved = this.#store.session(key);
      if (saved !== null) return { key, session: sessionOf(saved) };
      const lines = { hi2: [], hi3: [] };
      const about = { liid, cin: cin ?? null, lines, conflicts: 0, divided: false };
      return { key, session: { id: this.#nextSession++, ...about } };
    }).session;
  }

  /** Puts all of them away. Gives what the next ones are to be called. */
  putAway(): NextIds {
    this.#inMemory.clear();
    return { session: this.#nextSession, line: this.#nextLine };
  }

  newLine(source: string, count: number, first: number): NumberedLine {
    return {
      id: this.#nextLine++,
      source,
      count,
      first,
      marks: new SequenceMarks(first),
      tally: emptyTally(),
      reset: false,
      conflicting: false,
    };
  }
}

/** As if nothing had come of it. */
export function clearTally(tally: LineTally): void {
  tally.handshakes.length = 0;
  const { handshakes: _, other, ...rest } = emptyTally();
  Object.assign(tally.other, other);
  Object.assign(tally, rest);
}

function emptyTally(): LineTally {
  return {
    pdus: 0,
    firstTime: null,
    lastTime: null,
    packets: 0,
    other: { rtcp: 0, stun: 0, handshake: 0, noise: 0, unsupported: 0 },
    handshakes: [],
  };
}

function textOf({ lines, ...session }: NumberedSession): string {
  const saved = ({ marks, ...line }: NumberedLine) => ({
    ...line,
    next: marks.next,
    stretches: marks.stretches,
  });
  return JSON.stringify({ ...session, lines: { hi2: lines.hi2.map(saved), hi3: lines.hi3.map(saved) } });
}

function sessionOf(text: string): NumberedSession {
  const damaged = () => new LemfError('damaged', 'a communication that was put away cannot be read');
  const { lines, ...session } = SAVED_SESSION.readOr(JSON.parse(text), damaged);
  const line = ({ next, stretches, ...rest }: (typeof lines)['hi2'][number]): NumberedLine => ({
    ...rest,
    marks: new SequenceMarks(next, stretches),
  });
  return { ...session, lines: { hi2: lines.hi2.map(line), hi3: lines.hi3.map(line) } };
}
