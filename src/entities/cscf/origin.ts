/**
 * Who sends a request outside a dialog (TS 33.203 in spirit): the CSCF of another home, which speaks for its users; a
 * subscriber, known by the flow of the registration or by digest; or nobody yet, who is asked.
 *
 * Over TCP the flow is the connection. Over UDP it is address and port, which a network must keep from being forged,
 * as IPsec does in IMS; where it does not, let subscribers use TCP.
 */
import { assertedIdentities } from '../../sip/asserted-identity.ts';
import { sameFlow } from '../../sip/flow.ts';
import { divertedNames } from '../../sip/further-names.ts';
import type { Flow } from '../../sip/flow.ts';
import type { SipRequest } from '../../sip/message.ts';
import type { ServerTransaction } from '../../sip/server-transaction.ts';
import { addressOfRecord } from '../../sip/uri.ts';
import type { Uri } from '../../sip/uri.ts';
import type { DigestAuthentication } from './authentication.ts';
import type { Peers } from './peers.ts';
import type { Subscriber } from './ports.ts';
import type { Registrar } from './registrar.ts';
import type { CallAttempt } from './calls.ts';
import { publicIdentitiesOf } from './subscribers.ts';
import type { Directory } from './subscribers.ts';

export type Origin =
  | { readonly kind: 'subscriber'; readonly subscriber: Subscriber }
  | { readonly kind: 'peer' }
  | { readonly kind: 'challenge'; readonly challenges: readonly string[] }
  | { readonly kind: 'refused'; readonly status: number };

export class Origins {
  readonly #directory: Directory;
  readonly #registrar: Registrar;
  readonly #authentication: DigestAuthentication;
  readonly #peers: Peers;

  constructor(
    peers: Peers,
    directory: Directory,
    registrar: Registrar,
    authentication: DigestAuthentication,
  ) {
    this.#directory = directory;
    this.#registrar = registrar;
    this.#authentication = authentication;
    this.#peers = peers;
  }

  of(request: SipRequest, flow: Flow): Origin {
    if (this.#peers.sent(request, flow)) return { kind: 'peer' };
    const claimed = this.#directory.subscriber(request.from.uri);
    const hidden = claimed === null && isAnonymous(request.from.uri);
    const fits = (subscriber: Subscriber): boolean => hidden || subscriber === claimed;
    const present = (subscriber: Subscriber): boolean => this.#directory.has(subscriber);
    const registered = this.#registrar.subscribersOf(flow).filter(present).find(fits);
    if (registered !== undefined) return { kind: 'subscriber', subscriber: registered };
    const result = this.#authentication.authenticate(request, 'Proxy-Authorization', flow.local, claimed);
    if (result.kind === 'challenge') return result;
    if (!fits(result.subscriber)) return { kind: 'refused', status: 403 };
    return { kind: 'subscriber', subscriber: result.subscriber };
  }

  /** Whether a CANCEL or an ACK, whose sender cannot be asked who it is, is from who sent the INVITE. */
  isSame(invite: ServerTransaction, request: SipRequest, flow: Flow): boolean {
    if (sameFlow(invite.flow, flow)) return true;
    if (this.#peers.sent(invite.request, invite.flow)) return this.#peers.sent(request, flow);
    const here = this.#registrar.subscribersOf(flow);
    return this.#registrar.subscribersOf(invite.flow).some((subscriber) => here.includes(subscriber));
  }
}

/** By whom a call counts as begun: the subscriber, or who another home says that it is. */
export function ownerOf(request: SipRequest, origin: Origin): string {
  if (origin.kind === 'subscriber') return origin.subscriber.identity;
  const [asserted] = assertedIdentities(request).addresses;
  const { uri } = asserted ?? request.from;
  return `peer ${isAnonymous(uri) ? request.callId : addressOfRecord(uri)}`;
}

/** Identities of caller and callee, for the gateway. */
export function partiesOf(
  request: SipRequest,
  origin: Origin,
  callee: Subscriber | null,
): CallAttempt['parties'] {
  const caller = origin.kind === 'subscriber' ? publicIdentitiesOf(origin.subscriber) : [];
  const asserted = origin.kind === 'peer' ? assertedIdentities(request).addresses : [];
  const called = callee === null ? [] : publicIdentitiesOf(callee);
  return {
    a: new Set([...[request.from, ...asserted].map(({ uri }) => uri.text), ...caller]),
    b: new Set([request.to.uri.text, request.uri, ...divertedNames(request), ...called]),
  };
}

function isAnonymous(uri: Uri): boolean {
  return uri.kind === 'sip' && uri.host.toLowerCase() === 'anonymous.invalid';
}
