/**
 * The CSCFs of other homes, as configured: by a name that the host map or DNS leads to an address, or by an address.
 * What comes from a peer carries its name or its address in Via and Route, as the peer likes.
 *
 * A peer over TLS is known by its certificate alone (RFC 5922): it proves the peer's domain, or the host name of its
 * CSCF. Where its messages come from says nothing then, and nothing goes to it, or comes from it, without TLS.
 */
import { bareHost, canonicalAddress, sameAddress, sameHost } from '../../bytes/network-address.ts';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import { DEFAULT_PORT, nextHopOf, sourceOf } from '../../sip/flow.ts';
import type { Flow, NextHop, Protocol } from '../../sip/flow.ts';
import type { SipRequest } from '../../sip/message.ts';
import type { Observed } from '../../sip/transactions.ts';
import { paramOf } from '../../sip/text.ts';
import type { Uri } from '../../sip/uri.ts';
import type { PeerHome } from './ports.ts';

/** Where a host is to be found: all its addresses, none if it has none at the moment. */
export type AddressesOf = (host: string, port: number) => readonly NetworkAddress[];

/** Host names that DNS has for the CSCF of another home, besides the one of the configuration. */
export type NamesOf = (hop: NextHop) => readonly string[];

export class Peers {
  readonly #peers: readonly PeerHome[];
  readonly #addressesOf: AddressesOf;
  readonly #namesOf: NamesOf;

  constructor(peers: readonly PeerHome[], addressesOf: AddressesOf, namesOf: NamesOf = () => []) {
    this.#peers = peers;
    this.#addressesOf = addressesOf;
    this.#namesOf = namesOf;
  }

  /** The home with this domain, or whose CSCF has this host name. */
  byHost(host: string): PeerHome | null {
    return this.#peers.find((peer) => peer.domain === host || this.#isCalled(peer, host)) ?? null;
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
    const at = this.#namesOf(named.cscf).includes(hop.host) ? hop : { ...hop, host: named.cscf.host };
    if ((at.protocol === 'TLS') !== isSecured(named)) return null;
    return this.#hasPort(named, at) ? at : null;
  }

  /**
   * Whether a request comes from the CSCF of another home: its name or address in Via, its address on the wire, and over
   * UDP its port too. A media gateway at the same address sends what strangers hand it, but never from that port.
   */
  sent(request: SipRequest, flow: Flow): boolean {
    if (flow.protocol === 'TLS') return this.#certified(flow);
    const { host, port } = request.topVia;
    const name = canonicalAddress(bareHost(host.toLowerCase()));
    const peer =
      this.#unsecured().find((each) => this.#isCalled(each, name)) ??
      this.#byAddress(name, port ?? DEFAULT_PORT);
    return peer !== null && this.#at(peer).some((at) => isFrom(at, sourceOf(flow), flow.protocol));
  }

  /** Whether the flow, which requests went out on and responses come back on, leads to the CSCF of another home. */
  isAt(flow: Flow): boolean {
    if (flow.protocol === 'TLS') return this.#certified(flow);
    return this.#byAddress(flow.remote.address, flow.remote.port) !== null;
  }

  /** Whether a message is from within the trust domain: this node or the CSCF of another home. */
  trusted({ direction, message, flow }: Observed): boolean {
    if (direction === 'sent') return true;
    return message.kind === 'request' ? this.sent(message, flow) : this.isAt(flow);
  }

  /** Whether the CSCF of another home listens there. */
  listensAt({ address, port }: NetworkAddress): boolean {
    const here = { address: canonicalAddress(address), port };
    return this.#peers.some((peer) => this.#at(peer).some((at) => sameAddress(at, here)));
  }

  #isCalled({ cscf }: PeerHome, name: string): boolean {
    return cscf.host === name || this.#namesOf(cscf).includes(name);
  }

  #certified({ identities = [] }: Flow): boolean {
    const certified = this.#peers.filter(isSecured).flatMap(({ domain, cscf }) => [domain, cscf.host]);
    return identities.some((identity) => certified.includes(identity));
  }

  /** Those that are known by where they are. */
  #unsecured(): readonly PeerHome[] {
    return this.#peers.filter((peer) => !isSecured(peer));
  }

  #byAddress(address: string, port: number): PeerHome | null {
    const here = { address, port };
    return this.#unsecured().find((peer) => this.#at(peer).some((at) => sameAddress(at, here))) ?? null;
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

function isSecured({ cscf }: PeerHome): boolean {
  return cscf.protocol === 'TLS';
}

/** The names that a certificate may be for where a host is reached: that of a CSCF, or of the home that it is of. */
export function certifiedNames(peers: readonly PeerHome[], host: string, namesOf: NamesOf): string[] {
  const own = peers.filter(({ cscf }) => cscf.host === host || namesOf(cscf).includes(host));
  return [host, ...own.map(({ domain }) => domain)];
}

/** Over TCP a peer connects from any port, and nobody makes a connection of datagrams. */
function isFrom(at: NetworkAddress, source: NetworkAddress, protocol: Protocol): boolean {
  return sameHost(at.address, source.address) && (protocol === 'TCP' || at.port === source.port);
}
