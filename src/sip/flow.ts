/**
 * Where messages go: a flow is a connection, or a UDP socket with a remote address; a destination is where a flow is
 * opened to.
 */

import type { NetworkAddress } from '../bytes/network-address.ts';
import { SipError } from './errors.ts';
import { paramOf } from './text.ts';
import type { Uri } from './uri.ts';

export type Protocol = 'TCP' | 'UDP';

/** Two ends that messages go between. Responses, and requests to who registered over it, use it again. */
export interface Flow {
  readonly protocol: Protocol;
  readonly local: NetworkAddress;
  readonly remote: NetworkAddress;
  /** Where what came over UDP was sent from: answers may be wanted at another port (RFC 3261 section 18.2.2). */
  readonly source?: NetworkAddress;
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

/** What tells flows apart: over TCP the connection; over UDP, which has none, where its datagrams come from. */
export function flowKey(flow: Flow): Flow | string {
  if (flow.protocol === 'TCP') return flow;
  const { address, port } = sourceOf(flow);
  return `${address} ${port}`;
}

/** Whether two flows are one. */
export function sameFlow(a: Flow, b: Flow): boolean {
  return flowKey(a) === flowKey(b);
}

/** A connection that is gone, as what registered over it remembers it. */
export function closedFlow(local: NetworkAddress, remote: NetworkAddress): Flow {
  const send = (): never => {
    throw new SipError('unreachable', 'the connection is closed');
  };
  return { protocol: 'TCP', local, remote, open: false, send };
}

/** A next hop by name. */
export interface NextHop {
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
}

/** Names to addresses; `HostMap` is one. */
export interface HostResolver {
  resolve(host: string, port: number): NetworkAddress;
}

/** RFC 3261 section 18.1: the port where none is given. */
export const DEFAULT_PORT = 5060;

/**
 * RFC 3263 as far as a map of hosts goes: transport and port of the URI, else `unsaid` and 5060. `null`: not a SIP URI,
 * or one that asks for another transport, such as TLS, for which another must not stand in.
 */
export function nextHopOf(uri: Uri, unsaid: Protocol): NextHop | null {
  if (uri.kind !== 'sip' || uri.scheme === 'sips') return null;
  const protocol = (paramOf(uri.params, 'transport') ?? unsaid).toUpperCase();
  if (protocol !== 'UDP' && protocol !== 'TCP') return null;
  const host = bareHost(paramOf(uri.params, 'maddr') ?? uri.host);
  return { protocol, host: host.toLowerCase(), port: uri.port ?? DEFAULT_PORT };
}

/** A host without the brackets that IPv6 addresses have in URIs and Vias. */
export function bareHost(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}
