/** What `get-keys/` asks of the KMS: its district, its roots and what it has issued. */
import type { District } from './district.ts';
import type { GetKeysRecords } from './get-keys/ports.ts';
import type { LiRoots } from './li-roots.ts';
import type { IssuedSeed, LiRootState, SeedStore, SerialRecord } from './ports.ts';

export class KmsRecords implements GetKeysRecords {
  readonly district: string;
  readonly keyLifetime: number;
  readonly #district: District;
  readonly #roots: LiRoots;
  readonly #store: Pick<SeedStore, 'issuedSeed'>;

  constructor(district: District, roots: LiRoots, store: Pick<SeedStore, 'issuedSeed'>) {
    this.district = district.name;
    this.keyLifetime = district.keyLifetime;
    this.#district = district;
    this.#roots = roots;
    this.#store = store;
  }

  serialsFor(period: number): readonly SerialRecord[] {
    return this.#district.serialsFor(period);
  }

  issuedSeed(uri: string, period: number): Promise<IssuedSeed | null> {
    return this.#store.issuedSeed(uri, period);
  }

  liRoot(period: number): Promise<LiRootState> {
    return this.#roots.stateOf(period);
  }
}
