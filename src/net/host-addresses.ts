/**
 * The addresses of hosts that are named in a configuration: by the host map, else by DNS, asked at the start and again
 * every minute. What DNS said last holds while it does not answer.
 */
import type { NetworkAddress } from '../bytes/network-address.ts';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Clock, Logger, Timer } from '../bytes/ports.ts';
import type { HostMap } from './hosts.ts';

export interface HostAddressesOptions {
  readonly hosts: HostMap;
  /** Names to be known. */
  readonly names: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** All addresses of a name; by default those of the system's resolver. */
  readonly resolve?: (name: string) => Promise<readonly string[]>;
}

const REFRESH_MS = 60_000;

export class HostAddresses {
  readonly #options: HostAddressesOptions;
  readonly #known = new Map<string, readonly string[]>();
  #timer: Timer | null = null;
  #stopped = false;

  constructor(options: HostAddressesOptions) {
    this.#options = options;
  }

  /** Asks for all names; resolves when each has been answered or refused. */
  async start(): Promise<void> {
    await this.#refresh();
  }

  /** Where `host:port` is to be found; nowhere if the name has no address yet. */
  of(host: string, port: number): readonly NetworkAddress[] {
    const at = this.#options.hosts.resolve(host, port);
    if (isIP(at.address) !== 0) return [at];
    return (this.#known.get(at.address) ?? []).map((address) => ({ address, port: at.port }));
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #refresh(): Promise<void> {
    const { hosts, names, clock } = this.#options;
    const wanted = new Set(names.map((name) => hosts.resolve(name, 0).address));
    const unknown = [...wanted].filter((name) => isIP(name) === 0);
    await Promise.all(unknown.map((name) => this.#ask(name)));
    if (unknown.length > 0 && !this.#stopped)
      this.#timer = clock.after(REFRESH_MS, () => void this.#refresh());
  }

  async #ask(name: string): Promise<void> {
    const { resolve = resolveAll, logger } = this.#options;
    try {
      this.#known.set(name, await resolve(name));
    } catch (error) {
      logger.warn({ name, error }, 'a peer’s name has no address');
    }
  }
}

async function resolveAll(name: string): Promise<string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}
