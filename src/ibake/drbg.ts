/**
 * HMAC_DRBG with SHA-256 (NIST SP 800-90A rev. 1, section 10.1.2), as far as one secret needs it: instantiate, generate,
 * no additional input, no reseeding (2^48 requests are allowed; a secret takes a handful).
 *
 *     Update(data):  K = HMAC(K, V ‖ 00 ‖ data), V = HMAC(K, V); with data again: K = HMAC(K, V ‖ 01 ‖ data), V = …
 *     Instantiate:   K = 00…, V = 01…, Update(entropy ‖ nonce ‖ personalization)
 *     Generate(n):   V = HMAC(K, V) as often as needed; the first n octets; Update()
 */
import { createHmac } from 'node:crypto';
import { concat } from '../bytes/octets.ts';
import { Secret } from '../bytes/secret.ts';

const HASH_OCTETS = 32;

export class HmacDrbg {
  #key: Uint8Array = new Uint8Array(HASH_OCTETS);
  #value: Uint8Array = new Uint8Array(HASH_OCTETS).fill(1);

  constructor(entropy: Secret, nonce: Uint8Array, personalization: Uint8Array) {
    this.#update(concat(entropy.expose(), nonce, personalization));
  }

  generate(octets: number): Secret {
    const out = new Uint8Array(octets);
    for (let at = 0; at < octets; at += HASH_OCTETS) {
      this.#value = hmac(this.#key, this.#value);
      out.set(this.#value.subarray(0, Math.min(HASH_OCTETS, octets - at)), at);
    }
    this.#update(new Uint8Array());
    return Secret.of(out);
  }

  /** Overwrites the state. */
  wipe(): void {
    this.#key.fill(0);
    this.#value.fill(0);
  }

  #update(data: Uint8Array): void {
    this.#step(0x00, data);
    if (data.length > 0) this.#step(0x01, data);
    data.fill(0);
  }

  #step(separator: number, data: Uint8Array): void {
    const [key, value] = [this.#key, this.#value];
    this.#key = hmac(key, value, Uint8Array.of(separator), data);
    this.#value = hmac(this.#key, value);
    for (const old of [key, value]) old.fill(0);
  }
}

function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const state = createHmac('sha256', key);
  for (const part of parts) state.update(part);
  return new Uint8Array(state.digest());
}
