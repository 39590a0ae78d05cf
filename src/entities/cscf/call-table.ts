/**
 * The table of calls: bounded in all, for each who begins calls, and for other homes together, so that nobody fills it
 * for the others. A call ends with its last dialog; one that no message passes any more ends by its session timer
 * (RFC 4028), by the expiry of its subscription, else after a day.
 */
import type { Clock, Timer } from '../../bytes/ports.ts';
import type { SipMessage } from '../../sip/head-and-body.ts';
import type { SipResponse } from '../../sip/message.ts';
import { decimal } from '../../sip/text.ts';
import { callKey } from './calls.ts';
import type { Call, CallAttempt } from './calls.ts';
import type { CscfLimits } from './ports.ts';

/** Beyond a session timer: 64·T1. */
const GRACE_MS = 32_000;
/** RFC 4028 section 4: no session timer is shorter. */
const MIN_SESSION_SECONDS = 90;
/** Milliseconds of silence after which a call may make room for another of who began it. */
const STALE_MS = 3_600_000;

interface Entry {
  readonly call: Call;
  timer: Timer;
  /** Milliseconds for which it lives without a message. */
  idleMs: number;
  /** When the last message passed, by the steady clock. */
  seen: number;
}

/** Why one more call has no place: the table is full, the caller has enough of them, other homes have their part. */
export type CallRefusal = 'full' | 'caller' | 'peers';

export class CallTable {
  readonly #clock: Clock;
  readonly #limits: CscfLimits;
  readonly #entries = new Map<Call, Entry>();
  readonly #byKey = new Map<string, Set<Call>>();
  readonly #byOwner = new Map<string, Set<Call>>();
  readonly #refused: Record<CallRefusal, number> = { full: 0, caller: 0, peers: 0 };
  readonly #over: (attempt: CallAttempt) => void;
  #ofPeers = 0;

