/**
 * Where the CSCFs of other homes are (RFC 3263): what the host map says goes first; then, for a URI without a port, SRV
 * records, in the order of their priorities and by chance of their weights (RFC 2782), and the addresses of who they
 * name; else the addresses of the host. NAPTR is not asked: the transport is that of the configuration.
 *
 *     sip:home2.example;transport=tcp ──► _sip._tcp.home2.example   SRV   10 60 5060 cscf1, 10 40 5060 cscf2, 20 …
 *     sip:home2.example;transport=tls ──► _sips._tcp.home2.example  cscf1 AAAA, A
 *
 * Node does not tell how long an SRV record holds: what was found holds as long as the shortest-lived of its addresses,
 * within bounds, and longer while DNS does not answer. An answer is somebody else's word: one that leads to this node
 * itself, to nobody, to many, or to loopback from elsewhere is dropped. Where a request has failed (no connection, no
 * answer, 503) others are tried first for a while.
 */
import { BlockList, isIP, isIPv6 } from 'node:net';
import { canonicalAddress, endpointText, sameAddress } from '../bytes/network-address.ts';
import type { NetworkAddress } from '../bytes/network-address.ts';
import type { Clock, Logger, Random, Timer } from '../bytes/ports.ts';
import { SipError } from '../sip/errors.ts';
import { defaultPort } from '../sip/flow.ts';
import type { FailedPlace, HopLocator, NextHop } from '../sip/flow.ts';
import type { DnsAddress, DnsQueries, DnsService } from './dns-queries.ts';
import type { HostMap } from './hosts.ts';

export interface SipLocationsOptions {
  readonly hosts: HostMap;
  /** Next hops of the configuration. */
  readonly hops: readonly NextHop[];
  /** Where this node listens. */
  readonly own: () => readonly NetworkAddress[];
  readonly dns: Pick<DnsQueries, 'services' | 'addresses'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Hosts, and addresses of each, that are used of one answer. */
const MOST = 8;
/** Places that are tried last, at a time: more than next hops have. */
const MOST_AVOIDED = 1000;
/** Seconds for which an answer holds at least and at most; one that there is nothing; before DNS is asked again that failed. */
const LEAST_TTL = 5;
const MOST_TTL = 300;
const NEGATIVE_TTL = 30;
const RETRY_TTL = 5;
const REFRESH_MS = 60_000;

interface Target extends Pick<DnsService, 'priority' | 'weight' | 'name'> {
  readonly at: readonly NetworkAddress[];
}

/** What is known of one next hop. */
interface Place {
  readonly hop: NextHop;
  targets: readonly Target[];
  /** Until when it holds, Unix milliseconds. */
  until: number;
  asking: Promise<void> | null;
}

export class SipLocations implements HopLocator {
  readonly #options: SipLocationsOptions;
  readonly #places: readonly Place[];
  #timer: Timer | null = null;
  #stopped = false;
  #dropped = 0;
  /** Places that have failed, and until when others come first, Unix milliseconds. */
  readonly #avoided = new Map<string, number>();

