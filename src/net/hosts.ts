/**
 * Names on one machine: configuration maps host names to addresses and ports, so that districts and certificates keep
 * their real names on loopback. A name that is not in the map is left to the system's resolver.
 */

import { isIPv6 } from 'node:net';
import { bareHost, canonicalAddress, endpointText, uriHost } from '../bytes/network-address.ts';
import type { NetworkAddress } from '../bytes/network-address.ts';

/**
 * What configuration says: `"kms.home1.example:443": "127.0.0.1:34501"`, or `"cscf.home1.example": "127.0.0.1"`; an
 * IPv6 address has brackets before a port: `"[::1]:34501"`.
 */
export type HostEntries = Readonly<Record<string, string>>;

export class HostMap {
  readonly #entries: Map<string, string>;

  constructor(entries: HostEntries = {}) {
    this.#entries = new Map(Object.entries(entries).map(([name, target]) => [keyOf(name), target]));
  }

  /** Adds or replaces an entry, e.g. when a listener has been given its ephemeral port. */
  set(name: string, target: string): void {
    this.#entries.set(keyOf(name), target);
  }

  /** Where entries lead that say a port themselves, or by their names. */
  endpoints(): NetworkAddress[] {
    return [...this.#entries].flatMap(([name, target]) => {
      const at = splitEndpoint(target, splitEndpoint(name, 0).port);
      return at.port === 0 ? [] : [at];
    });
  }

  /** Where `host:port` is to be found: the entry of `host:port`, else that of `host` with the port kept, else itself. */
  resolve(host: string, port: number): NetworkAddress {
    const address = bareHost(host);
    const exact = this.#entries.get(keyOf(endpointText({ address, port })));
    if (exact !== undefined) return splitEndpoint(exact, port);
    const byHost = this.#entries.get(keyOf(address));
    return byHost === undefined ? { address, port } : splitEndpoint(byHost, port);
  }
}

/** One text for each spelling of a name, with its port if it has one. */
function keyOf(name: string): string {
  const { address, port } = splitEndpoint(name.toLowerCase(), 0);
  const host = canonicalAddress(address);
  return port === 0 ? uriHost(host) : endpointText({ address: host, port });
}

/** `address`, or `address:port`, where an IPv6 address has brackets. */
function splitEndpoint(target: string, port: number): NetworkAddress {
  if (isIPv6(target)) return { address: target, port };
  const match = /^(.*?)(?::(\d{1,5}))?$/.exec(target);
  return {
    address: bareHost(match?.[1] ?? target),
    port: match?.[2] === undefined ? port : Number(match[2]),
  };
}
