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
 * turn; where one more does not fit, it is the source with most waiting that loses its newest. A lane has three quarters of
 * all places at most; where all are taken, what is known has that of a first request, but for a quarter of them.
 *
 * A copy of a first request that waits already is dropped: were one of them answered with 503 and the other served, a call
 * would be set up that its caller has given up.
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

/**
 * Messages that are served in one turn of the event loop. The system hands over up to 32 in one: were as many served, none
 * would be refused, and what came beyond would be lost in the system's buffer.
 */
const AT_ONCE = 8;
/** Of four that are served, those that begin nothing go first this many times. */
const KNOWN_OF_FOUR = 3;
/** Messages that wait at most: what this node serves in a part of T1, after which they would be sent again. */
export const MOST_WAITING = 1_000;

const WITHIN: ReadonlySet<string> = new Set(['ACK', 'CANCEL']);

/** Those that wait, by source; the source whose turn it is comes first. */
class Lane {
  readonly #sources = new Map<string, Arrival[]>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /**
   * @param most that have a place
   * @returns who has none, if one has none: the newcomer, or the newest of the source with most
   */
  add(arrival: Arrival, most: number): Arrival | null {
    const source = sourceName(arrival);
    const own = this.#sources.get(source) ?? [];
    const victim = this.#count < most ? null : (this.shed(own.length + 1) ?? 'newcomer');
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

  /** Takes out the newest of the source with most, if that has more than so many. */
  shed(than = 0): Arrival | undefined {
    let largest: Arrival[] = [];
    let of = '';
    for (const [source, each] of this.#sources)
      if (each.length > largest.length) [of, largest] = [source, each];
    if (largest.length <= than) return undefined;
    const victim = largest.pop();
    if (largest.length === 0) this.#sources.delete(of);
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
  readonly #most: number;
  /** Places that neither lane takes from the other. */
  readonly #quarter: number;
  readonly #known = new Lane();
  readonly #first = new Lane();
  /** What first requests that wait are known by. */
  readonly #copies = new Set<string>();
  /** Served since the loop last turned, as far as it is known. */
  #served = 0;
  #turn: NodeJS.Immediate | null = null;

  /** @param most messages that wait, at least four */
  constructor(most: number, user: IntakeUser) {
    this.#user = user;
    this.#most = most;
    this.#quarter = Math.ceil(most / 4);
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
    if (beginsSomething(arrival.message)) this.#takeFirst(arrival);
    else this.#takeKnown(arrival);
  }

  #takeFirst(arrival: Arrival): void {
    const copy = copyKey(arrival);
    if (this.#copies.has(copy)) return;
    this.#copies.add(copy);
    const refused = this.#first.add(arrival, this.#most - Math.max(this.#known.count, this.#quarter));
    if (refused !== null) this.#refuseFirst(refused);
  }

  #takeKnown(arrival: Arrival): void {
    const isFull = this.waiting >= this.#most && this.#first.count > this.#quarter;
    const victim = isFull ? this.#first.shed() : undefined;
    if (victim !== undefined) this.#refuseFirst(victim);
    const refused = this.#known.add(arrival, this.#most - Math.max(this.#first.count, this.#quarter));
    if (refused !== null) this.#user.refuse(refused);
  }

  #refuseFirst(arrival: Arrival): void {
    this.#copies.delete(copyKey(arrival));
    this.#user.refuse(arrival);
  }

  #next(isFirst: boolean): Arrival | undefined {
    const arrival = (isFirst ? this.#first : this.#known).next();
    if (isFirst && arrival !== undefined) this.#copies.delete(copyKey(arrival));
    return arrival;
  }

  close(): void {
    if (this.#turn !== null) clearImmediate(this.#turn);
    this.#turn = null;
    this.#known.clear();
    this.#first.clear();
    this.#copies.clear();
  }

  #turned(): void {
    for (this.#served = 0; this.#served < AT_ONCE; this.#served++) {
      const isFirst = this.#served % 4 >= KNOWN_OF_FOUR;
      const arrival = this.#next(isFirst) ?? this.#next(!isFirst);
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

/** The same for copies of a request, and for nothing else that its sender sends (RFC 3261 section 8.1.1.7). */
function copyKey({ message, flow }: Arrival): string {
  const { address, port } = sourceOf(flow);
  const method = message.kind === 'request' ? message.method : '';
  return `${address} ${port} ${method} ${message.first('CSeq') ?? ''} ${message.first('Via') ?? ''}`;
}

function sourceName({ flow }: Arrival): string {
  return countedAddress(sourceOf(flow).address);
}
