/**
 * How a residue modulo p lies in the kernel's memory.
 *
 * **Limbs are doubles.** A residue is Σ a_k·2^(wk), every a_k an integer kept in a double (binary64), signed and
 * balanced, |a_k| ≤ 2^(w−1) and a little. Doubles hold integers up to 2^53 exactly; a column of a product is a sum of at
 * most n products of limbs, so n·2^(2w−2) < 2^53 is what w is chosen by. What this buys: WebAssembly's `f64x2` multiplies
 * and adds two of them at a time, two instructions a cycle on any processor of today, where 64-bit integers go one by
 * one and have no double-width product. Signs cost nothing, and a carry is a product by 2^−w and a rounding. Every operation is exact; no result depends on rounding.
 *
 * **Blocks.** Limbs come in blocks of 22 (eleven vectors of two). One block times one block is unrolled code
 * (`convolution.ts`); everything larger is made of blocks (`product.ts`). So one generator serves every size:
 *
 *     bits of p     blocks   w    n = limbs   bits above p
 *     up to  512       1     24       22          16
 *     up to 1024       2     24       44          32
 *     up to 1536       3     24       66          48
 *     up to 3840       8     22      176          32
 *     up to 7680      16     22      352          64
 *
 * **Values are not canonical.** R = 2^(wn) exceeds p by at least 16 bits. A product reduced is below p/2 + |a·b|/R in
 * absolute value, so that sums and differences of some products can be multiplied without any comparison with p.
 */

/** Limbs of a block. */
export const BLOCK = 22;
/** Octets of a block. */
export const BLOCK_OCTETS = 8 * BLOCK;

const HEADROOM = 16;

export interface Layout {
  /** Bits of a limb. */
  readonly w: number;
  /** Blocks of a residue. */
  readonly blocks: number;
  /** Limbs of a residue. */
  readonly limbs: number;
  /** Octets of a residue. */
  readonly octets: number;
}

/**
 * For primes of this many bits. Up to three blocks of 24 bits a limb (of the third only so much that columns of a product
 * and of a multiple of p can be added); from four on, sums of columns need 22.
 */
export function layoutFor(bits: number): Layout {
  const few = Math.ceil((bits + HEADROOM) / (24 * BLOCK));
  const w = few < 3 || bits <= 1536 ? 24 : 22;
  const blocks = w === 24 ? few : Math.ceil((bits + HEADROOM) / (22 * BLOCK));
  return { w, blocks, limbs: blocks * BLOCK, octets: blocks * BLOCK_OCTETS };
}
