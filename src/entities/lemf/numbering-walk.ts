/**
 * A walk through what is stored, in the order of the files, that numbers it: PDU by PDU, so that who walks can do other
 * things between two of them, and on from where another walk has ended.
 */
import { noticeHeader } from './numbering.ts';
import type { JudgedVerdict, Numbering } from './numbering.ts';
import { LemfError } from './errors.ts';
import type { HandoverKind, LemfStore, StoredPdu } from './ports.ts';
import type { PsHeader } from '../../wire/hi/header.ts';
import { decodePsPdu } from '../../wire/hi/ps-pdu.ts';
import type { PsPdu } from '../../wire/hi/ps-pdu.ts';

/** Octets of each kind. */
export type HandoverLengths = Readonly<Record<HandoverKind, number>>;

/** A PDU that was numbered. */
export interface WalkedPdu {
  readonly pdu: PsPdu;
  readonly octets: Uint8Array;
  readonly kind: HandoverKind;
  /** Octets of the store before it. */
  readonly at: number;
  /** Name in the certificate; where it was not noted, the network element in the header. */
  readonly source: string;
  readonly verdict: JudgedVerdict;
}

interface Reading {
  readonly kind: HandoverKind;
  readonly pdus: Iterator<StoredPdu, unknown>;
}

export const HANDOVER_KINDS = ['hi2', 'hi3'] as const;

export class NumberingWalk {
  readonly #store: Pick<LemfStore, 'lengths' | 'read'>;
  readonly #numbering: Numbering;
  readonly #numbered: Record<HandoverKind, number>;
  #reading: Reading | null = null;

  /** @param from octets that are numbered already */
  constructor(
    store: Pick<LemfStore, 'lengths' | 'read'>,
    numbering: Numbering,
    from: HandoverLengths = { hi2: 0, hi3: 0 },
  ) {
    this.#store = store;
    this.#numbering = numbering;
    this.#numbered = { ...from };
  }

  /** Octets that are numbered. */
  get numbered(): HandoverLengths {
    return this.#numbered;
  }

  /** Numbers the next PDU; `'transport'`: it needed none; `'end'`: there is none now. @throws LemfError, HiError */
  next(): WalkedPdu | 'transport' | 'end' {
    this.#reading ??= this.#begin();
    if (this.#reading === null) return 'end';
    const { kind, pdus } = this.#reading;
    const next = pdus.next();
    if (next.done !== true) return this.#take(kind, next.value);
    this.#reading = null;
    return this.next();
  }

  /** Reads nothing more. */
  stop(): void {
    this.#reading?.pdus.return?.();
    this.#reading = null;
  }

  #begin(): Reading | null {
    const kind = HANDOVER_KINDS.find((each) => this.#numbered[each] < this.#store.lengths[each]);
    if (kind === undefined) return null;
    return { kind, pdus: this.#store.read(kind, this.#numbered[kind])[Symbol.iterator]() };
  }

  #take(kind: HandoverKind, { octets, at, source: noted }: StoredPdu): WalkedPdu | 'transport' {
    const pdu = decodePsPdu(octets);
    const { header, payload } = pdu;
    const source = noted ?? header.networkElementIdentifier ?? '';
    this.#numbered[kind] = at + octets.length;
    if (payload.kind === 'tri') {
      if (payload.message.type === 'cinReset') this.#numbering.reset(kind, source, header);
      return 'transport';
    }
    const numbered = numberedHeader(pdu);
    if (numbered === null) throw new LemfError('damaged', `${kind}: a stored PDU has no CIN`);
    const verdict = this.#numbering.take(kind, source, numbered, octets);
    return { pdu, octets, kind, at, source, verdict };
  }
}

/** The header by which a PDU is numbered; `null`: it must have a CIN, and has none. */
export function numberedHeader({ header, payload }: PsPdu): PsHeader | null {
  if (payload.kind === 'hi1') return noticeHeader(header);
  return header.cin === undefined ? null : header;
}
