/**
 * What has arrived over UDP and waits to be served. A datagram cannot be held back at its sender, and what the system's
 * buffer has no room for is lost unseen, whatever it is; so reading goes before serving, and what is more than this node
 * can serve is answered with 503 rather than left to be sent again and again (RFC 3261 section 21.5.4).
 *
 *     datagram ─► nothing waits, and few were served in this turn: at once
 *              ├► lane `known`: responses, ACK, CANCEL, requests within a dialog        seven of eight
 *              ├► lane `challenged`: requests that begin something with credentials     three of four of the others
 *              ├► lane `registering`: REGISTER without                                  ┐ what is left,
 *              ├► lane `first`: what else begins something                              ┘ by turns
 *              └► lane `spent`: the ACK of a refusal by 503                             where nothing else waits
 *
 * Calls that are up, and those that are being answered, go before those that begin: what was let in is brought to its end,
 * and nothing is begun that there is no time to end. So does who comes again because it was asked for credentials. Some of
 * the turns are for the others even so, since anybody can write a tag or credentials. Within a lane each source has its
 * turn; where one more does not fit, it is the source with most waiting that loses its newest. What begins something has
 * three quarters of all places at most, and so has what is known; where all are taken, what is known has that of a first
 * request, but for a quarter of all, and what answers a challenge or registers that of one that does not, but for an eighth.
 *
 * What begins something has no place either where those before it have waited for half of T1: at T1 its sender sends it
 * again, so that a longer queue only makes more of what there is too much of. Requests within a dialog that have no place,
 * and CANCEL, are dropped and counted: they come again, where 503 would leave them undone for good. Nobody waits for what
 * becomes of the ACK of a refusal, which comes for each: it has an eighth of the places, if nothing else has them.
 *
 * A turn of the event loop serves for `A_TURN` milliseconds at most, so that the system's buffer does not overflow
 * meanwhile. Where the system had as many datagrams as it hands over in one turn, more are there, which are read first: the
 * turn then serves for as long as reading and refusing have taken since the last, so that a flood that nothing can keep up
 * with leaves half of the thread to those that wait.
 *
 * All of that goes by what a message is and where it comes from, before anybody has seen whom it is from or to: whether that
 * is under interception makes no difference. What is answered is seen by whoever must see all.
 *
 * A copy of a first request that waits already is dropped: were one of them answered with 503 and the other served, a call
 * would be set up that its caller has given up.
 */
import { countedAddress } from '../bytes/network-address.ts';
import type { NetworkAddress } from '../bytes/network-address.ts';
import { SipError } from './errors.ts';
import type { Flow } from './flow.ts';
import { sourceOf } from './flow.ts';
import type { SipRequest, SipResponse } from './message.ts';
import { RFC_TIMERS } from './timers.ts';

/** A message that has come over UDP. */
export interface Arrival {
  readonly message: SipRequest | SipResponse;
  readonly octets: Uint8Array;
  readonly flow: Flow;
}

/** Messages that are served in one turn of the event loop as they come, without a look at the clock. */
const AT_ONCE = 8;
/** Messages that a turn serves at least. */
const LEAST = 2;
/** Milliseconds for which a turn serves at most. */
const A_TURN = 5;
/** Datagrams that the system hands over in one turn at most (libuv, `uv__udp_recvmsg`). */
const HANDED_OVER = 32;
/** Requests that are answered with 503 in one turn, where the system has more. */
const ANSWERED = 4;
/** Milliseconds for which the next of those that begin something may have waited where one more is taken. */
const STANDING = RFC_TIMERS.t1 / 2;
/** Of eight that are served, those of which the ones that are known go first. */
const KNOWN_OF_EIGHT = 7;
/** Of four that begin something, those of which the ones that answer a challenge go first. */
const CHALLENGED_OF_FOUR = 3;
/** Messages that wait at most. */
export const MOST_WAITING = 1_000;

