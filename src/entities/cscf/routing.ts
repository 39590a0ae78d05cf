/**
 * Where a request goes (RFC 3261 sections 16.4 to 16.6): loose routing first; then contacts of our own subscribers,
 * the CSCF of another home, or nowhere. This node relays for nobody else.
 */
import type { Destination, Flow, Protocol } from '../../sip/flow.ts';
import { DEFAULT_PORT } from '../../sip/flow.ts';
import type { SipRequest } from '../../sip/message.ts';
import { paramOf } from '../../sip/text.ts';
import { parseUri } from '../../sip/uri.ts';
import type { Uri } from '../../sip/uri.ts';
import type { CscfSettings, Subscriber } from './ports.ts';
import { grOf } from './registrar.ts';
import type { Binding, Registrar } from './registrar.ts';
import type { Directory } from './subscribers.ts';

/** One place that a request is sent to. */
export interface Target {
  /** Request-URI there. */
  readonly uri: string;
  readonly hop: Destination | Flow;
  /** `user`: user equipment, outside the trust domain. */
  readonly kind: 'user' | 'peer';
}

export type Route =
  | { readonly kind: 'targets'; readonly targets: readonly Target[]; readonly callee: Subscriber | null }
  /** The request is for this node itself. */
  | { readonly kind: 'self' }
  | { readonly kind: 'refused'; readonly status: number };

export class Router {
  readonly #settings: CscfSettings;
  readonly #directory: Directory;
  readonly #registrar: Registrar;

  constructor(settings: CscfSettings, directory: Directory, registrar: Registrar) {
    this.#settings = settings;
    this.#directory = directory;
    this.#registrar = registrar;
  }

  /** Section 16.4: takes the topmost Route values off that name this node. */
  takeOwnRoutes(request: SipRequest): void {
    for (let top = request.routes[0]; top !== undefined && this.#isSelf(top.uri); top = request.routes[0])
      request.replaceFirst('Route', null);
  }

  /** Where a request outside a dialog goes. */
  initial(request: SipRequest): Route {
    const uri = parseUri(request.uri);
    const [route] = request.routes;
    if (route !== undefined) return this.#byRoute(request.uri, route.uri);
    if (uri.kind === 'other') return { kind: 'refused', status: 416 };
    if (uri.kind === 'sip' && uri.user === null && this.#directory.owns(uri)) return { kind: 'self' };
    const callee = this.#directory.subscriber(uri);
    if (callee !== null) return this.#contacts(callee, grOf(uri));
    if (this.#directory.owns(uri)) return { kind: 'refused', status: 404 };
    const peer = this.#directory.peer(uri);
    if (peer === null) return { kind: 'refused', status: 404 };
    return targets([{ uri: request.uri, hop: peer.cscf, kind: 'peer' }]);
  }

  /**
   * Where a request within a dialog goes: its next Route, else its Request-URI, the contact of the far end: over the
   * flow that it registered, if it is one of `parties`. Anybody may register a contact that is another's.
   */
  inDialog(request: SipRequest, parties: Iterable<Subscriber>): Route {
    const [route] = request.routes;
    if (route !== undefined) return this.#byRoute(request.uri, route.uri);
    const uri = parseUri(request.uri);
    const binding = this.#registrar.byContact(uri, parties);
    if (binding !== null)
      return targets([toBinding(binding, grOf(uri) === null ? request.uri : binding.contact.uri.text)]);
    const hop = destinationOf(uri);
    if (hop === null) return { kind: 'refused', status: 416 };
    return targets([{ uri: request.uri, hop, kind: 'user' }]);
  }

  /** Record-Route values for a request from one protocol to another, topmost first (RFC 5658 where they differ). */
  recordRoutes(from: Protocol, to: Protocol): string[] {
    const value = (protocol: Protocol): string =>
      `<sip:${this.#settings.host}:${this.#settings.port};transport=${protocol.toLowerCase()};lr>`;
    return from === to ? [value(to)] : [value(to), value(from)];
  }

  #byRoute(uri: string, route: Uri): Route {
    const peer = route.kind === 'sip' ? this.#directory.peerOf(route.host.toLowerCase()) : null;
    const hop = destinationOf(route);
    if (peer === null || hop === null) return { kind: 'refused', status: 404 };
    return targets([{ uri, hop, kind: 'peer' }]);
  }

  #contacts(callee: Subscriber, gr: string | null): Route {
    const bindings = this.#registrar.bindings(callee, gr);
    if (bindings.length === 0) return { kind: 'refused', status: 480 };
    return targets(
      bindings.map((binding) => toBinding(binding, binding.contact.uri.text)),
      callee,
    );
  }

  #isSelf(uri: Uri): boolean {
    return uri.kind === 'sip' && uri.host.toLowerCase() === this.#settings.host;
  }
}

function targets(list: readonly Target[], callee: Subscriber | null = null): Route {
  return { kind: 'targets', targets: list, callee };
}

/** The flow that the contact registered over, or where its URI says if that is gone or one way only. */
function toBinding(binding: Binding, uri: string): Target {
  const hop = binding.flow.open && binding.reachable ? binding.flow : destinationOf(binding.contact.uri);
  return { uri, hop: hop ?? binding.flow, kind: 'user' };
}

/** RFC 3263 as far as a map of hosts goes: transport and port of the URI, else UDP and 5060. */
function destinationOf(uri: Uri): Destination | null {
  if (uri.kind !== 'sip') return null;
  const transport = paramOf(uri.params, 'transport')?.toLowerCase() ?? 'udp';
  if (transport !== 'udp' && transport !== 'tcp') return null;
  const host = paramOf(uri.params, 'maddr') ?? uri.host;
  return {
    protocol: transport === 'tcp' ? 'TCP' : 'UDP',
    host: host.toLowerCase(),
    port: uri.port ?? DEFAULT_PORT,
  };
}
