/**
 * PS-PDUs one after the other, on a TLS connection or in a file: each is framed by its own outer tag and length.
 *
 *     30 | length: short, long or indefinite (X.690 8.1.3) | contents          (SEQUENCE)
 *
 * A connection may deliver any part of a PDU at a time; a file may end in the middle of one, after a crash. Of a PDU of
 * indefinite length the end is looked for once, from where the last search stopped.
 */
import { BerWalk } from '../../bytes/ber.ts';
import { BytesError } from '../../bytes/errors.ts';
import { HiError } from './errors.ts';

/** A PDU carries what X2 or X3 may carry, 1 MiB, and something around it; whatever claims more is not one. */
export const MAX_PDU = 1 << 21;

/** What is sent is smaller than what is taken, so that no receiver closes the connection over it. */
export const MAX_SENT_PDU = MAX_PDU - (64 << 10);

const SEQUENCE = 0x30;

/** Cuts a stream into PDUs. */
export class PsPduDeframer {
  /** What is held back, with room for more. */
  #buffer: Uint8Array = new Uint8Array();
  #length = 0;
  #search: Search | null = null;
  /** Where in the stream the octets begin that are held back. */
  #place: number;

  /** @param place offset in the stream of what is pushed first */
  constructor(place = 0) {
    this.#place = place;
  }

  /** Octets held back for a PDU that is not complete. */
  get pending(): number {
    return this.#length;
  }

  /** The PDUs that these octets complete, in order. @throws HiError after those before; the stream is then unusable */
  *push(octets: Uint8Array): Generator<Uint8Array, void> {
    const { found, damage } = this.#take(octets, (pdu) => pdu.slice());
    yield* found;
    if (damage !== null) throw damage;
  }

  /** As `push`, for whoever asks only how far PDUs are complete: their octets. @throws HiError */
  pass(octets: Uint8Array): number {
    const { found, damage } = this.#take(octets, (pdu) => pdu.length);
    if (damage !== null) throw damage;
    return found.reduce((sum, length) => sum + length, 0);
  }

  #take<Each>(
    octets: Uint8Array,
    map: (pdu: Uint8Array) => Each,
  ): { readonly found: readonly Each[]; readonly damage: HiError | null } {
    this.#hold(octets);
    const held = this.#buffer.subarray(0, this.#length);
    const { pdus, rest, damage, search } = cut(held, this.#search, this.#place);
    const found = pdus.map(map);
    if (rest.length === 0) this.#buffer = new Uint8Array();
    else this.#buffer.copyWithin(0, held.length - rest.length, held.length);
    this.#length = rest.length;
    this.#place += held.length - rest.length;
    this.#search = search;
    return { found, damage };
  }

  #hold(octets: Uint8Array): void {
    const length = this.#length + octets.length;
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#buffer.length));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(octets, this.#length);
    this.#length = length;
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
  const { pdus, rest, damage } = cut(octets, null, 0);
  return { pdus, rest, damage };
}

/** A search for the end of the PDU that `rest` begins with. */
type Search = BerWalk;

function cut(octets: Uint8Array, begun: Search | null, place: number): Split & { search: Search | null } {
  const pdus: Uint8Array[] = [];
  let at = 0;
  let search = begun;
  for (;;) {
    search ??= new BerWalk('PS-PDU');
    const rest = octets.subarray(at);
    const end = endOf(rest, search, place + at);
    if (end instanceof HiError) return { pdus, rest, damage: end, search: null };
    if (end === null) return { pdus, rest, damage: null, search };
    pdus.push(rest.subarray(0, end));
    at += end;
    search = null;
  }
}

/** Octets of the PDU that `rest` begins with; `null`: too few to tell. */
function endOf(rest: Uint8Array, search: Search, place: number): number | null | HiError {
  const where = `PS-PDU at octet ${place}`;
  const tag = rest[0];
  if (tag !== undefined && tag !== SEQUENCE) {
    return new HiError('malformed', `no PS-PDU at octet ${place}: tag ${tag}`);
  }
  try {
    const end = search.endIn(rest);
    if (search.reached > MAX_PDU) throw new BytesError('range', `${search.reached} octets are too many`);
    return end;
  } catch (cause) {
    if (!(cause instanceof BytesError)) throw cause;
    return new HiError('malformed', `${where}: ${cause.message}`, { cause });
  }
}
