/**
 * The store, and the numbers of what is in it: which PDUs are copies (`numbering.ts`). What was stored before the start
 * must be read for that. A small store is read at once; a large one elsewhere, in a thread of its own, while the LEMF
 * receives:
 *
 *     behind         what comes is stored without a question, and numbered when its place in the file is reached, after
 *                    all that came before it; what turns out to be a copy is in the file twice, and told of as one
 *     not behind     what comes is numbered first, and stored if it is not a copy
 *
 * The order of the file is the order of numbering in both, and whoever reads the file later finds the copies by the same
 * rule. There is nothing to be merged, and nothing that a crash could leave half done.
 *
 * The other thread goes through the file as long as it comes closer to its end; then what it knows is handed over, and the
 * little that is left is numbered here, in slices. Each PDU that comes meanwhile has some numbered that came before it, so
 * that the end is reached however much comes.
 */
import type { Clock, Timer } from '../../bytes/ports.ts';
import type { PsHeader } from '../../wire/hi/header.ts';
import { decodePsPdu } from '../../wire/hi/ps-pdu.ts';
import type { PsPdu, ReceivedPsPdu } from '../../wire/hi/ps-pdu.ts';
import { LemfError } from './errors.ts';
import { Numbering } from './numbering.ts';
import type { JudgedVerdict } from './numbering.ts';
import { HANDOVER_KINDS, numberedHeader, NumberingWalk } from './numbering-walk.ts';
import type { HandoverLengths, WalkedPdu } from './numbering-walk.ts';
import type { HandoverKind, LemfStore } from './ports.ts';
import { Sessions } from './sessions.ts';
import type { NextIds, NumberStore } from './sessions.ts';

export interface NumberedStoreOptions {
  readonly store: LemfStore;
  /** What is known of numbers that have come. */
  readonly numbers: NumberStore;
  readonly clock: Clock;
  /** Octets that are read before anything else. */
  readonly readFirst?: number;
  /** Who reads more than that; absent: it is read here, in slices. */
  readonly elsewhere?: NumberingElsewhere;
  /** A notification of a warrant that was stored before the start. */
  readonly onOldNotice?: (pdu: ReceivedPsPdu, from: PduOrigin) => void;
  /** What was stored while this was behind is numbered now. */
  readonly onNumbered: (pdu: ReceivedPsPdu, from: PduOrigin, verdict: JudgedVerdict) => void;
  /** What is stored cannot be read: nothing is numbered any more. */
  readonly onDamaged: (error: unknown) => void;
}

/** Where a PDU is, and who sent it. */
export interface PduOrigin {
  readonly kind: HandoverKind;
  /** Name in the certificate; of old PDUs, the network element in the header. */
  readonly source: string;
}

/** Numbers what is stored without holding up who receives. */
export interface NumberingElsewhere {
  /** Numbers on, up to those places or a part of that. Rejects where what is stored cannot be read. */
  number(order: NumberingPart): Promise<NumberedPart>;
  /** Numbers nothing more; gives what it knows. */
  handOver(): Promise<{ readonly numbers: NumberStore; readonly next: NextIds }>;
  /** Gives up what is under way; no promise is kept after that. */
  stop(): void;
}

export interface NumberingPart {
  readonly to: HandoverLengths;
  /** Octets that were there at the start. */
  readonly old: HandoverLengths;
  /** PDUs at most that are to be told of. */
  readonly most: number;
}

export interface NumberedPart {
  /** Octets that are numbered. */
  readonly numbered: HandoverLengths;
  /** Of what was there at the start, notifications of warrants; of what came later, everything but the transport. */
  readonly told: readonly Pick<WalkedPdu, 'octets' | 'kind' | 'at' | 'source' | 'verdict'>[];
  /** Whether that is all up to those places. */
  readonly isWhole: boolean;
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
/** Octets that are left to be numbered here. */
const LITTLE = 1 << 16;

export class NumberedStore {
  readonly #options: NumberedStoreOptions;
  #numbering: Numbering;
  /** Octets that were there at the start. */
  readonly #old: HandoverLengths;
  /** Through what is stored, here; `null` while that is done elsewhere, and when it is done. */
  #walk: NumberingWalk | null;
  /** Octets that are numbered elsewhere. */
  #numbered: HandoverLengths = { hi2: 0, hi3: 0 };
  #isBehind = true;
  #isStopped = false;
  #cameAt = -Infinity;
  #timer: Timer | null = null;

