/**
 * Where the kernel of one layout keeps what: constants of p, scratch, then the residues of its caller. All addresses
 * below `free` belong to the kernel.
 */
import { BLOCK_OCTETS, type Layout } from './layout.ts';

/** Octets of a block times a block: 43 columns, in 44 limbs. */
export const SLOT_OCTETS = 2 * BLOCK_OCTETS;

export interface MemoryMap {
  /** Vectors of two equal doubles: −2^w and 2^−w. */
  readonly negatedRadix: number;
  readonly inverseRadix: number;
  /** p, and −1/p modulo R; behind each, the sums of its blocks by pairs, in the order of `pairsOf`. */
  readonly prime: Multiplier;
  readonly negatedInverse: Multiplier;
  /** The residue 0. */
  readonly zero: number;
  /** A sum of two blocks of either factor. */
  readonly sums: readonly [number, number];
  /** Products of blocks: of equal indices, then of pairs. */
  readonly slots: number;
  /** The same for what a reduction multiplies. */
  readonly multipleSlots: number;
  /** A product before reduction: 2n limbs. */
  readonly wide: number;
  /** The multiple of p that a reduction adds. */
  readonly quotient: number;
  /** R² modulo p. */
  readonly square: number;
  /** p's value modulo 2^w, negated and inverted, as an i32. */
  readonly digitInverse: number;
  /** f, g, d and e of the inversion, 16 octets before each free to be overwritten. */
  readonly inversion: readonly [number, number, number, number];
  /** δ of the inversion, as an i32. */
  readonly delta: number;
  /** Two strings of n digits (i32) for canonical forms. */
  readonly digits: readonly [number, number];
  readonly free: number;
}

export interface Multiplier {
  readonly limbs: number;
  readonly sums: number;
}

/** All i < j below `blocks`. */
export function pairsOf(blocks: number): (readonly [number, number])[] {
  const pairs: (readonly [number, number])[] = [];
  for (let i = 0; i < blocks; i++) for (let j = i + 1; j < blocks; j++) pairs.push([i, j]);
  return pairs;
}

export function memoryMap({ blocks, octets }: Layout): MemoryMap {
  let free = 64;
  const take = (size: number): number => {
    const at = free;
    free += Math.ceil(size / 64) * 64;
    return at;
  };
  const padded = (): number => take(64 + octets) + 64;
  const pairs = pairsOf(blocks).length;
  const multiplier = (): Multiplier => ({ limbs: take(octets), sums: take(pairs * BLOCK_OCTETS) });
  return {
    negatedRadix: take(16),
    inverseRadix: take(16),
    prime: multiplier(),
    negatedInverse: multiplier(),
    zero: take(octets),
    sums: [take(BLOCK_OCTETS), take(BLOCK_OCTETS)],
    slots: take((blocks + pairs) * SLOT_OCTETS),
    multipleSlots: take((blocks + pairs) * SLOT_OCTETS),
    wide: take(2 * octets),
    quotient: take(octets),
    square: take(octets),
    digitInverse: take(4),
    inversion: [padded(), padded(), padded(), padded()],
    delta: take(4),
    digits: [take(octets / 2), take(octets / 2)],
    free,
  };
}
