/**
 * Sequences of field operations that are one call from outside: a step of the Lucas ladder, products in F_p² for Miller's
 * algorithm, and the two operations on points. Calls across the border cost a few per cent where they are many.
 *
 * Points are three residues in a row, X, Y, Z; elements of F_p² two. `work` is room for temporary residues: what is in
 * it afterwards is said where others read it.
 */
import { get, i32, type Code, type Local } from './assembler.ts';
import type { Linear, Wide } from './linear.ts';
import type { Products, Setting } from './product.ts';

/** Residues' worth of room that composites work in. */
export const WORK = 12;
/** Where in it, after `doublePoint`, 3X² and 2Y² are; after `addPoint`, R. */
export const TANGENT_SLOPE = 3;
export const TANGENT_ORDINATE = 1;
export const CHORD_SLOPE = 2;

export function writeComposites(
  { module, layout, map }: Setting,
  { product, square, reduce, multiplyAdd, squareAdd }: Products,
  { add, subtract }: Linear,
  { addWide, subtractWide }: Wide,
): void {
  const zero = i32.const(map.zero);
  const wide = i32.const(map.wide);
  const at = (base: Local, index: number): Code => i32.add(get(base), i32.const(index * layout.octets));
  const multiply = (r: Code, a: Code, b: Code): Code => multiplyAdd(r, a, b, zero);
  const squareOf = (r: Code, a: Code): Code => squareAdd(r, a, zero);

  // (v, w, −V_1, −2): (V_n, V_n+1) ← (V_2n, V_2n+1).
  module.routine('ladderStep', 4, ([v, w, minusV1, minusTwo]) => [
    multiplyAdd(get(w), get(v), get(w), get(minusV1)),
    squareAdd(get(v), get(v), get(minusTwo)),
  ]);

  // (f, work): f ← f² = (re + im)(re − im) + 2·re·im·i.
  module.routine('squareComplex', 2, ([f, work]) => {
    const [re, im] = [at(f, 0), at(f, 1)];
    const [sum, difference] = [at(work, 0), at(work, 1)];
    return [
      add(sum, re, im),
      subtract(difference, re, im),
      add(re, re, re),
      multiply(im, re, im),
      multiply(re, sum, difference),
    ];
  });

  // (f, g, work): f ← fg by three products and two reductions.
  module.routine('multiplyComplex', 3, ([f, g, work]) => {
    const [sumF, sumG] = [at(work, 0), at(work, 1)];
    const [ac, bd, cross] = [at(work, 2), at(work, 4), at(work, 6)];
    return [
      add(sumF, at(f, 0), at(f, 1)),
      add(sumG, at(g, 0), at(g, 1)),
      product(ac, at(f, 0), at(g, 0)),
      product(bd, at(f, 1), at(g, 1)),
      product(cross, sumF, sumG),
      subtractWide(cross, cross, ac),
      subtractWide(cross, cross, bd),
      reduce(at(f, 1), cross, zero),
      subtractWide(ac, ac, bd),
      reduce(at(f, 0), ac, zero),
    ];
  });

  // (A, work): A ← 2A. Three products and four squares, six reductions; formulas in `curve.ts`.
  module.routine('doublePoint', 2, ([point, work]) => {
    const [x, y, z] = [at(point, 0), at(point, 1), at(point, 2)];
    const [xx, yy2, d, e] = [at(work, 0), at(work, TANGENT_ORDINATE), at(work, 2), at(work, TANGENT_SLOPE)];
    const other = at(work, 4);
    return [
      squareOf(xx, x),
      squareOf(yy2, y),
      add(yy2, yy2, yy2),
      multiply(d, x, yy2),
      add(d, d, d),
      add(e, xx, xx),
      add(e, e, xx),
      add(y, y, y),
      multiply(z, y, z),
      squareOf(x, e),
      subtract(x, x, d),
      subtract(x, x, d),
      subtract(d, d, x),
      product(wide, e, d),
      square(other, yy2),
      subtractWide(wide, wide, other),
      subtractWide(wide, wide, other),
      reduce(y, wide, zero),
    ];
  });

  // (A, B, work): A ← A + B, B affine. Eight products and three squares, ten reductions.
  module.routine('addPoint', 3, ([point, affine, work]) => {
    const [x, y, z] = [at(point, 0), at(point, 1), at(point, 2)];
    const [zz, h, r] = [at(work, 0), at(work, 1), at(work, CHORD_SLOPE)];
    const [hh, v, hhh, other] = [at(work, 3), at(work, 4), at(work, 5), at(work, 6)];
    return [
      squareOf(zz, z),
      multiply(h, at(affine, 0), zz),
      subtract(h, h, x),
      multiply(r, z, zz),
      multiply(r, r, at(affine, 1)),
      subtract(r, r, y),
      multiply(z, z, h),
      squareOf(hh, h),
      multiply(hhh, h, hh),
      multiply(v, x, hh),
      squareOf(x, r),
      subtract(x, x, hhh),
      subtract(x, x, v),
      subtract(x, x, v),
      subtract(v, v, x),
      product(wide, r, v),
      product(other, y, hhh),
      subtractWide(wide, wide, other),
      reduce(y, wide, zero),
    ];
  });

  // (line, (b0, −a2, −a1, −a0), (x, y, x², xy), work): the line of a double step; see `fixed-lines.ts`.
  module.routine('doubleLine', 4, ([line, coefficients, argument, work]) => [
    multiplyAdd(at(line, 0), at(coefficients, 0), at(argument, 1), at(argument, 3)),
    product(at(work, 0), at(coefficients, 1), at(argument, 2)),
    product(at(work, 2), at(coefficients, 2), at(argument, 0)),
    addWide(at(work, 0), at(work, 0), at(work, 2)),
    reduce(at(line, 1), at(work, 0), at(coefficients, 3)),
  ]);
}
