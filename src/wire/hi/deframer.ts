/**
 * PS-PDUs one after the other, on a TLS connection or in a file: each is framed by its own outer tag and length.
 *
 *     30 | length: 1 octet, or 8n and n octets | contents          (SEQUENCE, definite, minimal)
 *
 * A connection may deliver any part of a PDU at a time; a file may end in the middle of one, after a crash.
 */
import { concat } from '../../bytes/octets.ts';
import { HiError } from './errors.ts';

/** A PDU carries what X2 or X3 may carry, 1 MiB, and something around it; whatever claims more is not one. */
export const MAX_PDU = 1 << 21;

const SEQUENCE = 0x30;

/** Cuts a stream into PDUs. */
export class PsPduDeframer {
  #rest: Uint8Array = new Uint8Array();

  /** Octets held back for a PDU that is not complete. */
  get pending(): number {
    return this.#rest.length;
  }

  /** The PDUs that these octets complete, in order. @throws HiError after those before; the stream is then unusable */
  *push(octets: Uint8Array): Generator<Uint8Array, void> {
    const { pdus, rest, damage } = splitPsPdus(this.#rest.length === 0 ? octets : concat(this.#rest, octets));
    this.#rest = rest.slice();
    yield* pdus;
    if (damage !== null) throw damage;
  }
}

/** What a stretch of octets holds. */
export interface Split {
  /** Complete PDUs from the start, as views. */
  readonly pdus: Uint8Array[];
  /** The octets after them. */
  readonly rest: Uint8Array;
  /** Why `rest` does not begin with a PDU; `null` if it may, as far as it goes. */
  readonly damage: HiError | null;
}

export function splitPsPdus(octets: Uint8Array): Split {
  const pdus: Uint8Array[] = [];
  let at = 0;
  let damage: HiError | null = null;
  for (;;) {
    const length = lengthAt(octets, at);
    if (length instanceof HiError) damage = length;
    if (length === null || length instanceof HiError || at + length > octets.length) break;
    pdus.push(octets.subarray(at, at + length));
    at += length;
  }
  return { pdus, rest: octets.subarray(at), damage };
}

/** Octets of the PDU that starts at `at`, identifier and length included; `null`: too few octets to tell. */
function lengthAt(octets: Uint8Array, at: number): number | HiError | null {
  const tag = octets[at];
  if (tag === undefined) return null;
  if (tag !== SEQUENCE) return new HiError('malformed', `no PS-PDU at octet ${at}: tag ${tag}`);
  const first = octets[at + 1];
  if (first === undefined) return null;
  if (first < 0x80) return 2 + first;
  const count = first & 0x7f;
  if (count < 1 || count > 4) return new HiError('malformed', `PS-PDU at octet ${at}: bad length of length`);
  if (octets.length < at + 2 + count) return null;
  let length = 0;
  for (let i = 0; i < count; i++) length = length * 256 + (octets[at + 2 + i] ?? 0);
  if (length > MAX_PDU)
    return new HiError('malformed', `PS-PDU at octet ${at}: ${length} octets are too many`);
  return 2 + count + length;
}
