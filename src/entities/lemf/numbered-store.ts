/**
 * The store, and the numbers of what is in it: which PDUs are copies (`numbering.ts`). What was stored before the start
 * must be read for that. A small store is read at once; a large one in slices, while the LEMF receives:
 *
 *     behind         what comes is stored without a question, and numbered when its place in the file is reached, after
 *                    all that came before it; what turns out to be a copy is in the file twice, and told of as one
 *     not behind     what comes is numbered first, and stored if it is not a copy
 *
 * The order of the file is the order of numbering in both, and whoever reads the file later finds the copies by the same
 * rule. There is nothing to be merged, and nothing that a crash could leave half done. Each PDU that comes meanwhile has
 * some numbered that came before it, so that the end is reached however much comes.
 */
import type { Clock, Timer } from '../../bytes/ports.ts';
import type { PsHeader } from '../../wire/hi/header.ts';
import { decodePsPdu } from '../../wire/hi/ps-pdu.ts';
import type { PsPdu, ReceivedPsPdu } from '../../wire/hi/ps-pdu.ts';
import { LemfError } from './errors.ts';
import { noticeHeader, Numbering } from './numbering.ts';
import type { SequenceVerdict } from './numbering.ts';
import type { HandoverKind, LemfStore, StoredPdu } from './ports.ts';
import type { NumberStore } from './sessions.ts';

export interface NumberedStoreOptions {
  readonly store: LemfStore;
  /** What is known of numbers that have come. */
  readonly numbers: NumberStore;
  readonly clock: Clock;
  /** Octets that are read before anything else. */
  readonly readFirst?: number;
  /** A notification of a warrant that was stored before the start. */
  readonly onOldNotice?: (pdu: ReceivedPsPdu, from: PduOrigin) => void;
  /** What was stored while this was behind is numbered now. */
  readonly onNumbered: (pdu: ReceivedPsPdu, from: PduOrigin, verdict: SequenceVerdict) => void;
  /** What is stored cannot be read: nothing is numbered any more. */
  readonly onDamaged: (error: unknown) => void;
}

/** Where a PDU is, and who sent it. */
export interface PduOrigin {
  readonly kind: HandoverKind;
  /** Name in the certificate; of old PDUs, the network element in the header. */
  readonly source: string;
}

interface Reading {
  readonly kind: HandoverKind;
  readonly pdus: Iterator<StoredPdu, unknown>;
}

/** A second or less. */
const READ_FIRST = 8 << 20;
/** PDUs in a slice, a millisecond or less, and milliseconds between slices: what comes waits no longer. */
const SLICE = 8;
const BETWEEN_SLICES_MS = 3;
/** When nothing has come for so many milliseconds, slices are so many times as long. */
const QUIET_MS = 1000;
const IDLE = 32;
/** Old PDUs that are numbered with each that comes meanwhile. */
const WITH_EACH = 2;

const KINDS = ['hi2', 'hi3'] as const;

export class NumberedStore {
  readonly #options: NumberedStoreOptions;
  readonly #numbering: Numbering;
  /** Octets that were there at the start. */
  readonly #old: Readonly<Record<HandoverKind, number>>;
  /** Octets that are numbered. */
  readonly #numbered: Record<HandoverKind, number> = { hi2: 0, hi3: 0 };
  #reading: Reading | null = null;
  #isBehind = true;
  #cameAt = -Infinity;
  #timer: Timer | null = null;

