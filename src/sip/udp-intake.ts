/**
 * What has arrived over UDP and waits to be served. A datagram cannot be held back at its sender, and what the system's
 * buffer has no room for is lost unseen; so all is read, and what is more than this node can serve is answered with 503
 * rather than left to be sent again and again (RFC 3261 section 21.5.4).
 *
 *     datagram ─► nothing waits, and few were served in this turn: at once
 *              └► lane `known`: responses, ACK, CANCEL, requests within a dialog ─┐ three of four turns
 *               └ lane `first`: requests that begin something                    ─┴─► served, `AT_ONCE` a turn of the loop
 *
 * Calls that are up, and those that are being answered, go before those that begin: what was let in is brought to its end.
 * A quarter of the turns is for first requests even so, since anybody can write a tag. Within a lane each source has its
 * turn; where one more does not fit, it is the source with most waiting that loses its newest.
 */
import { countedAddress } from '../bytes/network-address.ts';
import { SipError } from './errors.ts';
import type { Flow } from './flow.ts';
import { sourceOf } from './flow.ts';
import type { SipRequest, SipResponse } from './message.ts';

/** A message that has come over UDP. */
export interface Arrival {
  readonly message: SipRequest | SipResponse;
  readonly octets: Uint8Array;
  readonly flow: Flow;
}

/** Messages that are served in one turn of the event loop; the system hands over up to 32 in one. */
const AT_ONCE = 8;
/** Of four that are served, those that begin nothing go first this many times. */
const KNOWN_OF_FOUR = 3;
/** Messages that wait at most: what this node serves in a part of T1, after which they would be sent again. */
export const MOST_WAITING = 1_000;

const WITHIN: ReadonlySet<string> = new Set(['ACK', 'CANCEL']);

/** Those that wait, by source; the source whose turn it is comes first. */
class Lane {
  readonly #most: number;
  readonly #sources = new Map<string, Arrival[]>();
  #count = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get count(): number {
    return this.#count;
  }

  /** @returns who has no place, if one has none: the newcomer, or the newest of the source with most */
  add(arrival: Arrival): Arrival | null {
    const source = sourceName(arrival);
    const own = this.#sources.get(source) ?? [];
    const victim = this.#count < this.#most ? null : this.#victim(own.length);
    if (victim === 'newcomer') return arrival;
    own.push(arrival);
    this.#sources.set(source, own);
    this.#count++;
    return victim;
  }

  next(): Arrival | undefined {
    for (const [source, own] of this.#sources) {
      const arrival = own.shift();
      this.#sources.delete(source);
      if (own.length > 0) this.#sources.set(source, own);
      this.#count--;
      return arrival;
    }
    return undefined;
  }

  clear(): void {
    this.#sources.clear();
    this.#count = 0;
  }

  /** Takes out the newest of the source with most, if that has more than the newcomer would have. */
  #victim(own: number): Arrival | 'newcomer' {
    let largest: Arrival[] = [];
    for (const each of this.#sources.values()) if (each.length > largest.length) largest = each;
    const victim = largest.length > own + 1 ? largest.pop() : undefined;
    if (victim === undefined) return 'newcomer';
    this.#count--;
    return victim;
  }
}

export interface IntakeUser {
  serve(arrival: Arrival): void;
  /** There was no place for it. */
  refuse(arrival: Arrival): void;
}

export class UdpIntake {
  readonly #user: IntakeUser;
  readonly #known: Lane;
  readonly #first: Lane;
  /** Served since the loop last turned, as far as it is known. */
  #served = 0;
  #turn: NodeJS.Immediate | null = null;

  /** @param most messages that wait, at least four: three quarters of them may begin something */
  constructor(most: number, user: IntakeUser) {
    this.#user = user;
    this.#known = new Lane(Math.ceil(most / 4));
    this.#first = new Lane(Math.floor((most * 3) / 4));
  }

  /** Messages that wait. */
  get waiting(): number {
    return this.#known.count + this.#first.count;
  }

  take(arrival: Arrival): void {
    if (this.#turn === null) {
      this.#served++;
      if (this.#served >= AT_ONCE) this.#turn = setImmediate(() => this.#turned());
      this.#user.serve(arrival);
      return;
    }
    const lane = beginsSomething(arrival.message) ? this.#first : this.#known;
    const refused = lane.add(arrival);
    if (refused !== null) this.#user.refuse(refused);
  }

  close(): void {
    if (this.#turn !== null) clearImmediate(this.#turn);
    this.#turn = null;
    this.#known.clear();
    this.#first.clear();
  }

  #turned(): void {
    for (this.#served = 0; this.#served < AT_ONCE; this.#served++) {
      const first = this.#served % 4 >= KNOWN_OF_FOUR;
      const [lane, other] = first ? [this.#first, this.#known] : [this.#known, this.#first];
      const arrival = lane.next() ?? other.next();
      if (arrival === undefined) break;
      this.#user.serve(arrival);
    }
    this.#turn = this.waiting > 0 ? setImmediate(() => this.#turned()) : null;
  }
}

/** Whether a message begins something: a request outside a dialog, but for what belongs to another request. */
export function beginsSomething(message: SipRequest | SipResponse): boolean {
  if (message.kind === 'request' && !WITHIN.has(message.method) && !isWithin(message)) return true;
  return false;
}

/** Whether it says that it is within a dialog, as far as it can be read. */
function isWithin(request: SipRequest): boolean {
  try {
    return request.toTag !== null;
  } catch (cause) {
    if (cause instanceof SipError) return false;
    throw cause;
  }
}

function sourceName({ flow }: Arrival): string {
  return countedAddress(sourceOf(flow).address);
}
