/**
 * Octets that must not leak: they print as `[secret]`, serialise to nothing, compare in constant time, and can be
 * wiped. Everything that is a key, a seed or a password travels in this type.
 */
import { inspect } from 'node:util';
import { BytesError } from './errors.ts';
import { equalOctets } from './octets.ts';

export class Secret {
  readonly #octets: Uint8Array;
  #wiped = false;

  private constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  /** Takes ownership: the caller must not use `octets` afterwards (wiping clears them). */
  static of(octets: Uint8Array): Secret {
    return new Secret(octets);
  }

  get length(): number {
    return this.#octets.length;
  }

  /**
   * The octets themselves, not a copy, for the use that needs them. Named so that it stands out in a review.
   * @throws BytesError `range` after `wipe`
   */
  expose(): Uint8Array {
    if (this.#wiped) throw new BytesError('range', 'secret was wiped');
    return this.#octets;
  }

  /** Constant-time equality (in the length, which is public). */
  equals(other: Secret): boolean {
    return equalOctets(this.expose(), other.expose());
  }

  /** Overwrites the octets; later use throws. Copies that the engine made are out of reach. */
  wipe(): void {
    this.#octets.fill(0);
    this.#wiped = true;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
