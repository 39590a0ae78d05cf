/**
 * A node with one thread that calls come to over UDP, in a time of its own: what the intake makes of more than it can
 * serve, whatever the machine that the test runs on does meanwhile.
 *
 *     caller                    node                     callee
 *       │ ── INVITE ──────────► │                           │
 *       │ ◄────────── 407 or 503│                           │
 *       │ ── ACK ─────────────► │                           │
 *       │ ── INVITE, digest ──► │ ────────────────────────► │
 *       │ ◄──────────────────── │ ◄─────────── 180, 200 ─── │
 *       │ ── ACK, BYE ────────► │ ────────────────────────► │
 *       │ ◄──────────────────── │ ◄──────────────── 200 ─── │
 *
 * Whoever has no answer sends again after T1, then twice that, and so on up to T2 but for INVITE, and gives up after 64·T1
 * (RFC 3261 section 17.1). A datagram that the system's buffer has no room for is lost.
 */
import type { SipRequest, SipResponse } from '../../src/sip/message.ts';
import { makeResponse } from '../../src/sip/response.ts';
import { RFC_TIMERS } from '../../src/sip/timers.ts';
import { MOST_WAITING, UdpIntake } from '../../src/sip/udp-intake.ts';
import { FakeFlow, request } from './support.ts';

/**
 * Milliseconds that it takes to read a datagram, to serve a message, and to refuse one, in the ratio that the CSCF was
 * seen to take.
 */
const READING = 0.03;
const SERVING = 0.36;
const REFUSING = 0.09;
/** Datagrams that the system keeps for the node at most, and those that it hands over at once. */
const BUFFER = 500;
const HANDED_OVER = 32;

/** Messages of one call that the node serves: all that go to it. */
const MESSAGES = 8;
/** Calls a second that the node serves at most. */
export const CAPACITY = 1000 / (MESSAGES * (READING + SERVING));

type Step =
  'invite' | 'invite-again' | 'ringing' | 'answer' | 'ack' | 'bye' | 'over' | 'refused' | 'refused-again';

interface Call {
  readonly id: string;
  /** Steps that were served or refused: what was sent until then is not sent again. */
  readonly done: Set<Step>;
  fate: 'pending' | 'came-about' | 'put-off' | 'gave-up';
}

export interface Outcome {
  /** Calls that came about while calls were offered, a second; and in all. */
  readonly goodput: number;
  readonly cameAbout: number;
  readonly putOff: number;
  /** Those that had no answer. */
  readonly gaveUp: number;
  /** Datagrams that the system had no room for. */
  readonly lost: number;
  /** Requests within dialogs that were dropped. */
  readonly dropped: number;
}

/** Events in the order of their time. */
class Agenda {
  readonly #heap: { readonly at: number; readonly run: () => void }[] = [];

  get next(): number {
    return this.#heap[0]?.at ?? Infinity;
  }

  add(at: number, run: () => void): void {
    const heap = this.#heap;
    let place = heap.push({ at, run }) - 1;
    for (; place > 0; place = (place - 1) >> 1) {
      const parent = heap[(place - 1) >> 1];
      if (parent === undefined || parent.at <= at) break;
      [heap[place], heap[(place - 1) >> 1]] = [parent, { at, run }];
    }
  }

  take(): () => void {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (first === undefined || last === undefined) throw new Error('nothing is to come');
    if (heap.length > 0) {
      heap[0] = last;
      for (let place = 0; ;) {
        const [left, right] = [2 * place + 1, 2 * place + 2];
        const least = (heap[right]?.at ?? Infinity) < (heap[left]?.at ?? Infinity) ? right : left;
        const child = heap[least];
        if (child === undefined || child.at >= last.at) break;
        [heap[place], heap[least]] = [child, last];
        place = least;
      }
    }
    return first.run;
  }
}

class OverloadedNode {
  readonly #agenda = new Agenda();
  readonly #calls = new Map<string, Call>();
  readonly #intake: UdpIntake;
  readonly #flow = new FakeFlow('UDP');
  #buffer: { call: Call; step: Step }[] = [];
  readonly #steps = new WeakMap<SipRequest | SipResponse, { call: Call; step: Step }>();
  #now = 0;
  #turn: (() => void) | null = null;
  #lost = 0;
  #dropped = 0;

  constructor() {
    this.#intake = new UdpIntake(
      MOST_WAITING,
      {
        serve: ({ message }) => this.#served(message),
        refuse: ({ message }) => this.#refused(message),
        drop: () => this.#dropped++,
      },
      {
        now: () => this.#now,
        soon: (run) => {
          this.#turn = run;
          return () => (this.#turn = null);
        },
      },
    );
  }

