/**
 * Districts, keys and endpoints for tests, from master secrets and LI roots: either those of a vector file or fresh ones.
 */
import type { Clock, Random } from '../../../src/bytes/ports.ts';
import { toHex } from '../../../src/bytes/octets.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import { defaultEngine } from '../../../src/ibe/default-engine.ts';
import type { AffinePoint } from '../../../src/ibe/curve.ts';
import type { IbeEngine } from '../../../src/ibe/engine.ts';
import type { BfParameters } from '../../../src/ibe/parameters.ts';
import type { DistrictParameters } from '../../../src/ibe/system-parameters.ts';
import { canonicalIdentity, periodStart, publicIdentity } from '../../../src/ibake/identity.ts';
import type { DistrictDirectory, Endpoint, EndpointKeys, ReplayCache } from '../../../src/ibake/ports.ts';
import { advanceSlotKey, liSeed, slotOf } from '../../../src/ibake/recoverable-secret.ts';
import { TimestampSource } from '../../../src/ibake/timestamps.ts';

/** One home's secrets: what a KMS has. */
export interface TestHome {
  readonly host: string;
  readonly district: string;
  readonly serial: number;
  readonly keyLifetime: number;
  readonly bf: BfParameters;
  readonly masterSecret: bigint;
  readonly liRoot: Uint8Array;
}

export const engine: IbeEngine = defaultEngine();

export class TestDistricts implements DistrictDirectory {
  readonly #homes: readonly TestHome[];

  constructor(homes: readonly TestHome[]) {
    this.#homes = homes;
  }

  parameters(host: string): DistrictParameters {
    const home = this.home(host);
    const { district, serial, keyLifetime, bf } = home;
    return { district, serial, keyLifetime, bf, notBefore: 0, notAfter: 2 ** 40 };
  }

  home(host: string): TestHome {
    const home = this.#homes.find((known) => known.host === host);
    if (home === undefined) throw new Error(`no home ${host}`);
    return home;
  }
}

/** Everything that a KMS would give to these identities. */
export class TestKeys implements EndpointKeys {
  readonly #districts: TestDistricts;
  readonly #uris: readonly string[];
  held = 0;

  constructor(districts: TestDistricts, uris: readonly string[]) {
    this.#districts = districts;
    this.#uris = uris;
  }

  privateKey(uri: string, time: number): AffinePoint | null {
    if (!this.#uris.includes(uri)) return null;
    const home = this.#districts.home(canonicalIdentity(uri).host);
    return extracted(home, identityAt(home, uri, time));
  }

  slotKey(uri: string, time: number): Secret {
    const home = this.#districts.home(canonicalIdentity(uri).host);
    const seed = liSeed(Secret.of(home.liRoot.slice()), identityAt(home, uri, time));
    return advanceSlotKey(seed, slotOf(time, periodStart(time, home.keyLifetime)));
  }

  hold(): () => void {
    this.held++;
    return () => {
      this.held--;
    };
  }
}

/** By what they are computed from: the same whoever asks first. */
const privateKeys = new Map<string, AffinePoint>();

function extracted({ bf, masterSecret }: TestHome, identity: Uint8Array): AffinePoint {
  const name = [bf.hash, bf.p, bf.q, masterSecret, toHex(identity)].join(' ');
  const key = privateKeys.get(name) ?? engine.extract(bf, masterSecret, identity);
  privateKeys.set(name, key);
  return key;
}

export function identityAt(home: TestHome, uri: string, time: number): Uint8Array {
  return publicIdentity(uri, periodStart(time, home.keyLifetime), home);
}

export class MemoryReplays implements ReplayCache {
  readonly #seen = new Map<string, number>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  claim(key: string, expires: number): boolean {
    const now = this.#clock.now() / 1000;
    for (const [known, until] of this.#seen) if (until < now) this.#seen.delete(known);
    if (this.#seen.has(key)) return false;
    this.#seen.set(key, expires);
    return true;
  }

  get size(): number {
    return this.#seen.size;
  }
}

export function endpointFor(
  homes: readonly TestHome[],
  user: { readonly addressOfRecord: string; readonly device: string },
  io: { readonly clock: Clock; readonly random: Random },
): Endpoint & { readonly keys: TestKeys; readonly replays: MemoryReplays } {
  const districts = new TestDistricts(homes);
  return {
    addressOfRecord: canonicalIdentity(user.addressOfRecord),
    device: canonicalIdentity(user.device),
    engine,
    ...io,
    timestamps: new TimestampSource(io.clock),
    districts,
    keys: new TestKeys(districts, [user.addressOfRecord, user.device]),
    replays: new MemoryReplays(io.clock),
    skew: 300,
  };
}
