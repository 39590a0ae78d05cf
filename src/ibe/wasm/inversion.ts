/**
 * Inversion modulo p without branches: the division steps of Bernstein and Yang ("Fast constant-time gcd computation and
 * modular inversion", 2019). From δ = 1, f = p, g = a:
 *
 *     δ > 0 and g odd:  (δ, f, g) ← (1 − δ, g, (g − f)/2)
 *     else:             (δ, f, g) ← (1 + δ, f, (g + (g mod 2)·f)/2)
 *
 * After ⌊(49·bits + 57)/17⌋ steps (Theorem 11.2) g = 0 and f = ±gcd. w steps look at w low bits of f and g only; they
 * make a matrix of integers with |u| + |v| ≤ 2^w, |q| + |r| ≤ 2^w, that is then applied to all of them:
 *
 *     (f, g) ← (uf + vg, qf + rg)/2^w            exact
 *     (d, e) ← (ud + ve + kp, qd + re + k′p)/2^w  with k, k′ that make it exact
 *
 * From d = 0, e = 1: f = d·a and g = e·a modulo p throughout, so 1/a = f·d at the end. d and e grow by p/2 a turn at most,
 * for which there is room above p. For a = 0 the answer is 0.
 */
import { countedLoop, doWhile, f64, f64x2, get, i32, set, v128 } from './assembler.ts';
import type { Code, Declare, Local, Routine } from './assembler.ts';
import { CarryPass, carryConstants } from './carries.ts';
import { reduceOne } from './linear.ts';
import type { Products, Setting } from './product.ts';

/** Turns of w steps for a modulus of so many bits. */
export function inversionTurns(bits: number, w: number): number {
  return Math.ceil((Math.floor((49 * bits + 57) / 17) + 1) / w);
}

/** (r, a, turns): r = R²/a, that is, 1/x in Montgomery's form for a = xR. */
export function writeInversion(setting: Setting, products: Products): void {
  const { module, layout, map } = setting;
  const [f, g, d, e] = map.inversion;
  const turn = writeTurn(setting);
  module.routine('invert', 3, ([r, a, turns], declare) => {
    const [at, sign] = [declare('i32'), declare('v128')];
    return [
      reduceOne(setting, a, products, i32.const(g), at),
      countedLoop(at, 0, layout.octets, 16, [
        v128.store(get(at), f, v128.load(get(at), map.prime.limbs)),
        v128.store(get(at), d, v128.const(0, 0)),
        v128.store(get(at), e, v128.const(0, 0)),
      ]),
      f64.store(i32.const(0), e, f64.const(1)),
      i32.store(i32.const(0), map.delta, i32.const(1)),
      doWhile([turn(), set(turns, i32.sub(get(turns), i32.const(1)))], get(turns)),
      set(sign, v128.loadSplat(i32.const(0), f)),
      countedLoop(at, 0, layout.octets, 16, [
        v128.store(get(at), d, f64x2.mul(v128.load(get(at), d), get(sign))),
      ]),
      products.product(i32.const(map.wide), i32.const(d), i32.const(map.square)),
      products.reduce(get(r), i32.const(map.wide), i32.const(map.zero)),
    ];
  });
}

/** The matrix of w steps, as i32. */
interface Matrix {
  readonly u: Local;
  readonly v: Local;
  readonly q: Local;
  readonly r: Local;
}

/** (): w steps on f and g of `map.inversion`, and the same on d and e. */
function writeTurn(setting: Setting): Routine {
  const [f, g, d, e] = setting.map.inversion;
  return setting.module.routine(null, 0, (_, declare) => {
    const matrix = { u: declare('i32'), v: declare('i32'), q: declare('i32'), r: declare('i32') };
    return [
      divisionSteps(setting, matrix, declare),
      applyMatrix(setting, matrix, [f, g], false, declare),
      applyMatrix(setting, matrix, [d, e], true, declare),
    ];
  });
}

