/**
 * The CSCFs of other homes, as configured: by a name that the host map or DNS leads to an address, or by an address.
 * What comes from a peer carries its name or its address in Via and Route, as the peer likes.
 */
import { canonicalAddress, sameAddress } from '../../bytes/network-address.ts';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import { bareHost, DEFAULT_PORT, nextHopOf, sourceOf } from '../../sip/flow.ts';
import type { Flow, NextHop, Protocol } from '../../sip/flow.ts';
import type { SipRequest } from '../../sip/message.ts';
import type { Observed } from '../../sip/transactions.ts';
import { paramOf } from '../../sip/text.ts';
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

  /**
   * Where a Route value leads that names the CSCF of another home, by name or by address, and its port; `null`: to
   * nobody that this node speaks with, or by `maddr` to who knows whom.
   */
  hopOf(uri: Uri): NextHop | null {
    const hop = nextHopOf(uri, 'UDP');
    if (hop === null || uri.kind !== 'sip' || paramOf(uri.params, 'maddr') !== null) return null;
    const named = this.byHost(hop.host);
    if (named === null) return this.#byAddress(hop.host, hop.port) === null ? null : hop;
    const at = { ...hop, host: named.cscf.host };
    return this.#hasPort(named, at) ? at : null;
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
    return peer !== null && this.#at(peer).some((at) => isFrom(at, sourceOf(flow), flow.protocol));
  }

  /** Whether the flow, which requests went out on and responses come back on, leads to the CSCF of another home. */
  isAt({ remote }: Flow): boolean {
    return this.#byAddress(remote.address, remote.port) !== null;
  }

  /** Whether a message is from within the trust domain: this node or the CSCF of another home. */
  trusted({ direction, message, flow }: Observed): boolean {
    if (direction === 'sent') return true;
    return message.kind === 'request' ? this.sent(message, flow) : this.isAt(flow);
  }

  /** Whether the CSCF of another home listens there. */
  listensAt({ address, port }: NetworkAddress): boolean {
    return this.#byAddress(canonicalAddress(address), port) !== null;
  }

  #byAddress(address: string, port: number): PeerHome | null {
    const here = { address, port };
    return this.#peers.find((peer) => this.#at(peer).some((at) => sameAddress(at, here))) ?? null;
  }

  /** Its port as configured, or where the one that is named leads to. */
  #hasPort(peer: PeerHome, { host, port }: NextHop): boolean {
    if (port === peer.cscf.port) return true;
    const own = this.#at(peer);
    return this.#addressesOf(host, port).some((at) => own.some((each) => sameAddress(each, at)));
  }

  #at({ cscf }: PeerHome): readonly NetworkAddress[] {
    return this.#addressesOf(cscf.host, cscf.port);
  }
}

/** Over TCP a peer connects from any port, and nobody makes a connection of datagrams. */
function isFrom(at: NetworkAddress, source: NetworkAddress, protocol: Protocol): boolean {
  return at.address === source.address && (protocol === 'TCP' || at.port === source.port);
}
