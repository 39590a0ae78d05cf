/** Questions to DNS (RFC 1035, RFC 2782), each in a bounded time, at servers of a setting or at those of the system. */
import { promises as dns } from 'node:dns';

/** Seconds for which what the system says holds: it does not tell. */
const SYSTEM_TTL = 60;
/** What is called so does not exist: an answer, unlike a server that does not give one. */
const NONE: readonly string[] = ['ENOTFOUND', 'ENODATA'];
/** How often a server is asked. */
const TRIES = 2;

export interface DnsService {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  /** A host name; empty: the service is decidedly not there. */
  readonly name: string;
}

export interface DnsAddress {
  readonly address: string;
  /** Seconds for which it holds. */
  readonly ttl: number;
}

export class DnsQueries {
  readonly #resolver: dns.Resolver;
  readonly #bySystem: boolean;

  /** @param servers `address[:port]`; none: those of the system @param timeoutMs until a server is asked again, or given up */
  constructor(servers: readonly string[], timeoutMs: number) {
    this.#resolver = new dns.Resolver({ timeout: timeoutMs, tries: TRIES });
    this.#bySystem = servers.length === 0;
    if (!this.#bySystem) this.#resolver.setServers([...servers]);
  }

  /** Who serves something; none where DNS knows nobody. @throws Error of the system where no server answers */
  services(name: string): Promise<readonly DnsService[]> {
    return orNone(this.#resolver.resolveSrv(name));
  }

  /** Addresses of both families; without servers of a setting also what the system knows otherwise (`/etc/hosts`). @throws Error of the system where no server answers */
  async addresses(name: string): Promise<readonly DnsAddress[]> {
    if (this.#bySystem) {
      const found = await orNone(dns.lookup(name, { all: true }));
      return found.map(({ address }) => ({ address, ttl: SYSTEM_TTL }));
    }
    const [six, four] = await Promise.allSettled([
      orNone(this.#resolver.resolve6(name, { ttl: true })),
      orNone(this.#resolver.resolve4(name, { ttl: true })),
    ]);
    const found = [six, four].flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
    const failed = [six, four].find((each) => each.status === 'rejected');
    if (found.length === 0 && failed !== undefined)
      throw new Error(`DNS says nothing of ${name}`, { cause: failed.reason });
    return found;
  }
}

async function orNone<T>(asked: Promise<T[]>): Promise<T[]> {
  try {
    return await asked;
  } catch (error) {
    if (NONE.includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
