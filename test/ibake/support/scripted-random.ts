/**
 * Randomness that a test has written down beforehand: so the octets of a vector can be replayed. A draw may be longer than
 * what is asked for, where the set has a longer RAND or content-encryption key than this implementation would choose.
 */
import type { Random } from '../../../src/bytes/ports.ts';

export class ScriptedRandom implements Random {
  readonly #script: Uint8Array[];

  constructor(...script: readonly Uint8Array[]) {
    this.#script = [...script];
  }

  /** What has not been drawn. */
  get left(): number {
    return this.#script.length;
  }

  bytes(length: number): Uint8Array {
    const next = this.#script.shift();
    if (next === undefined || next.length < length)
      throw new Error(`the script has ${next?.length ?? 'no more'} octets where ${length} are drawn`);
    return next.slice();
  }
}