  /** Calls come at even distances, so many a second. */
  run(rate: number, seconds: number): Outcome {
    const count = Math.round(rate * seconds);
    for (let n = 0; n < count; n++) {
      const call: Call = { id: `call-${n}`, done: new Set(), fate: 'pending' };
      this.#calls.set(call.id, call);
      const at = (1000 * n) / rate;
      this.#agenda.add(at, () => this.#send(call, 'invite', at));
    }
    this.#until(1000 * seconds);
    const meanwhile = this.#count('came-about');
    this.#until(Infinity);
    return {
      goodput: meanwhile / seconds,
      cameAbout: this.#count('came-about'),
      putOff: this.#count('put-off'),
      gaveUp: this.#count('gave-up'),
      lost: this.#lost,
      dropped: this.#dropped,
    };
  }

  #count(fate: Call['fate']): number {
    return [...this.#calls.values()].filter((call) => call.fate === fate).length;
  }

  #until(end: number): void {
    while (this.#now < end) {
      this.#happen();
      if (this.#buffer.length === 0 && this.#turn === null) {
        if (this.#agenda.next === Infinity) return;
        this.#now = this.#agenda.next;
        continue;
      }
      for (const { call, step } of this.#buffer.splice(0, HANDED_OVER)) {
        this.#now += READING;
        const message = messageOf(call, step);
        this.#steps.set(message, { call, step });
        this.#intake.take({ message, octets: new Uint8Array(), flow: this.#flow });
      }
      const turn = this.#turn;
      this.#turn = null;
      turn?.();
    }
  }

  /** What was to come until now comes. */
  #happen(): void {
    while (this.#agenda.next <= this.#now) this.#agenda.take()();
  }

  /** Sends what is sent again until it is done. */
  #send(call: Call, step: Step, at = this.#now, wait = RFC_TIMERS.t1, waited = 0): void {
    if (call.done.has(step) || call.fate !== 'pending') return;
    if (waited >= 64 * RFC_TIMERS.t1) {
      call.fate = 'gave-up';
      return;
    }
    this.#put(call, step);
    const next = at + wait;
    const longer = step.startsWith('invite') ? 2 * wait : Math.min(2 * wait, RFC_TIMERS.t2);
    this.#agenda.add(next, () => this.#send(call, step, next, longer, waited + wait));
  }

  /** A datagram is with the system, if that has room. */
  #put(call: Call, step: Step): void {
    if (this.#buffer.length < BUFFER) this.#buffer.push({ call, step });
    else this.#lost++;
  }

  #served(message: SipRequest | SipResponse): void {
    this.#now += SERVING;
    this.#happen();
    const { call, step } = this.#of(message);
    const isFirst = !call.done.has(step);
    call.done.add(step);
    if (!isFirst || call.fate !== 'pending') return;
    if (step === 'invite') {
      this.#put(call, 'refused');
      this.#send(call, 'invite-again');
    } else if (step === 'invite-again') {
      this.#put(call, 'ringing');
      this.#send(call, 'answer');
    } else if (step === 'answer') {
      this.#put(call, 'ack');
      this.#send(call, 'bye');
    } else if (step === 'bye') this.#send(call, 'over');
    else if (step === 'over') call.fate = 'came-about';
  }

  #refused(message: SipRequest | SipResponse): void {
    const { call, step } = this.#of(message);
    if (step.startsWith('refused')) return;
    this.#now += REFUSING;
    this.#happen();
    if (!step.startsWith('invite') || call.fate !== 'pending' || call.done.has(step)) return;
    call.done.add(step);
    call.fate = 'put-off';
    this.#put(call, step === 'invite' ? 'refused' : 'refused-again');
  }

  #of(message: SipRequest | SipResponse): { readonly call: Call; readonly step: Step } {
    const of = this.#steps.get(message);
    if (of === undefined) throw new Error('nobody has sent it');
    return of;
  }
}

function messageOf({ id }: Call, step: Step): SipRequest | SipResponse {
  const branch = BRANCHES[step] ?? step;
  const fields = { 'Call-ID': id, Via: `SIP/2.0/UDP phone.example;branch=z9hG4bK${id}${branch}` };
  const within = { ...fields, To: '<sip:bob@home2.example>;tag=b' };
  switch (step) {
    case 'invite':
      return request('INVITE', fields);
    case 'invite-again':
      return request('INVITE', { ...fields, 'Proxy-Authorization': 'Digest username="alice"' });
    case 'ringing':
      return makeResponse(request('INVITE', fields), 180, { toTag: 'b' });
    case 'answer':
      return makeResponse(request('INVITE', fields), 200, { toTag: 'b' });
    case 'over':
      return makeResponse(request('BYE', within), 200);
    case 'bye':
      return request('BYE', within);
    case 'ack':
    case 'refused':
    case 'refused-again':
      return request('ACK', within);
  }
}

/** ACKs of refusals have the branch of what was refused. */
const BRANCHES: Partial<Record<Step, string>> = { refused: 'invite', 'refused-again': 'invite-again' };

/** What becomes of calls that are offered, so many a second. */
export function offered(rate: number, seconds: number): Outcome {
  return new OverloadedNode().run(rate, seconds);
}
