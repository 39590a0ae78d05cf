/**
 * Where a request goes (RFC 3261 sections 16.4 to 16.6): loose routing first; then contacts of our own subscribers,
 * the CSCF of another home, or nowhere. This node relays for nobody else.
 */
import { bareHost, sameAddress } from '../../bytes/network-address.ts';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import type { NextHop, Flow, Protocol } from '../../sip/flow.ts';
import { defaultPort, isConnection, nextHopOf, sourceOf } from '../../sip/flow.ts';
import type { SipRequest } from '../../sip/message.ts';
import { paramOf } from '../../sip/text.ts';
import { formatSipUri, isSips, parseUri } from '../../sip/uri.ts';
import type { Uri } from '../../sip/uri.ts';
import type { Peers } from './peers.ts';
import type { CscfSettings, Subscriber } from './ports.ts';
import { grOf } from './registrar.ts';
import type { Binding, Registrar } from './registrar.ts';
import type { Directory } from './subscribers.ts';

/** One place that a request is sent to. */
export interface Target {
  /** Request-URI there. */
  readonly uri: string;
  readonly hop: NextHop | Flow;
  /** `user`: user equipment, outside the trust domain. */
  readonly kind: 'user' | 'peer';
  /** Whose contact it is, where a first request goes to a subscriber of this home. */
  readonly subscriber?: Subscriber;
}

export type Route =
  | { readonly kind: 'targets'; readonly targets: readonly Target[]; readonly callee: Subscriber | null }
  /** The request is for this node itself. */
  | { readonly kind: 'self' }
  /** `warning`: a code that says more (RFC 3261 section 20.43). */
  | { readonly kind: 'refused'; readonly status: number; readonly warning?: 380 };

export class Router {
  readonly #settings: CscfSettings;
  readonly #directory: Directory;
  readonly #registrar: Registrar;
  readonly #peers: Peers;

  constructor(settings: CscfSettings, peers: Peers, directory: Directory, registrar: Registrar) {
    this.#settings = settings;
    this.#peers = peers;
    this.#directory = directory;
    this.#registrar = registrar;
  }

  /**
   * Section 16.4: takes the topmost Route values off that name this node, by its name or by the address that the request
   * came in on (a phone's preloaded Route).
   */
  takeOwnRoutes(request: SipRequest, local: NetworkAddress): void {
    const { routes } = request;
    const others = routes.findIndex(({ uri }) => !this.isSelf(uri, local));
    request.dropFirst('Route', others < 0 ? routes.length : others);
  }

  /** `host:port` of this node in Via and in warnings, over TCP and UDP, and over TLS. */
  get names(): string[] {
    const { host, port, tlsPort } = this.#settings;
    return [port, ...(tlsPort === undefined ? [] : [tlsPort])].map((each) => `${host}:${each}`);
  }

