/**
 * The KMS's secrets put to use: private keys from the master secret, slot keys from the LI root (profile, sections 1 and
 * 5).
 *
 *     S_id = [s]Q_id,  id = DER(IBEIdentityInfo)
 *     k₀ = HKDF-SHA-256(LI root, salt empty, "MIKEY-IBAKE LI seed v1" ‖ id),  kⱼ₊₁ = HMAC-SHA-256(kⱼ, "next")
 */
import type { Secret } from '../../bytes/secret.ts';
import type { AffinePoint } from '../../ibe/curve.ts';
import { publicIdentity } from '../../ibake/identity.ts';
import { advanceSlotKey, liSeed } from '../../ibake/recoverable-secret.ts';
import type { District } from './district.ts';
import type { LiRoots } from './li-roots.ts';
import type { PrivateKeyGenerator, SerialRecord } from './ports.ts';

/** An identity in a period, under the serial that the sender's rule selects for it. */
export interface KeyedIdentity {
  readonly uri: string;
  readonly period: number;
  readonly serial: SerialRecord;
}

export class KeyMaterial {
  readonly #district: District;
  readonly #generator: PrivateKeyGenerator;
  readonly #roots: LiRoots;

  constructor(district: District, generator: PrivateKeyGenerator, roots: LiRoots) {
    this.#district = district;
    this.#generator = generator;
    this.#roots = roots;
  }

  /** The DER that is hashed to the public key. */
  identity({ uri, period, serial }: KeyedIdentity): Uint8Array {
    return publicIdentity(uri, period, { district: this.#district.name, serial: serial.serial });
  }

  /** @throws KmsError `busy`, `cancelled`, `unavailable` */
  privateKey(of: KeyedIdentity, signal?: AbortSignal): Promise<AffinePoint> {
    return this.#generator.extract(of.serial, this.identity(of), signal);
  }

  /** kⱼ of a device identity; `null` if the epoch's root is destroyed. */
  async slotKey(of: KeyedIdentity, slot: number): Promise<Secret | null> {
    const root = await this.#roots.forIssue(of.period);
    if (root === null) return null;
    const seed = liSeed(root, this.identity(of));
    root.wipe();
    const key = advanceSlotKey(seed, slot);
    seed.wipe();
    return key;
  }
}
