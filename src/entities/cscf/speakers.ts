/**
 * Who may speak in a call: Call-ID and tags are no secret, so that a request within a call counts only from who
 * is at that end of the dialog: over the flow that it spoke on or registered over, as the user that digest shows it to
 * be, or, where another home has that end, from its CSCF. Phones whose NAT or connection has changed are asked for
 * digest once, and spoken to there from then on. An ACK cannot be asked, and goes no further.
 *
 * Several calls may have one Call-ID and tag: of a call that passes here twice, by way of another home, or of others who
 * have taken them. Who speaks tells them apart.
 */
import type { Side } from '../../wire/iq/sessions.ts';
import { sameFlow } from '../../sip/flow.ts';
import type { Flow } from '../../sip/flow.ts';
import type { SipRequest } from '../../sip/message.ts';
import type { Observed } from '../../sip/transactions.ts';
import type { DigestAuthentication } from './authentication.ts';
import type { CallTable } from './call-table.ts';
import { calleeTagOf, endsAt, sessionOf, sideOf } from './calls.ts';
import type { Call, DialogParty } from './calls.ts';
import type { Peers } from './peers.ts';
import type { Registrar } from './registrar.ts';
import type { Session } from './sessions.ts';

/** A call, and the end of it that somebody speaks from. */
export interface Spoken {
  readonly call: Call;
  readonly side: Side;
  readonly calleeTag: string | null;
}

export type Judgement =
  | { readonly kind: 'admitted'; readonly spoken: Spoken }
  | { readonly kind: 'challenge'; readonly challenges: readonly string[] }
  | { readonly kind: 'refused'; readonly status: 403 | 481 };

export class Speakers {
  readonly #calls: CallTable;
  readonly #peers: Peers;
  readonly #registrar: Registrar;
  readonly #authentication: DigestAuthentication;

  constructor(calls: CallTable, peers: Peers, registrar: Registrar, authentication: DigestAuthentication) {
    this.#calls = calls;
    this.#peers = peers;
    this.#registrar = registrar;
    this.#authentication = authentication;
  }

  /** Where a request belongs that came on `flow`, as far as the flow shows; `null`: to no call that may be spoken in from there. */
  of(request: SipRequest, flow: Flow): Spoken | null {
    const here = (spoken: Spoken): boolean => endsOf(spoken).some((end) => this.#isAt(end, request, flow));
    return this.#candidates(request).find(here) ?? null;
  }

  /** The same with digest, for a request that can be asked for it. */
  judge(request: SipRequest, flow: Flow): Judgement {
    const spoken = this.of(request, flow);
    if (spoken !== null) return { kind: 'admitted', spoken };
    const candidates = this.#candidates(request);
    if (candidates.length === 0) return { kind: 'refused', status: 481 };
    const [claimed] = candidates.flatMap(endsOf).flatMap(subscriberOf);
    if (claimed === undefined) return { kind: 'refused', status: 403 };
    const result = this.#authentication.authenticate(request, 'Proxy-Authorization', flow.local, claimed);
    if (result.kind === 'challenge') return result;
    // Of the same identity: its settings may be others than when the call began.
    const is = (end: DialogParty): boolean =>
      end.kind === 'subscriber' && end.subscriber.identity === result.subscriber.identity;
    const own = candidates.find((candidate) => endsOf(candidate).some(is));
    if (own === undefined) return { kind: 'refused', status: 403 };
    for (const end of endsOf(own)) if (is(end) && end.kind === 'subscriber') end.flow = flow;
    return { kind: 'admitted', spoken: own };
  }

  /** The session of a request within a call that came from who may speak there. */
  sessionOf(request: SipRequest, { direction, flow }: Observed): Session | null {
    const spoken = direction === 'received' ? this.of(request, flow) : null;
    return spoken === null ? null : sessionOf(spoken.call, spoken.calleeTag);
  }

  /** Calls under its Call-ID and tags; those first in which the dialog is known. */
  #candidates(request: SipRequest): Spoken[] {
    const spoken = this.#calls.candidates(request).map((call) => ({
      call,
      side: sideOf(request, call),
      calleeTag: calleeTagOf(request, call),
    }));
    const knows = ({ call, calleeTag }: Spoken): boolean => call.met.has(calleeTag ?? '');
    return [...spoken.filter(knows), ...spoken.filter((each) => !knows(each))];
  }

  #isAt(end: DialogParty, request: SipRequest, flow: Flow): boolean {
    if (end.kind === 'peer') return this.#peers.sent(request, flow);
    if (end.flow !== null && sameFlow(end.flow, flow)) return true;
    return this.#registrar.subscribersOf(flow).some(({ identity }) => identity === end.subscriber.identity);
  }
}

function endsOf({ call, side, calleeTag }: Spoken): readonly DialogParty[] {
  return endsAt(call, side, calleeTag);
}

function subscriberOf(end: DialogParty) {
  return end.kind === 'subscriber' ? [end.subscriber] : [];
}