/** Refusals at most of which the ACK is known. */
const MOST_REFUSED = 4_096;

const WITHIN: ReadonlySet<string> = new Set(['ACK', 'CANCEL']);
/** Fields that answer a challenge (RFC 3261 sections 22.2 and 22.3). */
const CREDENTIALS = ['Authorization', 'Proxy-Authorization'];

interface Waiting {
  readonly arrival: Arrival;
  /** When it came, milliseconds. */
  readonly since: number;
}

/** Those that wait, by source; the source whose turn it is comes first. */
class Lane {
  readonly #sources = new Map<string, Waiting[]>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Since when the next has waited, milliseconds; `null`: none waits. */
  get since(): number | null {
    for (const [next] of this.#sources.values()) return next?.since ?? null;
    return null;
  }

  /**
   * @param most that have a place
   * @returns who has none, if one has none: the newcomer, or the newest of the source with most
   */
  add(waiting: Waiting, most: number): Arrival | null {
    const source = countedAddress(sourceOf(waiting.arrival.flow).address);
    const own = this.#sources.get(source) ?? [];
    const victim = this.#count < most ? null : (this.shed(own.length + 1) ?? 'newcomer');
    if (victim === 'newcomer') return waiting.arrival;
    own.push(waiting);
    this.#sources.set(source, own);
    this.#count++;
    return victim;
  }

  next(): Arrival | undefined {
    for (const [source, own] of this.#sources) {
      const next = own.shift();
      this.#sources.delete(source);
      if (own.length > 0) this.#sources.set(source, own);
      this.#count--;
      return next?.arrival;
    }
    return undefined;
  }

  clear(): void {
    this.#sources.clear();
    this.#count = 0;
  }

  /** Takes out the newest of the source with most, if that has more than so many. */
  shed(than = 0): Arrival | undefined {
    // Where the others have one each, what is left to one is no more than that.
    if (this.#count - this.#sources.size + 1 <= than) return undefined;
    let [source, largest]: [string, Waiting[]] = ['', []];
    for (const each of this.#sources) if (each[1].length > largest.length) [source, largest] = each;
    if (largest.length <= than) return undefined;
    const victim = largest.pop();
    if (largest.length === 0) this.#sources.delete(source);
    this.#count--;
    return victim?.arrival;
  }
}

export interface IntakeUser {
  serve(arrival: Arrival): void;
  /** There was no place for it: a request that begins something, a response or an ACK. */
  refuse(arrival: Arrival): void;
  /** The same of a request that is not to be answered. @param source where it came from */
  drop(source: NetworkAddress): void;
}

/** The thread that all runs on. */
export interface IntakeLoop {
  /** Milliseconds that only go on. */
  now(): number;
  /** Has something run once all datagrams are read that the system hands over in this turn. @returns calls that off */
  soon(run: () => void): () => void;
}

const EVENT_LOOP: IntakeLoop = {
  now: () => performance.now(),
  soon: (run) => {
    const turn = setImmediate(run);
    return () => clearImmediate(turn);
  },
};

export class UdpIntake {
  readonly #user: IntakeUser;
  readonly #loop: IntakeLoop;
  readonly #most: number;
  /** Places that neither what is known nor what begins something takes from the other. */
  readonly #quarter: number;
  /** Places of first requests that those do not take that go ahead of them. */
  readonly #eighth: number;
  readonly #known = new Lane();
  readonly #challenged = new Lane();
  readonly #registering = new Lane();
  readonly #first = new Lane();
  /** What requests that wait are known by, of those that begin something. */
  readonly #copies = new Set<string>();
  readonly #spent = new Lane();
  /** What the ACK of a refusal is known by, the latest last. */
  readonly #refused = new Set<string>();
  /** Read since the last turn, as far as it is known. */
  #read = 0;
  /** Whether the system had as many as it hands over when the loop last turned, and answers with 503 since then. */
  #isMoreThere = false;
  #answered = 0;
  /** Turns so far of all, of what begins something, and of that without credentials. */
  #turns = { all: 0, beginning: 0, first: 0 };
  /** When the thread was last left to others. */
  #left = 0;
  #callOff: (() => void) | null = null;

  /** @param most messages that wait, at least four */
  constructor(most: number, user: IntakeUser, loop: IntakeLoop = EVENT_LOOP) {
    this.#user = user;
    this.#loop = loop;
    this.#most = most;
    this.#quarter = Math.ceil(most / 4);
    this.#eighth = Math.ceil(most / 8);
  }

  /** Messages that wait. */
  get waiting(): number {
    return this.#known.count + this.#beginning + this.#spent.count;
  }

  take(arrival: Arrival): void {
    this.#read++;
    if (this.#read >= AT_ONCE && this.#callOff === null) this.#schedule();
    if (this.#read <= AT_ONCE && this.waiting === 0) {
      this.#user.serve(arrival);
      return;
    }
    if (this.waiting >= this.#most) this.#shedSpent();
    if (beginsSomething(arrival.message)) this.#takeBeginning(arrival);
    else if (this.#isSpent(arrival)) this.#takeSpent(arrival);
    else this.#takeKnown(arrival);
  }

  close(): void {
    this.#callOff?.();
    this.#callOff = null;
    for (const lane of [this.#known, this.#challenged, this.#registering, this.#first, this.#spent])
      lane.clear();
    this.#copies.clear();
    this.#refused.clear();
  }

  /** Those that wait and begin something, and how many of them may. */
  get #beginning(): number {
    return this.#challenged.count + this.#registering.count + this.#first.count;
  }

  get #mostBeginning(): number {
    return this.#most - Math.max(this.#known.count, this.#quarter);
  }

  #takeBeginning(arrival: Arrival): void {
    const copy = copyKey(arrival);
    if (this.#copies.has(copy)) return;
    this.#copies.add(copy);
    const refused = this.#addBeginning(arrival);
    if (refused !== null) this.#refuseBeginning(refused);
  }

  #addBeginning(arrival: Arrival): Arrival | null {
    if (answersChallenge(arrival.message)) return this.#addAhead(this.#challenged, arrival);
    if (registers(arrival.message)) return this.#addAhead(this.#registering, arrival);
    return this.#add(this.#first, arrival, this.#mostBeginning - this.#beginning + this.#first.count);
  }

  /** Of what goes ahead of first requests. */
  #addAhead(lane: Lane, arrival: Arrival): Arrival | null {
    const isFull = this.#beginning >= this.#mostBeginning && this.#first.count > this.#eighth;
    const first = isFull ? this.#first.shed() : undefined;
    if (first !== undefined) this.#refuseBeginning(first);
    const others = this.#beginning - lane.count - this.#first.count;
    return this.#add(lane, arrival, this.#mostBeginning - others - Math.max(this.#first.count, this.#eighth));
  }

  #add(lane: Lane, arrival: Arrival, most: number): Arrival | null {
    const now = this.#loop.now();
    const isStanding = now - (lane.since ?? now) >= STANDING;
    return lane.add({ arrival, since: now }, isStanding ? Math.min(most, lane.count) : most);
  }

  /** Whether it is the ACK of what was refused here, which has the branch of that (RFC 3261 section 17.1.1.3). */
  #isSpent(arrival: Arrival): boolean {
    const { message } = arrival;
    return message.kind === 'request' && message.method === 'ACK' && this.#refused.delete(branchKey(arrival));
  }

  #takeSpent(arrival: Arrival): void {
    const most = Math.min(this.#eighth, this.#most - this.waiting + this.#spent.count);
    const refused = this.#spent.add({ arrival, since: this.#loop.now() }, most);
    if (refused !== null) this.#user.refuse(refused);
  }

  #shedSpent(): void {
    const victim = this.#spent.shed();
    if (victim !== undefined) this.#user.refuse(victim);
  }

  #takeKnown(arrival: Arrival): void {
    const isFull = this.waiting >= this.#most && this.#beginning > this.#quarter;
    const victim = isFull
      ? (this.#first.shed() ?? this.#registering.shed() ?? this.#challenged.shed())
      : undefined;
    if (victim !== undefined) this.#refuseBeginning(victim);
    const most = this.#most - Math.max(this.#beginning, this.#quarter);
    const refused = this.#known.add({ arrival, since: this.#loop.now() }, most);
    if (refused !== null) this.#refuseKnown(refused);
  }

  #refuseBeginning(arrival: Arrival): void {
    this.#copies.delete(copyKey(arrival));
    if (this.#isMoreThere && this.#answered >= ANSWERED) {
      this.#user.drop(sourceOf(arrival.flow));
      return;
    }
    this.#answered++;
    this.#refused.add(branchKey(arrival));
    const [oldest] = this.#refused;
    if (this.#refused.size > MOST_REFUSED && oldest !== undefined) this.#refused.delete(oldest);
    this.#user.refuse(arrival);
  }

  /** A BYE that is answered with 503 has ended nothing, and comes no more; one that is dropped comes again. */
  #refuseKnown(arrival: Arrival): void {
    const { message, flow } = arrival;
    if (message.kind === 'response' || message.method === 'ACK') {
      this.#user.refuse(arrival);
      return;
    }
    this.#user.drop(sourceOf(flow));
  }