  /** @param over told of each attempt that is over: it was refused, or its last dialog has ended */
  constructor(clock: Clock, limits: CscfLimits, over: (attempt: CallAttempt) => void = () => undefined) {
    this.#clock = clock;
    this.#limits = limits;
    this.#over = over;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** All calls under way. */
  get all(): Iterable<Call> {
    return this.#entries.keys();
  }

  /** Calls that had no place since the start. */
  get refused(): Readonly<Record<CallRefusal, number>> {
    return this.#refused;
  }

  /** The calls under a message's Call-ID and tags: several, if others have taken them, or the call passes here twice. */
  candidates(message: SipMessage): Call[] {
    const { callId, fromTag, toTag } = message;
    const calls = [...(this.#byKey.get(callKey(callId, fromTag)) ?? [])];
    if ((toTag ?? '') !== (fromTag ?? '')) calls.push(...(this.#byKey.get(callKey(callId, toTag)) ?? []));
    return calls;
  }

  /** The call that a first request of this owner belongs to; `null`: a new one. */
  begunBy(owner: string, request: SipMessage): Call | null {
    for (const call of this.#byKey.get(callKey(request.callId, request.fromTag)) ?? []) {
      if (call.owner !== owner) continue;
      return call;
    }
    return null;
  }

  /** Why there is no place for one more call; `null`: there is. */
  refusal(owner: string, kind: 'subscriber' | 'peer'): CallRefusal | null {
    const { calls } = this.#limits;
    const own = this.#byOwner.get(owner)?.size ?? 0;
    if (this.size >= calls) return this.#count('full');
    if (own >= this.#mostOfOne) return this.#count('caller');
    // A quarter is for our own subscribers.
    return kind === 'peer' && this.#ofPeers >= Math.ceil((calls * 3) / 4) ? this.#count('peers') : null;
  }

  /**
   * The call of an owner with as many as it may have that makes room for another: one whose connection is gone, else
   * one that has been silent for an hour; the longest silent first, intercepted or not. `null`: none.
   */
  toMakeRoom(owner: string): Call | null {
    const calls = this.#byOwner.get(owner) ?? new Set();
    if (calls.size < this.#mostOfOne) return null;
    const entries = [...calls].flatMap((call) => this.#entries.get(call) ?? []);
    const oldest = entries.sort((x, y) => x.seen - y.seen);
    const silent = oldest.find(({ seen }) => this.#steady() - seen >= STALE_MS);
    return (oldest.find(({ call }) => isCutOff(call)) ?? silent)?.call ?? null;
  }

  /** A first INVITE or SUBSCRIBE of the call is under way. */
  begin(call: Call, attempt: CallAttempt): void {
    call.attempts.add(attempt);
    this.alive(call);
  }

  /** A first request has its final answer: a dialog is up, or that was nothing. */
  answered(call: Call, attempt: CallAttempt, response: SipResponse): void {
    attempt.pending = null;
    if (response.status < 300) attempt.dialogs.add(response.toTag ?? '');
    this.#endIfOver(call, attempt);
  }

  /** Forgets a call and gives its media sessions back. */
  end(call: Call): void {
    const entry = this.#entries.get(call);
    if (entry !== undefined) {
      entry.timer.cancel();
      this.#entries.delete(call);
      takeOut(this.#byKey, callKey(call.callId, call.callerTag), call);
      takeOut(this.#byOwner, call.owner, call);
      if (call.caller.kind === 'peer') this.#ofPeers -= 1;
    }
    for (const attempt of call.attempts) this.#over(attempt);
    call.media?.release();
  }

  /** A dialog has ended: its media sessions go back, and with the last one the call is over. */
  endDialog(call: Call, calleeTag: string): void {
    const attempt = call.met.get(calleeTag)?.attempt;
    if (attempt?.dialogs.delete(calleeTag) !== true) return;
    call.media?.releaseDialog(calleeTag);
    this.#endIfOver(call, attempt);
  }

  /** A message of somebody who may speak in the call has passed. */
  alive(call: Call): void {
    const known = this.#entries.get(call);
    const seen = this.#steady();
    if (known !== undefined) {
      known.seen = seen;
      return;
    }
    const { callIdleMs } = this.#limits;
    const timer = this.#clock.after(callIdleMs, () => this.#idle(call));
    this.#entries.set(call, { call, timer, idleMs: callIdleMs, seen });
    putIn(this.#byKey, callKey(call.callId, call.callerTag), call);
    putIn(this.#byOwner, call.owner, call);
    if (call.caller.kind === 'peer') this.#ofPeers += 1;
  }

  /** A 2xx has passed that says how long the call lives without another message. */
  refreshed(call: Call, response: SipResponse): void {
    const entry = this.#entries.get(call);
    if (entry === undefined) return;
    const { callIdleMs } = this.#limits;
    const ms = lifeOf(response);
    if (ms === null) return;
    entry.idleMs = Math.min(ms, callIdleMs);
    entry.seen = this.#steady();
    entry.timer.cancel();
    entry.timer = this.#clock.after(entry.idleMs, () => this.#idle(call));
  }

  close(): void {
    for (const call of [...this.#entries.keys()]) this.end(call);
  }

  /** The time of a call may be over: messages that have passed since it began to run do not set it again, they are looked for here. */
  #idle(call: Call): void {
    const entry = this.#entries.get(call);
    if (entry === undefined) return;
    const left = entry.seen + entry.idleMs - this.#steady();
    if (left <= 0) this.end(call);
    else entry.timer = this.#clock.after(left, () => this.#idle(call));
  }

  /** Calls that one caller may have: not more than half of the table. */
  get #mostOfOne(): number {
    return Math.min(this.#limits.callsOfOne, Math.ceil(this.#limits.calls / 2));
  }

  /** How long a call was silent does not depend on what the system's time was set to meanwhile. */
  #steady(): number {
    return this.#clock.steady?.() ?? this.#clock.now();
  }

  #count(why: CallRefusal): CallRefusal {
    this.#refused[why] += 1;
    return why;
  }

  #endIfOver(call: Call, attempt: CallAttempt): void {
    if (attempt.pending !== null || attempt.dialogs.size > 0) return;
    call.attempts.delete(attempt);
    this.#over(attempt);
    if (call.attempts.size === 0) this.end(call);
  }
}

/** Whether the connection is gone that the caller spoke on. */
function isCutOff({ caller }: Call): boolean {
  return caller.kind === 'subscriber' && caller.flow?.open === false;
}

/** Milliseconds of silence that a 2xx allows; `null`: it says nothing of that. `Infinity`: as long as anybody likes. */
function lifeOf(response: SipResponse): number | null {
  const { method } = response.cseq;
  const field = ['INVITE', 'UPDATE'].includes(method)
    ? response.first('Session-Expires')
    : method === 'SUBSCRIBE'
      ? response.first('Expires')
      : undefined;
  if (field === undefined) return null;
  const seconds = decimal(/^\s*(\d+)/.exec(field ?? '')?.[1] ?? '', 2 ** 32);
  return seconds === null ? Infinity : Math.max(seconds, MIN_SESSION_SECONDS) * 1000 + GRACE_MS;
}

function putIn<K>(map: Map<K, Set<Call>>, key: K, call: Call): void {
  map.set(key, (map.get(key) ?? new Set<Call>()).add(call));
}

function takeOut<K>(map: Map<K, Set<Call>>, key: K, call: Call): void {
  const calls = map.get(key);
  calls?.delete(call);
  if (calls?.size === 0) map.delete(key);
}
