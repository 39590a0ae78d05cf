/**
 * The calls that go through this CSCF: whose they are, their ICID, their media sessions, and a turnstile, because a
 * message whose SDP must wait for the media gateway must not be overtaken by the next message of its call.
 *
 * A call is known by Call-ID and caller's tag: a Call-ID alone may be taken by anybody who has seen it. INVITEs that a
 * proxy before us forked are one call.
 */
import type { Side } from '../../wire/iq/sessions.ts';
import type { Clock, Timer } from '../../bytes/ports.ts';
import type { Dialog } from '../../sip/dialog.ts';
import type { Flow } from '../../sip/flow.ts';
import type { SipMessage, SipRequest, SipResponse } from '../../sip/message.ts';
import type { ServerTransaction } from '../../sip/server-transaction.ts';
import type { AnchoredCall } from './anchoring.ts';
import type { Subscriber } from './ports.ts';

/** The two halves of a dialog, as this node would speak in it. */
export interface DialogEnds {
  /** Towards the caller, as the callee. */
  readonly a: Dialog;
  /** Towards the callee, as the caller. */
  readonly b: Dialog;
  /** Sides that were sent a BYE. */
  readonly ended: Set<Side>;
}

export interface Call {
  readonly callId: string;
  /** From tag of the one who calls: requests with it go from `a` to `b`, others back. */
  readonly callerTag: string;
  readonly icid: string;
  /** Of the first request. */
  readonly method: string;
  /** Identities of the caller and of the callee, as they become known. */
  readonly parties: { readonly a: Set<string>; readonly b: Set<string> };
  /** Those of them that are subscribers of this home. */
  readonly subscribers: { readonly a: Set<Subscriber>; readonly b: Set<Subscriber> };
  /** What subscribers of this home spoke on: the caller, and callees by their tags. */
  readonly flows: { a: Flow | null; readonly b: Map<string, Flow> };
  /** First INVITEs or SUBSCRIBEs without a final answer. */
  readonly pending: Set<ServerTransaction>;
  /** Callee's tags of the dialogs that are up: of a forked call there may be several for a while. */
  readonly dialogs: Set<string>;
  /** Both ends of each dialog by the callee's tag, early ones too. */
  readonly ends: Map<string, DialogEnds>;
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

  /** The call that a message belongs to; it counts as alive again. */
  of(message: SipMessage): Call | null {
    const { callId, fromTag, toTag } = message;
    const entry = this.#calls.get(callKey(callId, fromTag)) ?? this.#calls.get(callKey(callId, toTag));
    if (entry === undefined) return null;
    this.#alive(entry.call);
    return entry.call;
  }

  /** A first INVITE or SUBSCRIBE of the call is under way. */
  begin(call: Call, invite: ServerTransaction): void {
    call.pending.add(invite);
    this.#alive(call);
  }

  /** A first INVITE has its final answer: a dialog is up, or that was nothing. */
  answered(call: Call, invite: ServerTransaction, response: SipResponse): void {
    call.pending.delete(invite);
    if (response.status < 300) call.dialogs.add(response.toTag ?? '');
    this.#endIfOver(call);
  }

  /** Forgets a call and gives its media sessions back. */
  end(call: Call): void {
    const key = callKey(call.callId, call.callerTag);
    const entry = this.#calls.get(key);
    if (entry?.call === call) {
      entry.timer.cancel();
      this.#calls.delete(key);
    }
    call.media?.release();
  }

  /** A dialog has ended: its media sessions go back, and with the last one the call is over. */
  endDialog(call: Call, calleeTag: string): void {
    call.flows.b.delete(calleeTag);
    if (!call.dialogs.delete(calleeTag)) return;
    call.media?.releaseDialog(calleeTag);
    this.#endIfOver(call);
  }

  close(): void {
    for (const { call } of [...this.#calls.values()]) this.end(call);
  }

  #alive(call: Call): void {
    const key = callKey(call.callId, call.callerTag);
    this.#calls.get(key)?.timer.cancel();
    const timer = this.#clock.after(this.#idleMs, () => this.end(call));
    this.#calls.set(key, { call, timer });
  }

  #endIfOver(call: Call): void {
    if (call.pending.size === 0 && call.dialogs.size === 0) this.end(call);
  }
}

/** A call of which nothing is known but its first request. */
export function newCall(
  request: SipRequest,
  icid: string,
  mediaFor: (parties: Call['parties']) => AnchoredCall | null,
): Call {
  const parties = { a: new Set<string>(), b: new Set<string>() };
  return {
    callId: request.callId,
    callerTag: request.fromTag ?? '',
    icid,
    method: request.method,
    parties,
    subscribers: { a: new Set(), b: new Set() },
    flows: { a: null, b: new Map() },
    pending: new Set(),
    dialogs: new Set(),
    ends: new Map(),
    turnstile: new Turnstile(),
    media: mediaFor(parties),
  };
}

/** What a call is known by. */
export function callKey(callId: string, callerTag: string | null): string {
  return `${callId}\n${callerTag ?? ''}`;
}

/** What the party on a side spoke on in the dialog that a message belongs to; `null`: not a subscriber of this home. */
export function flowOf(message: SipMessage, call: Call, side: Side): Flow | null {
  return side === 'a' ? call.flows.a : (call.flows.b.get(calleeTagOf(message, call) ?? '') ?? null);
}

/** From whose side a request comes, or the request that a response answers. */
export function sideOf(message: SipMessage, call: Call): Side {
  return fromCaller(message, call) ? 'a' : 'b';
}

/** The callee's tag of a message of the call. */
export function calleeTagOf(message: SipMessage, call: Call): string | null {
  return fromCaller(message, call) ? message.toTag : message.fromTag;
}

/** Phones of RFC 2543 have no tags. */
function fromCaller(message: SipMessage, call: Call): boolean {
  return (message.fromTag ?? '') === call.callerTag;
}
