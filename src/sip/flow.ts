/**
 * Where messages go: a flow is a connection, or a UDP socket with a remote address; a destination is where a flow is
 * opened to.
 */

import { bareHost, canonicalAddress } from '../bytes/network-address.ts';
import type { NetworkAddress } from '../bytes/network-address.ts';
import { SipError } from './errors.ts';
import { paramOf } from './text.ts';
import type { SipUri, Uri } from './uri.ts';

/** `TLS`: over TCP, to who has shown a certificate. */
export type Protocol = 'TCP' | 'UDP' | 'TLS';

/** Two ends that messages go between. Responses, and requests to who registered over it, use it again. */
export interface Flow {
  readonly protocol: Protocol;
  readonly local: NetworkAddress;
  readonly remote: NetworkAddress;
  /** Where what came over UDP was sent from: answers may be wanted at another port (RFC 3261 section 18.2.2). */
  readonly source?: NetworkAddress | undefined;
  /** Over TLS: SIP domains that the certificate at the other end proves; none where it has shown none. */
  readonly identities?: readonly string[];
  /** False once the connection is gone; UDP flows stay open. */
  readonly open: boolean;
  /** A request on it has proved whose it is: a connection is then kept longer, and before those of strangers. */
  vouch?(owner: string): void;
  /** Hands the octets to the network. @throws SipError `unreachable` if the flow is closed, `too-large` */
  send(octets: Uint8Array): void;
  /** The same of an answer that is sent once: it is the first not to be sent where much waits for the network. */
  sendOnce?(octets: Uint8Array): void;
}

/** Who speaks on a flow: where it really came from, whatever its messages say. */
export function sourceOf({ source, remote }: Flow): NetworkAddress {
  return source ?? remote;
}

/** Whether messages over it go by a connection. */
export function isConnection(protocol: Protocol): boolean {
  return protocol !== 'UDP';
}

/** What tells flows apart: over TCP and TLS the connection; over UDP, which has none, where its datagrams come from. */
export function flowKey(flow: Flow): Flow | string {
  if (isConnection(flow.protocol)) return flow;
  const { address, port } = sourceOf(flow);
  return `${address} ${port}`;
}

/** Whether two flows are one. */
export function sameFlow(a: Flow, b: Flow): boolean {
  return flowKey(a) === flowKey(b);
}

/** A connection that is gone, as what registered over it remembers it. */
export function closedFlow(local: NetworkAddress, remote: NetworkAddress, protocol: Protocol = 'TCP'): Flow {
  const send = (): never => {
    throw new SipError('unreachable', 'the connection is closed');
  };
  return { protocol, local, remote, open: false, send };
}

/** A next hop by name. */
export interface NextHop {
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
  /** No port was said: SRV records say where, if there are any (RFC 3263 section 4.2). */
  readonly service?: boolean;
  /** Where the same request has failed already: not there again (RFC 3263 section 4.3). */
  readonly failed?: readonly FailedPlace[];
}

/** A place that could not serve a request, and for how many seconds others are tried first. */
export interface FailedPlace {
  readonly at: NetworkAddress;
  readonly seconds: number;
}

/** Where next hops are to be found, best first. */
export interface HopLocator {
  /** @throws SipError `unreachable` */
  candidates(hop: NextHop): Promise<readonly NetworkAddress[]>;
  /** A place has failed: until its time is over, others come first. */
  avoid(place: FailedPlace): void;
}

/** Names to addresses; `HostMap` is one. */
export interface HostResolver {
  resolve(host: string, port: number): NetworkAddress;
}

/** RFC 3261 section 18.1: the port where none is given. */
export const DEFAULT_PORT = 5060;
/** The same for SIP over TLS. */
export const TLS_PORT = 5061;

/**
 * RFC 3263 as far as the URI goes: its transport, of sips: TLS, else `unsaid`; its port, else 5060, of TLS 5061. `null`:
 * not a SIP URI, or one that asks for another transport, for which another must not stand in.
 */
export function nextHopOf(uri: Uri, unsaid: Protocol): NextHop | null {
  if (uri.kind !== 'sip') return null;
  const protocol = protocolOf(uri, unsaid);
  if (protocol === null) return null;
  const host = bareHost(paramOf(uri.params, 'maddr') ?? uri.host);
  return { protocol, host: canonicalAddress(host.toLowerCase()), port: uri.port ?? defaultPort(protocol) };
}

export function defaultPort(protocol: Protocol): number {
  return protocol === 'TLS' ? TLS_PORT : DEFAULT_PORT;
}

/** RFC 5630: sips: over TCP is TLS; `transport=tls` is an older way to ask for one hop of it. */
function protocolOf({ scheme, params }: SipUri, unsaid: Protocol): Protocol | null {
  const said = paramOf(params, 'transport')?.toUpperCase() ?? null;
  if (scheme === 'sips') return said === null || said === 'TCP' || said === 'TLS' ? 'TLS' : null;
  if (said === null) return unsaid;
  return said === 'UDP' || said === 'TCP' || said === 'TLS' ? said : null;
}
