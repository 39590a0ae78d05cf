/**
 * The keys that the endpoint holds, by identity and period, and their end (profile, sections 3 and 5).
 *
 *     kⱼ₊₁ = HMAC-SHA-256(kⱼ, "next")        one key a slot of 900 s, forward only
 *
 * A slot key is erased when its slot and the skew have passed and no exchange begun in it is open: from then on a thief
 * of the device cannot redraw what was drawn from it. Of the slot keys only the oldest still needed is kept; later ones
 * follow from it.
 */
import type { Secret } from '../bytes/secret.ts';
import { SLOT_SECONDS, advanceSlotKey } from '../ibake/recoverable-secret.ts';
import type { AffinePoint } from '../ibe/curve.ts';
import type { IssuedKey } from '../wire/request-key/issued-keys.ts';
import { EndpointError } from './errors.ts';

interface HeldKey extends Omit<IssuedKey, 'seed'> {
  /** The oldest slot key that is left. */
  slot: { readonly start: number; readonly key: Secret } | null;
}

export class KeyRing {
  readonly #skew: number;
  #held: HeldKey[] = [];
  /** Times (T, Unix seconds) of the exchanges that are open. */
  readonly #open = new Set<{ readonly time: number }>();

  /** @param skew seconds that clocks may differ by */
  constructor(skew: number) {
    this.#skew = skew;
  }

  /** Takes what the KMS gave; of two slot keys of one period the older is kept, unless it was erased. */
  add(issued: readonly IssuedKey[]): void {
    for (const { uri, from, to, privateKey, seed } of issued) {
      const slot = seed === null ? null : { start: seed.slotStart ?? from, key: seed.key };
      const known = this.#find(uri, from);
      if (known === null) this.#held.push({ uri, from, to, privateKey, slot });
      else known.slot ??= slot;
    }
  }

  /** The private key of an identity for the period that contains `time` (Unix seconds); `null` if it is not held. */
  privateKey(uri: string, time: number): AffinePoint | null {
    return this.#find(uri, time)?.privateKey ?? null;
  }

  /**
   * The key of the slot that contains `time`, the caller's own to wipe.
   * @throws EndpointError `no-key` if it is not held, or erased
   */
  slotKey(uri: string, time: number): Secret {
    const slot = this.#find(uri, time)?.slot ?? null;
    if (slot === null || time < slot.start) {
      throw new EndpointError('no-key', `no seed of ${uri} is held for this time`);
    }
    const steps = Math.floor((time - slot.start) / SLOT_SECONDS);
    return advanceSlotKey(slot.key, steps);
  }

  /** Last instant (exclusive) for which `uri` has keys without a gap from `time` on; `time` if it has none. */
  heldUntil(uri: string, time: number): number {
    let until = time;
    for (let key = this.#find(uri, until); key !== null; key = this.#find(uri, until)) until = key.to;
    return until;
  }

  /** Keeps the keys of an exchange begun at `time` until the returned function is called. */
  hold(time: number): () => void {
    const exchange = { time };
    this.#open.add(exchange);
    return () => void this.#open.delete(exchange);
  }

  /** Erases what is over and not held. */
  expire(now: number): void {
    const needed = Math.min(now - this.#skew, ...[...this.#open].map(({ time }) => time));
    for (const held of this.#held) {
      if (held.to <= needed) held.slot?.key.wipe();
      else if (held.slot !== null) held.slot = ratchet(held.slot, needed);
    }
    this.#held = this.#held.filter(({ to }) => to > needed);
  }

  #find(uri: string, time: number): HeldKey | null {
    return this.#held.find((held) => held.uri === uri && held.from <= time && time < held.to) ?? null;
  }
}

/** The slot key moved to the slot that contains `needed`, the older ones wiped. */
function ratchet(slot: { start: number; key: Secret }, needed: number): { start: number; key: Secret } {
  const steps = Math.floor((needed - slot.start) / SLOT_SECONDS);
  if (steps <= 0) return slot;
  const key = advanceSlotKey(slot.key, steps);
  slot.key.wipe();
  return { start: slot.start + steps * SLOT_SECONDS, key };
}