  constructor(options: SipLocationsOptions) {
    this.#options = options;
    const named = options.hops.filter((hop) => isIP(this.#mapped(hop.host, hop.port).address) === 0);
    this.#places = named.map((hop) => ({ hop, targets: [], until: 0, asking: null }));
  }

  /** Answers of DNS that were not used, since they lead where no other home is. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Asks for all; resolves when each has been answered or refused. They are asked for again every minute. */
  async start(): Promise<void> {
    await Promise.all(this.#places.map((place) => this.#current(place)));
    if (this.#places.length > 0 && !this.#stopped)
      this.#timer = this.#options.clock.after(REFRESH_MS, () => void this.start());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** All addresses where a host is known to be; none while it is not known. */
  of(host: string, port: number): readonly NetworkAddress[] {
    const at = this.#mapped(host, port);
    if (isIP(at.address) !== 0) return [at];
    const place = this.#places.find(({ hop }) => hop.host === host);
    if (place === undefined) return this.#ofTarget(host, port);
    const all = place.targets.flatMap((target) => target.at);
    return place.hop.service === true ? all : all.map(({ address }) => ({ address, port: at.port }));
  }

  /** The host names that DNS has for a next hop. */
  names(wanted: NextHop): readonly string[] {
    return this.#places
      .filter(({ hop }) => hop === wanted)
      .flatMap(({ targets }) => targets.map(({ name }) => name));
  }

  /** @throws SipError `unreachable` where nothing is known, or nothing that may be used */
  async candidates(hop: NextHop): Promise<readonly NetworkAddress[]> {
    const mapped = this.#mapped(hop.host, hop.port);
    if (isIP(mapped.address) !== 0) return [mapped];
    const place = this.#places.find(
      (each) => each.hop.host === hop.host && each.hop.protocol === hop.protocol,
    );
    if (place === undefined) {
      const known = this.#ofTarget(hop.host, hop.port);
      return known.length > 0 ? known : [mapped];
    }
    await this.#current(place);
    const found = byChance(place.targets, this.#options.random).flatMap((target) => target.at);
    if (found.length === 0) throw new SipError('unreachable', `nothing is known of where ${hop.host} is`);
    const now = this.#options.clock.now();
    const isAvoided = (at: NetworkAddress): boolean => (this.#avoided.get(endpointText(at)) ?? 0) > now;
    return [...found.filter((at) => !isAvoided(at)), ...found.filter(isAvoided)].slice(0, MOST);
  }

  /** Of more places than are remembered, the one that failed first is forgotten. */
  avoid({ at, seconds }: FailedPlace): void {
    const key = endpointText(at);
    const until = this.#options.clock.now() + Math.min(seconds, MOST_TTL) * 1000;
    if (until <= (this.#avoided.get(key) ?? this.#options.clock.now())) return;
    const [oldest] = this.#avoided.keys();
    if (oldest !== undefined && this.#avoided.size >= MOST_AVOIDED) this.#avoided.delete(oldest);
    this.#avoided.delete(key);
    this.#avoided.set(key, until);
  }

  #mapped(host: string, port: number): NetworkAddress {
    return this.#options.hosts.resolve(host, port);
  }

  #ofTarget(host: string, port: number): readonly NetworkAddress[] {
    const targets = this.#places.flatMap((place) => place.targets).filter(({ name }) => name === host);
    return targets.flatMap(({ at }) => at.filter((each) => each.port === port));
  }

  /** Waits until what is known of a place holds, or it is clear that nothing better is to be had. */
  async #current(place: Place): Promise<void> {
    if (place.until > this.#options.clock.now()) return;
    place.asking ??= this.#ask(place).finally(() => (place.asking = null));
    await place.asking;
  }

  async #ask(place: Place): Promise<void> {
    const { clock, logger } = this.#options;
    const { host } = place.hop;
    const holds = (seconds: number): void => {
      place.until = clock.now() + seconds * 1000;
    };
    try {
      const found = await this.#find(place.hop);
      place.targets = found.targets;
      if (found.targets.length === 0)
        logger.warn({ name: host }, 'DNS has no address that another home is at');
      holds(found.targets.length === 0 ? NEGATIVE_TTL : Math.min(Math.max(found.ttl, LEAST_TTL), MOST_TTL));
    } catch (error) {
      logger.warn({ name: host, error }, 'DNS does not answer; what it said last holds');
      holds(RETRY_TTL);
    }
  }

  async #find(hop: NextHop): Promise<{ readonly targets: readonly Target[]; readonly ttl: number }> {
    const services = await this.#services(hop);
    const found = await Promise.all(
      services.map(async ({ priority, weight, name, port }) => {
        const { addresses, ttl } = await this.#addresses(name, port);
        const at = addresses.filter((each) => this.#isOfAnother(each)).slice(0, MOST);
        this.#dropped += addresses.length - at.length;
        return { target: { priority, weight, name, at }, ttl };
      }),
    );
    const used = found.filter(({ target }) => target.at.length > 0);
    return { targets: used.map(({ target }) => target), ttl: Math.min(...used.map(({ ttl }) => ttl)) };
  }

  /** Section 4.2: SRV records where no port was said and there are any; else the host itself. */
  async #services({ host, port, protocol, service }: NextHop): Promise<readonly DnsService[]> {
    const itself = { priority: 0, weight: 0, name: host, port };
    if (service !== true) return [itself];
    const prefix = { TCP: '_sip._tcp', UDP: '_sip._udp', TLS: '_sips._tcp' }[protocol];
    const found = await this.#options.dns.services(`${prefix}.${host}`);
    if (found.length === 0) return [{ ...itself, port: defaultPort(protocol) }];
    const there = found.filter(({ name }) => name !== '' && name !== '.');
    const named = there.map((each) => ({ ...each, name: each.name.toLowerCase().replace(/\.$/, '') }));
    return named.toSorted((a, b) => a.priority - b.priority).slice(0, MOST);
  }

  async #addresses(
    name: string,
    port: number,
  ): Promise<{ addresses: readonly NetworkAddress[]; ttl: number }> {
    const mapped = this.#mapped(name, port);
    if (isIP(mapped.address) !== 0) return { addresses: [mapped], ttl: MOST_TTL };
    const found: readonly DnsAddress[] = await this.#options.dns.addresses(mapped.address);
    return {
      addresses: found.map(({ address }) => ({ address: canonicalAddress(address), port: mapped.port })),
      ttl: Math.min(...found.map(({ ttl }) => ttl)),
    };
  }

  #isOfAnother(at: NetworkAddress): boolean {
    const own = this.#options.own();
    if (at.port === 0 || isIn(NOBODY, at.address)) return false;
    if (isIn(LOOPBACK, at.address) && !own.some(({ address }) => isIn(LOOPBACK, address))) return false;
    return !own.some((each) => sameAddress(each, at));
  }
}

/** RFC 2782: by priority; among those of one, each with a chance by its weight to be the next. */
export function byChance<T extends Pick<DnsService, 'priority' | 'weight'>>(
  records: readonly T[],
  random: Random,
): T[] {
  const left = records.toSorted((a, b) => a.priority - b.priority || a.weight - b.weight);
  const ordered: T[] = [];
  while (left.length > 0) {
    const equal = left.filter(({ priority }) => priority === left[0]?.priority);
    const sum = equal.reduce((total, { weight }) => total + weight, 0);
    let mark = chance(random) * (sum + 1);
    const next = equal.find(({ weight }) => (mark -= weight) < 1) ?? equal[0];
    if (next === undefined) break;
    ordered.push(next);
    left.splice(left.indexOf(next), 1);
  }
  return ordered;
}

/** From 0 to below 1. */
function chance(random: Random): number {
  const octets = random.bytes(4);
  return new DataView(octets.buffer, octets.byteOffset, 4).getUint32(0) / 2 ** 32;
}

const NOBODY = networks(['0.0.0.0', 8], ['224.0.0.0', 3], ['::', 128], ['ff00::', 8]);
const LOOPBACK = networks(['127.0.0.0', 8], ['::1', 128]);

function networks(...all: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [address, bits] of all) list.addSubnet(address, bits, isIPv6(address) ? 'ipv6' : 'ipv4');
  return list;
}

function isIn(list: BlockList, address: string): boolean {
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
