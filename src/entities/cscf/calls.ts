/**
 * The calls that go through this CSCF: whose they are, their ICID, their media sessions, and a turnstile, because a
 * message whose SDP must wait for the media gateway must not be overtaken by the next message of its call.
 *
 * A call is known by Call-ID, caller's tag and who began it: Call-ID and tag may be taken by anybody who has seen them.
 * INVITEs of one caller under one Call-ID and tag, such as those that a proxy before us forked, are one call, each an
 * attempt of its own with the dialogs that come of it.
 */
import type { Side } from '../../wire/iq/sessions.ts';
import type { Dialog } from '../../sip/dialog.ts';
import type { Flow } from '../../sip/flow.ts';
import type { SipMessage } from '../../sip/head-and-body.ts';
import type { SipRequest } from '../../sip/message.ts';
import type { ServerTransaction } from '../../sip/server-transaction.ts';
import type { AnchoredCall } from './anchoring.ts';
import type { Subscriber } from './ports.ts';
import type { Target } from './routing.ts';
import type { Session } from './sessions.ts';

/** Dialogs of a call that are remembered, be they early, up or over, and that may be up. */
const MAX_MET = 128;
export const MAX_DIALOGS_UP = 32;
/** Exchanges of a call at a time. */
export const MAX_ATTEMPTS = 32;

/** The two halves of a dialog, as this node would speak in it. */
export interface DialogEnds {
  /** Towards the caller, as the callee. */
  readonly a: Dialog;
  /** Towards the callee, as the caller. */
  readonly b: Dialog;
  /** Sides that were sent a BYE. */
  readonly ended: Set<Side>;
}

/** Who is at one end of a dialog, and so may speak there. */
export type DialogParty =
  /** `flow`: what it spoke on; `null` if it was sent for by name. */
  | { readonly kind: 'subscriber'; readonly subscriber: Subscriber; flow: Flow | null }
  | { readonly kind: 'peer' };

/** Who answered under a tag, and what. */
export interface Met {
  readonly attempt: CallAttempt;
  readonly end: DialogParty;
}

/** A first request, and the dialogs that came of it. */
export interface CallAttempt {
  /** `null` once it has its final answer. */
  pending: ServerTransaction | null;
  /** Identities of the caller and of the callee. */
  readonly parties: { readonly a: ReadonlySet<string>; readonly b: Set<string> };
  /** Whom the request was sent to. */
  callees: readonly DialogParty[];
  /** Callee's tags of the dialogs that are up: of a forked call there may be several for a while. */
  readonly dialogs: Set<string>;
  /** Branches that it went out on. */
  readonly branches: Set<string>;
  /** What the point of interception knows. */
  readonly session: Session | null;
}

export interface Call {
  readonly callId: string;
  /** From tag of the one who calls: requests with it go from `a` to `b`, others back. */
  readonly callerTag: string;
  /** Who began it: a subscriber, or somebody whom another home speaks for. */
  readonly owner: string;
  readonly caller: DialogParty;
  readonly icid: string;
  /** Of the first request. */
  readonly method: string;
  /** Those that wait for their answer or have dialogs that are up. */
  readonly attempts: Set<CallAttempt>;
  /** By callee's tags, the longest known first. */
  readonly met: Map<string, Met>;
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

/** A call of which nothing is known but its first request. */
export function newCall(
  request: SipRequest,
  { icid, owner, caller }: Pick<Call, 'icid' | 'owner' | 'caller'>,
  mediaFor: (attempts: Call['attempts']) => AnchoredCall | null,
): Call {
  const attempts: Call['attempts'] = new Set();
  return {
    callId: request.callId,
    callerTag: request.fromTag ?? '',
    owner,
    caller,
    icid,
    method: request.method,
    attempts,
    met: new Map(),
    ends: new Map(),
    turnstile: new Turnstile(),
    media: mediaFor(attempts),
  };
}

/** What calls are found by. */
export function callKey(callId: string, callerTag: string | null): string {
  return `${callId}\n${callerTag ?? ''}`;
}

/** Who is at the end that a target leads to. */
export function endOf({ subscriber, hop }: Target): DialogParty {
  if (subscriber === undefined) return { kind: 'peer' };
  return { kind: 'subscriber', subscriber, flow: 'send' in hop ? hop : null };
}

/** Remembers who answered a first request under a tag; of too many, those go first that are not up. */
export function meet(call: Call, attempt: CallAttempt, calleeTag: string, end: DialogParty): void {
  if (call.met.has(calleeTag)) return;
  call.met.set(calleeTag, { attempt, end });
  if (call.met.size <= MAX_MET) return;
  const [oldest] = [...call.met.keys()].filter((tag) => tag !== calleeTag && !isUp(call, tag));
  if (oldest !== undefined) call.met.delete(oldest);
}

/** What the point of interception knows of a dialog; of one whose tag nobody has heard, of the call's first attempt. */
export function sessionOf(call: Call, calleeTag: string | null): Session | null {
  const [first] = call.attempts;
  return (call.met.get(calleeTag ?? '')?.attempt ?? first)?.session ?? null;
}

/** Who may be at one end of the dialog with this tag: who answered under it, else all that were asked. */
export function endsAt(call: Call, side: Side, calleeTag: string | null): readonly DialogParty[] {
  if (side === 'a') return [call.caller];
  const end = call.met.get(calleeTag ?? '')?.end;
  return end === undefined ? [...call.attempts].flatMap(({ callees }) => callees) : [end];
}

/** The subscribers of this home who may be at that end. */
export function subscribersAt(call: Call, side: Side, calleeTag: string | null): Subscriber[] {
  const ends = endsAt(call, side, calleeTag);
  return [...new Set(ends.flatMap((end) => (end.kind === 'subscriber' ? [end.subscriber] : [])))];
}

/** What the party at that end spoke on in this dialog; `null`: not a subscriber of this home, or nobody knows yet. */
export function flowAt(call: Call, side: Side, calleeTag: string | null): Flow | null {
  const [end, ...others] = endsAt(call, side, calleeTag);
  return end?.kind === 'subscriber' && others.length === 0 ? end.flow : null;
}

/** Whether a dialog is up. */
export function isUp(call: Call, calleeTag: string): boolean {
  return call.met.get(calleeTag)?.attempt.dialogs.has(calleeTag) ?? false;
}

/** Dialogs that are up. */
export function dialogsUp(call: Call): number {
  return [...call.attempts].reduce((sum, { dialogs }) => sum + dialogs.size, 0);
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
