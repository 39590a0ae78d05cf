/**
 * Sums, differences, choices without branches, and canonical forms.
 *
 * A choice is a mask of all bits or none, laid over both candidates; a choice from a table reads the whole table. So
 * neither time nor addresses depend on what is chosen.
 */
import { countedLoop, doWhile, f64, f64x2, get, i32, set, v128 } from './assembler.ts';
import type { Code, Local, Routine } from './assembler.ts';
import { CarryPass, carryConstants } from './carries.ts';
import { BLOCK_OCTETS } from './layout.ts';
import type { Products, Setting } from './product.ts';

export interface Linear {
  /** (r, a, b): r = a + b, carried. */
  readonly add: Routine;
  /** (r, a, b): r = a − b, carried. */
  readonly subtract: Routine;
}

/** (t, a, b), of 2n limbs, not carried. */
export interface Wide {
  readonly addWide: Routine;
  readonly subtractWide: Routine;
}

export function writeLinear(setting: Setting): Linear {
  const { module, layout } = setting;
  const combine = (name: string, operation: (a: Code, b: Code) => Code): Routine =>
    module.routine(name, 3, ([r, a, b], declare) => {
      const constants = carryConstants(setting, declare);
      const pass = new CarryPass(constants, declare);
      const [at, vector] = [declare('i32'), declare('v128')];
      return [
        constants.load,
        pass.begin(),
        countedLoop(at, 0, layout.octets, 16, [
          pass.step(
            operation(v128.load(i32.add(get(a), get(at))), v128.load(i32.add(get(b), get(at)))),
            vector,
          ),
          v128.store(i32.add(get(r), get(at)), 0, get(vector)),
        ]),
      ];
    });
  return { add: combine('add', f64x2.add), subtract: combine('subtract', f64x2.sub) };
}

/** Sums and differences of numbers of 2n limbs, (t, a, b), without carries. */
export function writeWide({ module, layout }: Setting): Wide {
  const combine = (name: string, operation: (a: Code, b: Code) => Code): Routine =>
    module.routine(name, 3, ([t, a, b], declare) => {
      const at = declare('i32');
      return countedLoop(at, 0, 2 * layout.octets, 16, [
        v128.store(
          i32.add(get(t), get(at)),
          0,
          operation(v128.load(i32.add(get(a), get(at))), v128.load(i32.add(get(b), get(at)))),
        ),
      ]);
    });
  return { addWide: combine('addWide', f64x2.add), subtractWide: combine('subtractWide', f64x2.sub) };
}

/** (to, a) and (r, from): a residue as n integers of 32 bits, half as large, for tables. */
export function writePacking({ module, layout }: Setting): void {
  module.routine('pack', 2, ([to, a], declare) => {
    const at = declare('i32');
    return countedLoop(at, 0, layout.octets, 16, [
      v128.store0(
        i32.add(get(to), i32.shrU(get(at), i32.const(1))),
        0,
        f64x2.toI32(v128.load(i32.add(get(a), get(at)))),
      ),
    ]);
  });
  module.routine('unpack', 2, ([r, from], declare) => {
    const at = declare('i32');
    return countedLoop(at, 0, layout.octets, 16, [
      v128.store(
        i32.add(get(r), get(at)),
        0,
        f64x2.fromI32(v128.loadZero(i32.add(get(from), i32.shrU(get(at), i32.const(1))))),
      ),
    ]);
  });
}