  #schedule(): void {
    this.#left = this.#loop.now();
    this.#callOff = this.#loop.soon(() => this.#turned());
  }

  #turned(): void {
    const began = this.#loop.now();
    this.#isMoreThere = this.#read >= HANDED_OVER;
    const until = began + (this.#isMoreThere ? Math.min(A_TURN, began - this.#left) : A_TURN);
    [this.#read, this.#answered] = [0, 0];
    for (let served = 0; served < LEAST || this.#loop.now() < until; served++) {
      const arrival = this.#next();
      if (arrival === undefined) break;
      this.#user.serve(arrival);
    }
    this.#callOff = null;
    if (this.waiting > 0) this.#schedule();
  }

  #next(): Arrival | undefined {
    return this.#nextWaitedFor() ?? this.#spent.next();
  }

  #nextWaitedFor(): Arrival | undefined {
    const isAhead = this.#turns.all++ % 8 < KNOWN_OF_EIGHT;
    if (isAhead) return this.#known.next() ?? this.#nextBeginning();
    return this.#nextBeginning() ?? this.#known.next();
  }

  #nextBeginning(): Arrival | undefined {
    const isAhead = this.#turns.beginning++ % 4 < CHALLENGED_OF_FOUR;
    const arrival = isAhead
      ? (this.#challenged.next() ?? this.#nextFirst())
      : (this.#nextFirst() ?? this.#challenged.next());
    if (arrival !== undefined) this.#copies.delete(copyKey(arrival));
    return arrival;
  }

  #nextFirst(): Arrival | undefined {
    const isAhead = this.#turns.first++ % 2 === 0;
    if (isAhead) return this.#registering.next() ?? this.#first.next();
    return this.#first.next() ?? this.#registering.next();
  }
}

function answersChallenge(message: SipRequest | SipResponse): boolean {
  return CREDENTIALS.some((name) => message.first(name) !== null);
}

function registers(message: SipRequest | SipResponse): boolean {
  return message.kind === 'request' && message.method === 'REGISTER';
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
function copyKey(arrival: Arrival): string {
  const { message } = arrival;
  const method = message.kind === 'request' ? message.method : '';
  return `${branchKey(arrival)} ${method} ${message.first('CSeq') ?? ''}`;
}

/** The same for a request and the ACK of its refusal. */
function branchKey({ message, flow }: Arrival): string {
  const { address, port } = sourceOf(flow);
  return `${address} ${port} ${message.first('Via') ?? ''}`;
}
