/**
 * The CSCFs of other homes, as configured: by a name that the host map or DNS leads to an address, or by an address.
 * What comes from a peer carries its name or its address in Via and Route, as the peer likes.
 */
import { canonicalAddress } from '../../bytes/network-address.ts';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import { bareHost, DEFAULT_PORT } from '../../sip/flow.ts';
import type { Flow, Protocol } from '../../sip/flow.ts';
import type { SipRequest } from '../../sip/message.ts';
import type { Uri } from '../../sip/uri.ts';
import type { PeerHome } from './ports.ts';

/** Where a host is to be found: all its addresses, none if it has none at the moment. */
export type AddressesOf = (host: string, port: number) => readonly NetworkAddress[];

export class Peers {
  readonly #peers: readonly PeerHome[];
  readonly #addressesOf: AddressesOf;

  constructor(peers: readonly PeerHome[], addressesOf: AddressesOf) {
    this.#peers = peers;
    this.#addressesOf = addressesOf;
  }

  /** The home with this domain, or whose CSCF has this host name. */
  byHost(host: string): PeerHome | null {
    return this.#peers.find((peer) => peer.domain === host || peer.cscf.host === host) ?? null;
  }

  /** The home whose CSCF a Route value names, by name or by address and port. */
  byRoute(uri: Uri): PeerHome | null {
    if (uri.kind !== 'sip') return null;
    const host = uri.host.toLowerCase();
    return this.byHost(host) ?? this.#byAddress(bareHost(host), uri.port ?? DEFAULT_PORT);
  }

  /**
   * Whether a request comes from the CSCF of another home: its name or address in Via, its address on the wire, and over
   * UDP its port too. A media gateway at the same address sends what strangers hand it, but never from that port.
   */
  sent(request: SipRequest, flow: Flow): boolean {
    const { host, port } = request.topVia;
    const name = host.toLowerCase();
    const peer =
      this.#peers.find(({ cscf }) => cscf.host === name) ??
      this.#byAddress(bareHost(name), port ?? DEFAULT_PORT);
    const source = flow.source ?? flow.remote;
    return peer !== null && this.#at(peer).some((at) => isFrom(at, source, flow.protocol));
  }

  /** Whether the flow, which requests went out on and responses come back on, leads to the CSCF of another home. */
  isAt({ remote }: Flow): boolean {
    return this.#byAddress(remote.address, remote.port) !== null;
  }

  /** Whether the CSCF of another home listens there. */
  listensAt({ address, port }: NetworkAddress): boolean {
    return this.#byAddress(canonicalAddress(address), port) !== null;
  }

  #byAddress(address: string, port: number): PeerHome | null {
    const here = (at: NetworkAddress): boolean => at.address === address && at.port === port;
    return this.#peers.find((peer) => this.#at(peer).some(here)) ?? null;
  }

  #at({ cscf }: PeerHome): readonly NetworkAddress[] {
    return this.#addressesOf(cscf.host, cscf.port);
  }
}

/** Over TCP a peer connects from any port, and nobody makes a connection of datagrams. */
function isFrom(at: NetworkAddress, source: NetworkAddress, protocol: Protocol): boolean {
  return at.address === source.address && (protocol === 'TCP' || at.port === source.port);
}
