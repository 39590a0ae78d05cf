/**
 * Names on one machine: configuration maps host names to addresses and ports, so that districts and certificates keep
 * their real names on loopback. A name that is not in the map is left to the system's resolver.
 */

import { isIPv6 } from 'node:net';
import type { NetworkAddress } from '../bytes/network-address.ts';

/** What configuration says: `"kms.home1.example:443": "127.0.0.1:34501"`, or `"cscf.home1.example": "127.0.0.1"`. */
export type HostEntries = Readonly<Record<string, string>>;

export class HostMap {
  readonly #entries: Map<string, string>;

  constructor(entries: HostEntries = {}) {
    this.#entries = new Map(Object.entries(entries).map(([name, target]) => [name.toLowerCase(), target]));
  }

  /** Adds or replaces an entry, e.g. when a listener has been given its ephemeral port. */
  set(name: string, target: string): void {
    this.#entries.set(name.toLowerCase(), target);
  }

  /** Where entries lead that say a port themselves, or by their names. */
  endpoints(): NetworkAddress[] {
    return [...this.#entries].flatMap(([name, target]) => {
      const named = Number(/:(\d{1,5})$/.exec(name)?.[1] ?? 0);
      const at = splitEndpoint(target, named);
      return at.port === 0 ? [] : [at];
    });
  }

  /** Where `host:port` is to be found: the entry of `host:port`, else that of `host` with the port kept, else itself. */
  resolve(host: string, port: number): NetworkAddress {
    const exact = this.#entries.get(`${host.toLowerCase()}:${port}`);
    if (exact !== undefined) return splitEndpoint(exact, port);
    const byHost = this.#entries.get(host.toLowerCase());
    return byHost === undefined ? { address: host, port } : splitEndpoint(byHost, port);
  }
}

/** `address`, or `address:port`, where an IPv6 address has brackets. */
function splitEndpoint(target: string, port: number): NetworkAddress {
  if (isIPv6(target)) return { address: target, port };
  const match = /^\[?(.*?)\]?(?::(\d{1,5}))?$/.exec(target);
  return { address: match?.[1] ?? target, port: match?.[2] === undefined ? port : Number(match[2]) };
}
