/**
 * Who sends a request outside a dialog (TS 33.203 in spirit): the CSCF of another home, which speaks for its users; a
 * subscriber, known by the flow of the registration or by digest; or nobody yet, who is asked.
 *
 * Over TCP the flow is the connection. Over UDP it is address and port, which a network must keep from being forged,
 * as IPsec does in IMS; where it does not, let subscribers use TCP.
 */
import type { Flow } from '../../sip/flow.ts';
import type { SipRequest } from '../../sip/message.ts';
import type { DigestAuthentication } from './authentication.ts';
import type { Peers } from './peers.ts';
import type { Subscriber } from './ports.ts';
import type { Registrar } from './registrar.ts';
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
    const hidden = claimed === null && anonymous(request);
    const fits = (subscriber: Subscriber): boolean => hidden || subscriber === claimed;
    const registered = this.#registrar.subscribersOf(flow).find(fits);
    if (registered !== undefined) return { kind: 'subscriber', subscriber: registered };
    const result = this.#authentication.authenticate(request, 'Proxy-Authorization', flow.local, claimed);
    if (result.kind === 'challenge') return result;
    if (!fits(result.subscriber)) return { kind: 'refused', status: 403 };
    return { kind: 'subscriber', subscriber: result.subscriber };
  }
}

function anonymous(request: SipRequest): boolean {
  const { uri } = request.from;
  return uri.kind === 'sip' && uri.host.toLowerCase() === 'anonymous.invalid';
}