  /** Reads what is there, if it is little. @throws LemfError `damaged`, HiError */
  constructor(options: NumberedStoreOptions) {
    this.#options = options;
    this.#numbering = new Numbering(options.numbers);
    this.#old = { ...options.store.lengths };
    this.#walk = new NumberingWalk(options.store, this.#numbering);
    const { readFirst = READ_FIRST, elsewhere } = options;
    if (this.behind <= readFirst) while (this.#step());
    else if (elsewhere === undefined) this.#sliceLater();
    else {
      this.#walk = null;
      void this.#numberElsewhere(elsewhere);
    }
  }

  /** Whether what comes is stored without a question. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Octets that are stored and not numbered yet. */
  get behind(): number {
    if (!this.#isBehind) return 0;
    const { lengths } = this.#options.store;
    const numbered = this.#walk?.numbered ?? this.#numbered;
    return HANDOVER_KINDS.reduce((sum, kind) => sum + lengths[kind] - numbered[kind], 0);
  }

  /** Stores a PDU unless it is a copy; `null`: it is stored, and what it is will be told. */
  add(pdu: PsPdu, { kind, source }: PduOrigin, octets: Uint8Array): JudgedVerdict | null {
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
    for (const kind of HANDOVER_KINDS) {
      this.#options.store.append(kind, octets, source);
      if (!this.#isBehind) this.#numbering.reset(kind, source, header);
    }
    if (this.#isBehind) this.#comes();
  }

  /** Numbers nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = null;
    this.#walk?.stop();
    this.#options.elsewhere?.stop();
  }

  /* ------------------------------------------------------------ elsewhere */

  async #numberElsewhere(elsewhere: NumberingElsewhere): Promise<void> {
    try {
      for (let [left, before] = [this.behind, Infinity]; left > LITTLE && left < before / 2;) {
        if (!(await this.#numberPart(elsewhere))) return;
        [left, before] = [this.behind, left];
      }
      const { numbers, next } = await elsewhere.handOver();
      if (this.#isStopped) return;
      this.#numbering = new Numbering(numbers, new Sessions(numbers, { next }));
      this.#walk = new NumberingWalk(this.#options.store, this.#numbering, this.#numbered);
      this.#sliceLater();
    } catch (error) {
      if (this.#isStopped) return;
      this.stop();
      this.#options.onDamaged(error);
    }
  }

  /** All that is there now. Gives whether it goes on. */
  async #numberPart(elsewhere: NumberingElsewhere): Promise<boolean> {
    const to = { ...this.#options.store.lengths };
    for (;;) {
      const part = await elsewhere.number({ to, old: this.#old, most: this.#sliceNow() });
      if (this.#isStopped) return false;
      this.#numbered = part.numbered;
      for (const each of part.told) this.#tell({ ...each, pdu: decodePsPdu(each.octets) });
      if (part.isWhole) return true;
      if (part.told.length > 0) await new Promise<void>((go) => this.#laterOnce(go));
    }
  }

  #laterOnce(action: () => void): void {
    this.#timer = this.#options.clock.after(BETWEEN_SLICES_MS, action);
  }

  /* ----------------------------------------------------------------- here */

  #comes(): void {
    this.#cameAt = this.#options.clock.now();
    if (this.#walk !== null) this.#steps(WITH_EACH);
  }

  #sliceNow(): number {
    const isQuiet = this.#options.clock.now() - this.#cameAt > QUIET_MS;
    return isQuiet ? SLICE * IDLE : SLICE;
  }

  #sliceLater(): void {
    this.#laterOnce(() => {
      this.#timer = null;
      if (this.#steps(this.#sliceNow())) this.#sliceLater();
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
    if (!this.#isBehind || this.#walk === null) return false;
    const next = this.#walk.next();
    if (next === 'end') this.#isBehind = false;
    else if (next !== 'transport') this.#tell(next);
    return this.#isBehind;
  }

  #tell({ pdu, kind, source, at, verdict }: Omit<WalkedPdu, 'octets'>): void {
    const isOld = at < this.#old[kind];
    if (!isOld) this.#options.onNumbered(pdu, { kind, source }, verdict);
    if (isOld && pdu.payload.kind === 'hi1') this.#options.onOldNotice?.(pdu, { kind, source });
  }
}