export function writeChoices({ module, layout }: Setting): void {
  // (a, b, bit): exchanges a and b if the bit is 1.
  module.routine('exchange', 3, ([a, b, bit], declare) => {
    const [at, mask, both] = [declare('i32'), declare('v128'), declare('v128')];
    const x = i32.add(get(a), get(at));
    const y = i32.add(get(b), get(at));
    return [
      set(mask, v128.splatI32(i32.sub(i32.const(0), get(bit)))),
      countedLoop(at, 0, layout.octets, 16, [
        set(both, v128.and(v128.xor(v128.load(x), v128.load(y)), get(mask))),
        v128.store(x, 0, v128.xor(v128.load(x), get(both))),
        v128.store(y, 0, v128.xor(v128.load(y), get(both))),
      ]),
    ];
  });

  // (r, table, entries, octets, index): r = the entry of that index; zeros if there is none. Eleven vectors at a time.
  module.routine('choose', 5, ([r, table, entries, octets, index], declare) => {
    const [at, entry, from] = [declare('i32'), declare('i32'), declare('i32')];
    const sums = Array.from({ length: BLOCK_OCTETS / 16 }, () => declare('v128'));
    const mask = declare('v128');
    const isIndex = i32.eq(get(entry), get(index));
    return [
      set(at, i32.const(0)),
      doWhile(
        [
          sums.map((sum) => set(sum, v128.const(0, 0))),
          set(entry, i32.const(0)),
          set(from, i32.add(get(table), get(at))),
          doWhile(
            [
              set(mask, v128.splatI32(i32.sub(i32.const(0), isIndex))),
              sums.map((sum, vector) =>
                set(sum, v128.or(get(sum), v128.and(v128.load(get(from), 16 * vector), get(mask)))),
              ),
              set(from, i32.add(get(from), get(octets))),
              set(entry, i32.add(get(entry), i32.const(1))),
            ],
            i32.ltS(get(entry), get(entries)),
          ),
          sums.map((sum, vector) => v128.store(i32.add(get(r), get(at)), 16 * vector, get(sum))),
          set(at, i32.add(get(at), i32.const(BLOCK_OCTETS))),
        ],
        i32.ltS(get(at), get(octets)),
      ),
    ];
  });
}

/**
 * (a): the digits of a/R modulo p, from 0 to p − 1, in base 2^w, into `map.digits`. a/R reduced is within ±p; p is added,
 * carried digit by digit, then subtracted again where that does not go below 0.
 */
export function writeCanonical({ module, layout, map }: Setting, products: Products): void {
  const { w, octets } = layout;
  const [once, less] = map.digits;
  const digitMask = i32.const(2 ** w - 1);
  module.routine('canonical', 1, ([a], declare) => {
    const [at, carry, x, mask] = [declare('i32'), declare('i32'), declare('i32'), declare('i32')];
    const half = i32.shrU(get(at), i32.const(1));
    const digit = (value: Code, to: number): Code => [
      set(x, i32.add(value, get(carry))),
      i32.store(half, to, i32.and(get(x), digitMask)),
      set(carry, i32.shrS(get(x), i32.const(w))),
    ];
    const primeDigit = i32.truncF64(f64.load(get(at), map.prime.limbs));
    return [
      reduceOne({ layout, map }, a, products, i32.const(map.quotient), at),
      set(carry, i32.const(0)),
      countedLoop(
        at,
        0,
        octets,
        8,
        digit(i32.add(i32.truncF64(f64.load(get(at), map.quotient)), primeDigit), once),
      ),
      set(carry, i32.const(0)),
      countedLoop(at, 0, octets, 8, digit(i32.sub(i32.load(half, once), primeDigit), less)),
      set(mask, get(carry)),
      countedLoop(at, 0, octets / 2, 4, [
        set(x, i32.load(get(at), less)),
        i32.store(
          get(at),
          once,
          i32.xor(get(x), i32.and(i32.xor(get(x), i32.load(get(at), once)), get(mask))),
        ),
      ]),
    ];
  });
}

/** r = a/R. */
export function reduceOne(
  { layout: { octets }, map: { wide, zero } }: Pick<Setting, 'layout' | 'map'>,
  a: Local,
  { reduce }: Products,
  r: Code,
  at: Local,
): Code {
  return [
    countedLoop(at, 0, octets, 16, [
      v128.store(get(at), wide, v128.load(i32.add(get(a), get(at)))),
      v128.store(get(at), wide + octets, v128.const(0, 0)),
    ]),
    reduce(r, i32.const(wide), i32.const(zero)),
  ];
}
