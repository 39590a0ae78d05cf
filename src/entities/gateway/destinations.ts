/**
 * Where the gateway may send media. It relays what subscribers and strangers hand it, octet for octet, to where a
 * session description says; so a description must not make it speak to its own ports (one datagram would go round for
 * ever), to the ports of signalling (a packet's text would pass for a message of ours), or to many at once. Nor can it
 * send from its IPv4 address to an IPv6 one, or the other way round.
 *
 * The same rule holds for the sources that a leg latches to: an address that must not be sent to is not taken from.
 */
import { BlockList, isIP, isIPv6 } from 'node:net';
import { canonicalAddress } from '../../bytes/network-address.ts';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import type { UdpPortRange } from '../../media/datagrams.ts';

export interface DestinationRules {
  /** The gateway's own address and ports. */
  readonly media: UdpPortRange;
  /** Where entities of the operator and of other homes are known to listen. */
  readonly entities?: readonly NetworkAddress[];
  /** Addresses and networks (`192.0.2.7`, `192.0.2.0/24`) that media never go to, whatever the port. */
  readonly closed?: readonly string[];
  /** Broadcast addresses of the networks that the machine is in. */
  readonly broadcasts?: readonly string[];
}

/** RFC 6335: system ports; nothing that receives media is there. */
const LOWEST_PORT = 1024;
/** RFC 3261 section 18.1: SIP, SIP over TLS. */
const SIGNALLING_PORTS = new Set([5060, 5061]);

/**
 * RFC 1122 section 3.2.1.3, RFC 5771, RFC 919, RFC 1112 section 4; RFC 4291: nobody and addresses of IPv4 as they were
 * once written in IPv6 (2.5.5.1), those of a link, which say nothing without it (2.5.6), and multicast (2.7).
 */
const NEVER = networks('0.0.0.0/8', '224.0.0.0/4', '240.0.0.0/4', '::/96', 'fe80::/10', 'ff00::/8');
const LOOPBACK = networks('127.0.0.0/8', '::1/128');

export class MediaDestinations {
  readonly #own: UdpPortRange;
  readonly #closed: BlockList;
  readonly #entities: ReadonlySet<string>;
  readonly #onLoopback: boolean;
  #refused = 0;

  constructor({ media, entities = [], closed = [], broadcasts = [] }: DestinationRules) {
    this.#own = { ...media, address: canonicalAddress(media.address) };
    this.#entities = new Set(entities.map(key));
    this.#closed = networks(...closed, ...broadcasts);
    this.#onLoopback = isIn(LOOPBACK, this.#own.address);
  }

  /** Destinations refused so far. */
  get refused(): number {
    return this.#refused;
  }

  /** Why media must not go there, in words for whoever asked; `null` if they may. Counts refusals. */
  refusal(at: NetworkAddress): string | null {
    const problem = this.#problem(at);
    if (problem !== null) this.#refused++;
    return problem;
  }

  allows(at: NetworkAddress): boolean {
    return this.#problem(at) === null;
  }

  #problem(at: NetworkAddress): string | null {
    if (isIP(at.address) === 0 || at.address.includes('%')) return 'not an address of a host';
    const address = canonicalAddress(at.address);
    const onLoopback = isIn(LOOPBACK, address);
    if (!onLoopback && isIn(NEVER, address)) return 'not the address of one host';
    if (!this.#onLoopback && onLoopback) return 'a loopback address';
    if (isIP(address) !== isIP(this.#own.address)) return 'of another family of addresses than the gateway';
    if (isIn(this.#closed, address)) return 'an address that media do not go to here';
    if (at.port < LOWEST_PORT || SIGNALLING_PORTS.has(at.port)) return 'a port that is not for media';
    const { address: own, from, to } = this.#own;
    if (address === own && at.port >= from && at.port <= to) return 'a port of the gateway itself';
    return this.#entities.has(key({ address, port: at.port })) ? 'a port of signalling' : null;
  }
}

/** Whether a text is an address, or an address with the length of a network's prefix. */
export function isNetwork(text: string): boolean {
  const [address = '', prefix, ...more] = text.split('/');
  const bits = isIP(address) === 6 ? 128 : 32;
  if (isIP(address) === 0 || address.includes('%') || more.length > 0) return false;
  return prefix === undefined || (/^[0-9]{1,3}$/.test(prefix) && Number(prefix) <= bits);
}

function networks(...texts: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of texts) {
    const [address = '', prefix] = text.split('/');
    const bits = prefix === undefined ? (isIPv6(address) ? 128 : 32) : Number(prefix);
    list.addSubnet(address, bits, isIPv6(address) ? 'ipv6' : 'ipv4');
  }
  return list;
}

function isIn(list: BlockList, address: string): boolean {
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

function key({ address, port }: NetworkAddress): string {
  return `${canonicalAddress(address)} ${port}`;
}