function divisionSteps({ layout, map }: Setting, { u, v, q, r }: Matrix, declare: Declare): Code {
  const [fAt, gAt] = map.inversion;
  const [f, g, delta] = [declare('i32'), declare('i32'), declare('i32')];
  const [step, odd, swap, change] = [declare('i32'), declare('i32'), declare('i32'), declare('i32')];
  const negative = (x: Code): Code => i32.sub(i32.const(0), x);
  /** (a, b) ← (b, −a) under the mask `swap`. */
  const exchange = (a: Local, b: Local): Code => [
    set(change, i32.and(i32.xor(get(a), get(b)), get(swap))),
    set(a, i32.xor(get(a), get(change))),
    set(b, i32.xor(get(b), get(change))),
    set(b, i32.sub(i32.xor(get(b), get(swap)), get(swap))),
  ];
  const addOdd = (to: Local, what: Local): Code => set(to, i32.add(get(to), i32.and(get(what), get(odd))));
  const twice = (x: Local): Code => set(x, i32.shl(get(x), i32.const(1)));
  return [
    set(f, i32.truncF64(f64.load(i32.const(0), fAt))),
    set(g, i32.truncF64(f64.load(i32.const(0), gAt))),
    set(delta, i32.load(i32.const(0), map.delta)),
    [u, r].map((x) => set(x, i32.const(1))),
    [v, q].map((x) => set(x, i32.const(0))),
    countedLoop(step, 0, layout.w, 1, [
      set(odd, negative(i32.and(get(g), i32.const(1)))),
      set(swap, i32.and(i32.shrS(negative(get(delta)), i32.const(31)), get(odd))),
      exchange(f, g),
      exchange(u, q),
      exchange(v, r),
      set(delta, i32.add(i32.sub(i32.xor(get(delta), get(swap)), get(swap)), i32.const(1))),
      addOdd(g, f),
      addOdd(q, u),
      addOdd(r, v),
      set(g, i32.shrS(get(g), i32.const(1))),
      twice(u),
      twice(v),
    ]),
    i32.store(i32.const(0), map.delta, get(delta)),
  ];
}

/** (x, y) ← (ux + vy, qx + ry)/2^w, with a multiple of p where the division would leave a rest. */
function applyMatrix(
  setting: Setting,
  { u, v, q, r }: Matrix,
  [x, y]: readonly [number, number],
  modular: boolean,
  declare: Declare,
): Code {
  const { layout, map } = setting;
  const { w, octets } = layout;
  const constants = carryConstants(setting, declare);
  const at = declare('i32');
  const shift = i32.const(32 - w);
  const lowLimb = (address: number): Code => i32.truncF64(f64.load(i32.const(0), address));
  const rows = [
    { to: x, a: u, b: v },
    { to: y, a: q, b: r },
  ].map(({ to, a, b }) => {
    const [first, second] = [new CarryPass(constants, declare), new CarryPass(constants, declare)];
    const [left, right, multiple, sum] = [declare('v128'), declare('v128'), declare('v128'), declare('v128')];
    /** (ux_0 + vy_0)·(−1/p) modulo 2^w, balanced. */
    const digit = i32.mul(
      i32.add(i32.mul(get(a), lowLimb(x)), i32.mul(get(b), lowLimb(y))),
      i32.load(i32.const(0), map.digitInverse),
    );
    const balanced = i32.shrS(i32.shl(digit, shift), shift);
    const column = f64x2.add(
      f64x2.mul(get(left), v128.load(get(at), x)),
      f64x2.mul(get(right), v128.load(get(at), y)),
    );
    return {
      begin: [
        set(left, f64x2.splat(f64.convertI32(get(a)))),
        set(right, f64x2.splat(f64.convertI32(get(b)))),
        modular ? set(multiple, f64x2.splat(f64.convertI32(balanced))) : [],
        first.begin(),
        second.begin(),
      ],
      sum: [
        first.step(
          modular ? f64x2.add(column, f64x2.mul(get(multiple), v128.load(get(at), map.prime.limbs))) : column,
          sum,
        ),
        second.step(get(sum), sum),
      ],
      // One limb down: that is the division. What falls below the first limb is 0.
      store: v128.store(get(at), to - 8, get(sum)),
      end: f64.store(
        i32.const(0),
        to + octets - 8,
        f64x2.lane1(f64x2.add(get(first.last), get(second.last))),
      ),
    };
  });
  return [
    constants.load,
    rows.map(({ begin }) => begin),
    countedLoop(at, 0, octets, 16, [rows.map(({ sum }) => sum), rows.map(({ store }) => store)]),
    rows.map(({ end }) => end),
  ];
}