  /** Reads what is there, if it is little. @throws LemfError `damaged`, HiError */
  constructor(options: NumberedStoreOptions) {
    this.#options = options;
    this.#numbering = new Numbering(options.numbers);
    this.#old = { ...options.store.lengths };
    const { readFirst = READ_FIRST } = options;
    if (this.behind > readFirst) this.#sliceLater();
    else while (this.#step());
  }

  /** Octets that are stored and not numbered yet. */
  get behind(): number {
    if (!this.#isBehind) return 0;
    const { lengths } = this.#options.store;
    return KINDS.reduce((sum, kind) => sum + lengths[kind] - this.#numbered[kind], 0);
  }

  /** Stores a PDU unless it is a copy; `null`: it is stored, and what it is will be told. */
  add(pdu: PsPdu, { kind, source }: PduOrigin, octets: Uint8Array): SequenceVerdict | null {
    const header = numberedHeader(pdu);
    if (header === null) throw new LemfError('unexpected-pdu', 'a PDU without CIN');
    const keep = () => this.#options.store.append(kind, octets, source);
    if (!this.#isBehind) return this.#numbering.take(kind, source, header, octets, keep);
    keep();
    this.#comes();
    return null;
  }

  /** Stored with both kinds, since it is about the numbers of both: whoever reads one file knows why they begin again. */
  reset(header: PsHeader, source: string, octets: Uint8Array): void {
    if (header.cin === undefined) throw new LemfError('unexpected-pdu', 'cINReset without CIN');
    for (const kind of KINDS) {
      this.#options.store.append(kind, octets, source);
      if (!this.#isBehind) this.#numbering.reset(kind, source, header);
    }
    if (this.#isBehind) this.#comes();
  }

  /** Numbers nothing more. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#reading?.pdus.return?.();
    this.#reading = null;
  }

  #comes(): void {
    this.#cameAt = this.#options.clock.now();
    this.#steps(WITH_EACH);
  }

  #sliceLater(): void {
    this.#timer = this.#options.clock.after(BETWEEN_SLICES_MS, () => {
      this.#timer = null;
      const isQuiet = this.#options.clock.now() - this.#cameAt > QUIET_MS;
      const most = isQuiet ? SLICE * IDLE : SLICE;
      if (this.#steps(most)) this.#sliceLater();
    });
  }

  /** Whether there is more. */
  #steps(most: number): boolean {
    try {
      for (let n = 0; n < most; n++) if (!this.#step()) return false;
      return true;
    } catch (error) {
      this.stop();
      this.#options.onDamaged(error);
      return false;
    }
  }

  /** Numbers the next PDU; `false`: there is none, so that this is not behind any more. */
  #step(): boolean {
    if (!this.#isBehind) return false;
    this.#reading ??= this.#begin();
    if (this.#reading === null) {
      this.#isBehind = false;
      return false;
    }
    const { kind, pdus } = this.#reading;
    const next = pdus.next();
    if (next.done === true) this.#reading = null;
    else this.#take(kind, next.value);
    return true;
  }

  #begin(): Reading | null {
    const { store } = this.#options;
    const kind = KINDS.find((each) => this.#numbered[each] < store.lengths[each]);
    if (kind === undefined) return null;
    return { kind, pdus: store.read(kind, this.#numbered[kind])[Symbol.iterator]() };
  }

  #take(kind: HandoverKind, { octets, at, source: noted }: StoredPdu): void {
    const pdu = decodePsPdu(octets);
    const { header, payload } = pdu;
    const source = noted ?? header.networkElementIdentifier ?? '';
    this.#numbered[kind] = at + octets.length;
    if (payload.kind === 'tri') {
      if (payload.message.type === 'cinReset') this.#numbering.reset(kind, source, header);
      return;
    }
    const numbered = numberedHeader(pdu);
    if (numbered === null) throw new LemfError('damaged', `${kind}: a stored PDU has no CIN`);
    const verdict = this.#numbering.take(kind, source, numbered, octets);
    if (at >= this.#old[kind]) this.#options.onNumbered(pdu, { kind, source }, verdict);
    else if (payload.kind === 'hi1') this.#options.onOldNotice?.(pdu, { kind, source });
  }
}

/** The header by which a PDU is numbered; `null`: it must have a CIN, and has none. */
function numberedHeader({ header, payload }: PsPdu): PsHeader | null {
  if (payload.kind === 'hi1') return noticeHeader(header);
  return header.cin === undefined ? null : header;
}