  /** Whether a URI names this node. */
  isSelf(uri: Uri, local: NetworkAddress): boolean {
    if (uri.kind !== 'sip') return false;
    const host = uri.host.toLowerCase();
    if (host === this.#settings.host) return true;
    const port = uri.port ?? defaultPort(nextHopOf(uri, 'TCP')?.protocol ?? 'TCP');
    return sameAddress({ address: bareHost(host), port }, local);
  }

  /** Where a request outside a dialog goes that came in on `local`. */
  initial(request: SipRequest, local: NetworkAddress): Route {
    const uri = parseUri(request.uri);
    const [route] = request.routes;
    if (route !== undefined) return secured(request.uri, this.#byRoute(request.uri, route.uri));
    if (uri.kind === 'other') return { kind: 'refused', status: 416 };
    if (uri.kind === 'sip' && uri.user === null && (this.#directory.owns(uri) || this.isSelf(uri, local)))
      return { kind: 'self' };
    const callee = this.#directory.subscriber(uri);
    if (callee !== null) return this.#contacts(callee, grOf(uri), isSips(request.uri));
    if (this.#directory.owns(uri)) return { kind: 'refused', status: 404 };
    const peer = this.#directory.peer(uri);
    if (peer === null) return { kind: 'refused', status: 404 };
    return secured(request.uri, targets([{ uri: request.uri, hop: peer.cscf, kind: 'peer' }]));
  }

  /**
   * Where a call goes that `callee` does not take: to the contacts of its mailbox. None if it has none, or none that is
   * registered; or if it is the mailbox that calls.
   */
  mailboxOf(callee: Subscriber | null, caller: Subscriber | null, uri: string): readonly Target[] {
    if (callee?.mailbox === undefined) return [];
    const mailbox = this.#directory.subscriber(parseUri(callee.mailbox.identity));
    if (mailbox === null || mailbox === caller || mailbox === callee) return [];
    const route = this.#contacts(mailbox, null, isSips(uri));
    return route.kind === 'targets' ? route.targets : [];
  }

  /**
   * Where a request within a dialog goes: its next Route, else its Request-URI, the contact of the far end: over the
   * flow that it registered, if it is one of `ends`. Anybody may register a contact that is another's. A subscriber
   * whose Contact in the dialog is not the one that it registered (phones over TCP put the port there that they connect
   * from) is reached over `flow`, on which it spoke in this dialog, or over its one open connection. The URI leads there
   * only if it is on a host where the subscriber is known to be: whoever sends the request may write what it likes.
   */
  inDialog(request: SipRequest, ends: readonly Subscriber[], flow: Flow | null): Route {
    return secured(request.uri, this.#inDialog(request, ends, flow));
  }

  #inDialog(request: SipRequest, ends: readonly Subscriber[], flow: Flow | null): Route {
    const [route] = request.routes;
    if (route !== undefined) return this.#byRoute(request.uri, route.uri);
    const uri = parseUri(request.uri);
    const parties = ends.flatMap((end) => this.#directory.generationsOf(end));
    const binding = this.#registrar.byContact(uri, parties);
    if (binding !== null)
      return targets([toBinding(binding, grOf(uri) === null ? request.uri : binding.contact.uri.text)]);
    const hop = this.#connectionOf(parties, flow) ?? this.#atHost(parties, flow, uri);
    if (hop === null) return { kind: 'refused', status: 404 };
    return targets([{ uri: request.uri, hop, kind: 'user' }]);
  }

  /** The open connection of a subscriber in a dialog: the one that it spoke on, else the only one that it registered over. */
  #connectionOf(parties: readonly Subscriber[], flow: Flow | null): Flow | null {
    if (flow !== null && isOpenConnection(flow)) return flow;
    const registered = parties.flatMap((party) => this.#registrar.bindings(party));
    const connections = new Set(registered.map((binding) => binding.flow).filter(isOpenConnection));
    const [only] = connections;
    return connections.size === 1 && registered.length === 1 ? (only ?? null) : null;
  }

  /** Where a URI leads, on a host that the subscriber speaks from; else `flow`; else on a host that it registered. */
  #atHost(parties: readonly Subscriber[], flow: Flow | null, uri: Uri): NextHop | Flow | null {
    const hop = userHopOf(uri);
    const bindings = parties.flatMap((party) => this.#registrar.bindings(party));
    const flows = [...(flow === null ? [] : [flow]), ...bindings.map((binding) => binding.flow)];
    if (hop !== null && flows.some((each) => sourceOf(each).address === hop.host)) return hop;
    if (flow !== null && flow.open) return flow;
    const registered = bindings.some(({ contact }) => userHopOf(contact.uri)?.host === hop?.host);
    return registered ? hop : null;
  }

  /**
   * Record-Route values for a request to `uri` from one protocol to another, topmost first (RFC 5658 where they differ;
   * sips: where the request is, RFC 3261 section 16.6 step 4).
   */
  recordRoutes(uri: string, from: Protocol, to: Protocol): string[] {
    const { host, port, tlsPort = port } = this.#settings;
    const value = (protocol: Protocol): string => {
      if (isSips(uri)) return `<sips:${host}:${tlsPort};lr>`;
      const own = protocol === 'TLS' ? tlsPort : port;
      return `<sip:${host}:${own};transport=${protocol.toLowerCase()};lr>`;
    };
    return from === to ? [value(to)] : [value(to), value(from)];
  }

  #byRoute(uri: string, route: Uri): Route {
    const hop = this.#peers.hopOf(route);
    if (hop === null) return { kind: 'refused', status: 404 };
    return targets([{ uri, hop, kind: 'peer' }]);
  }

  /** `secure`: by sips:, which only contacts that are such are registered for (RFC 5630). */
  #contacts(callee: Subscriber, gr: string | null, secure: boolean): Route {
    const bindings = this.#registrar.bindings(callee, gr);
    if (bindings.length === 0) return { kind: 'refused', status: 480 };
    const able = bindings.filter(({ contact, flow }) => !secure || isSecured(contact.uri, flow));
    if (able.length === 0) return SIPS_NOT_ALLOWED;
    return targets(
      able.map((binding) => toBinding(binding, spokenTo(binding.contact.uri, secure))),
      callee,
    );
  }
}

/** RFC 5630: a request by sips: has nowhere to go over TLS. */
const SIPS_NOT_ALLOWED: Route = { kind: 'refused', status: 480, warning: 380 };

/** Of a request by sips:, the targets that are reached over TLS; none, and it is refused. */
function secured(uri: string, route: Route): Route {
  if (!isSips(uri) || route.kind !== 'targets') return route;
  const able = route.targets.filter(({ hop }) => hop.protocol === 'TLS');
  return able.length === 0 ? SIPS_NOT_ALLOWED : { ...route, targets: able };
}

function isSecured(uri: Uri, flow: Flow): boolean {
  return isSips(uri.text) && flow.protocol === 'TLS' && flow.open;
}

/** A contact by sips: is there for calls by sip: too, which it must not be mistaken for (RFC 5630). */
function spokenTo(uri: Uri, secure: boolean): string {
  if (uri.kind !== 'sip' || secure || uri.scheme === 'sip') return uri.text;
  return formatSipUri({ ...uri, scheme: 'sip' });
}

function isOpenConnection(flow: Flow): boolean {
  return flow.open && isConnection(flow.protocol);
}

function targets(list: readonly Target[], callee: Subscriber | null = null): Route {
  return { kind: 'targets', targets: list, callee };
}

/** Where a user's URI leads, if not by `maddr` to somebody else. */
function userHopOf(uri: Uri): NextHop | null {
  const elsewhere = uri.kind === 'sip' && paramOf(uri.params, 'maddr') !== null;
  return elsewhere ? null : nextHopOf(uri, 'UDP');
}

/** The flow that the contact registered over, or where its URI says if that is gone or one way only. */
function toBinding(binding: Binding, uri: string): Target {
  const hop = binding.flow.open && binding.reachable ? binding.flow : userHopOf(binding.contact.uri);
  return { uri, hop: hop ?? binding.flow, kind: 'user', subscriber: binding.subscriber };
}
