/**
 * Branches, tags, Call-IDs and the like: unguessable, unique, and the same again for the same input.
 *
 *     identifier = HMAC-SHA-256(key, purpose ‖ 0 ‖ inputs joined by 0), first 12 octets in hex
 *
 * The key is drawn once. An identifier thus depends on what it is for and not on the order in which messages happen to
 * arrive, which makes runs from one seed repeatable and gives retransmissions that a stateless proxy forwards the same
 * branch (RFC 3261 section 16.11).
 */
import { KeyedHash } from '../bytes/keyed-hash.ts';
import type { Random } from '../bytes/ports.ts';

/** Section 8.1.1.7: what every branch of an RFC 3261 element begins with. */
export const MAGIC_COOKIE = 'z9hG4bK';

export class Identifiers {
  readonly #keyed: KeyedHash;
  #count = 0;

  constructor(random: Random) {
    this.#keyed = new KeyedHash(random.bytes(32));
  }

  /** An identifier for these inputs. */
  of(purpose: string, ...inputs: readonly string[]): string {
    return this.#keyed.ofText([purpose, ...inputs].join('\0')).slice(0, 24);
  }

  /** A fresh identifier: no other call returns it. */
  fresh(purpose: string): string {
    return this.of(`fresh ${purpose}`, String(this.#count++));
  }

  branch(...inputs: readonly string[]): string {
    return `${MAGIC_COOKIE}${this.of('branch', ...inputs)}`;
  }
}
