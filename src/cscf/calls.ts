/**
 * The calls that go through this CSCF, by Call-ID: whose they are, their ICID, their media sessions, and a turnstile,
 * because a message whose SDP must wait for the media gateway must not be overtaken by the next message of its call.
 */
import type { Clock, Timer } from '../bytes/ports.ts';
import type { SipMessage, SipRequest } from '../sip/message.ts';
import type { AnchoredCall, Side } from './anchoring.ts';

export interface Call {
  readonly callId: string;
  /** From tag of the one who calls: requests with it go from `a` to `b`, others back. */
  readonly callerTag: string;
  readonly icid: string;
  /** Identities of the caller and of the callee, as they become known. */
  readonly parties: { readonly a: Set<string>; readonly b: Set<string> };
  /** Callee's tags of the dialogs that are up: of a forked call there may be several for a while. */
  readonly dialogs: Set<string>;
  readonly turnstile: Turnstile;
  readonly media: AnchoredCall | null;
}

/** Lets one thing happen after the other; what need not wait happens at once. */
export class Turnstile {
  readonly #waiting: (() => Promise<void> | void)[] = [];
  #busy = false;

  /** Runs `action` when everything before it is done. Its failure is its own affair. */
  pass(action: () => Promise<void> | void): void {
    this.#waiting.push(action);
    if (!this.#busy) this.#next();
  }

  #next(): void {
    for (let action = this.#waiting.shift(); action !== undefined; action = this.#waiting.shift()) {
      this.#busy = true;
      const pending = action();
      if (pending !== undefined) {
        const go = (): void => {
          this.#busy = false;
          this.#next();
        };
        pending.then(go, go);
        return;
      }
      this.#busy = false;
    }
  }
}

export class CallTable {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #idleMs: number;
  readonly #calls = new Map<string, { call: Call; timer: Timer }>();

  constructor(clock: Clock, limit: number, idleMs: number) {
    this.#clock = clock;
    this.#limit = limit;
    this.#idleMs = idleMs;
  }

  get size(): number {
    return this.#calls.size;
  }

  get full(): boolean {
    return this.#calls.size >= this.#limit;
  }

  /** The call with this Call-ID; it counts as alive again. */
  get(callId: string): Call | null {
    const entry = this.#calls.get(callId);
    if (entry === undefined) return null;
    this.add(entry.call);
    return entry.call;
  }

  add(call: Call): void {
    this.#calls.get(call.callId)?.timer.cancel();
    const timer = this.#clock.after(this.#idleMs, () => this.end(call));
    this.#calls.set(call.callId, { call, timer });
  }

  /** Forgets a call and gives its media sessions back. */
  end(call: Call): void {
    const entry = this.#calls.get(call.callId);
    if (entry?.call === call) {
      entry.timer.cancel();
      this.#calls.delete(call.callId);
    }
    call.media?.release();
  }

  /** A dialog has ended: its media sessions go back, and with the last one the call is over. */
  endDialog(call: Call, calleeTag: string): void {
    if (!call.dialogs.delete(calleeTag)) return;
    if (call.dialogs.size === 0) this.end(call);
    else call.media?.releaseDialog(calleeTag);
  }

  close(): void {
    for (const { call } of [...this.#calls.values()]) this.end(call);
  }
}

/** From whose side a request comes. */
export function sideOf(request: SipRequest, call: Call): Side {
  return fromCaller(request, call) ? 'a' : 'b';
}

/** The callee's tag of a message of the call. */
export function calleeTagOf(message: SipMessage, call: Call): string | null {
  return fromCaller(message, call) ? message.toTag : message.fromTag;
}

/** Phones of RFC 2543 have no tags. */
function fromCaller(message: SipMessage, call: Call): boolean {
  return (message.fromTag ?? '') === call.callerTag;
}
