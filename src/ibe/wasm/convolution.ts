/**
 * A block times a block: the columns t_k = Σ a_i·b_(k−i), k = 0 … 42, exact (see `layout.ts`).
 *
 * Two neighbouring limbs of b make a vector, one limb of a fills both lanes of another. With d for the vector
 * (b_2d, b_2d+1) and a pair of rows a_2i, a_2i+1:
 *
 *     a_2i·(b_2d, b_2d+1)     belongs to columns (2(i+d),     2(i+d) + 1)
 *     a_2i+1·(b_2d, b_2d+1)   belongs to columns (2(i+d) + 1, 2(i+d) + 2)
 *
 * so even and odd rows are summed apart, and the odd sums move up by one lane when they join the even ones. Three pairs
 * of rows are taken at a time: six limbs of a and a window of three vectors of b fit the sixteen registers of x86-64, and
 * every vector of columns is stored as soon as the strip has no more for it. V8 moves sums of products down to the store
 * that needs them; longer strips, or strips of columns instead of rows, leave it with too much to keep and are slower by
 * a quarter to a half. Loads that span two recent stores are avoided for the same reason: the processor would wait.
 *
 *     full     all columns
 *     low      columns 0 … 21; the upper half is not written
 *     high     columns 20 … 43; what lies below is not written
 *     square   a = b: products a_i·a_j with i < j once, doubled
 */
import { f64x2, get, set, v128 } from './assembler.ts';
import type { Code, Declare, Local, ModuleText, Routine } from './assembler.ts';
import { BLOCK } from './layout.ts';

/** Vectors of a block; also its pairs of rows. */
const VECTORS = BLOCK / 2;
const STRIP = 3;

/** `to` excluded. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/** Routines (t, a, b), and (t, a) for the square. */
export interface Convolutions {
  readonly full: Routine;
  readonly low: Routine;
  readonly high: Routine;
  readonly square: Routine;
}

export function writeConvolutions(module: ModuleText): Convolutions {
  const all = { from: 0, to: 2 * VECTORS };
  const product = (columns: Range): Routine =>
    module.routine(null, 3, ([t, a, b], declare) =>
      convolve({ module, t, a, b, square: false, columns, registers: declareRegisters(declare) }),
    );
  return {
    full: product(all),
    low: product({ from: 0, to: VECTORS }),
    high: product({ from: VECTORS - 1, to: 2 * VECTORS }),
    square: module.routine(null, 2, ([t, a], declare) =>
      convolve({ module, t, a, b: a, square: true, columns: all, registers: declareRegisters(declare) }),
    ),
  };
}

interface Registers {
  readonly even: readonly Local[];
  readonly odd: readonly Local[];
  readonly vectors: readonly Local[];
  /** The odd sums of this vector of columns and of the one before. */
  readonly sum: Local;
  readonly before: Local;
}

interface Work {
  readonly module: ModuleText;
  readonly t: Local;
  readonly a: Local;
  readonly b: Local;
  readonly square: boolean;
  /** Vectors of columns that are wanted. */
  readonly columns: Range;
  readonly registers: Registers;
}

function declareRegisters(declare: Declare): Registers {
  const some = (): Local[] => numbers({ from: 0, to: VECTORS }).map(() => declare('v128'));
  return { even: some(), odd: some(), vectors: some(), sum: declare('v128'), before: declare('v128') };
}

function convolve(work: Work): Code {
  const begun = new Set<number>();
  const code: Code[] = [];
  for (let from = 0; from < VECTORS; from += STRIP) {
    code.push(strip(work, { from, to: Math.min(from + STRIP, VECTORS) }, begun));
  }
  return code;
}

/**
 * One strip of pairs of rows. For squares all rows are doubled, and the vector with a row's own limb counts by half:
 * (a_2d², then the mixed product) for even rows, a_2d+1² alone for odd ones.
 */
function strip({ module, t, a, b, square, columns, registers }: Work, rows: Range, begun: Set<number>): Code {
  const { sum, before } = registers;
  const code: Code[] = [];
  const even = (i: number): Local => nth(registers.even, i);
  const odd = (i: number): Local => nth(registers.odd, i);
  const vector = (d: number): Local => nth(registers.vectors, d);
  for (const i of numbers(rows)) {
    for (const [row, offset] of [
      [even(i), 16 * i],
      [odd(i), 16 * i + 8],
    ] as const) {
      code.push(set(row, v128.loadSplat(get(a), offset)));
      if (square) code.push(set(row, f64x2.add(get(row), get(row))));
    }
  }
  const loaded = new Set<number>();
  let moving = false;
  for (const column of numbers({ from: Math.max(0, columns.from - 1), to: columns.to })) {
    const terms = numbers(rows)
      .map((i) => ({ i, d: column - i }))
      .filter(({ i, d }) => d >= (square ? i : 0) && d < VECTORS);
    if (terms.length === 0 && !moving) continue;
    for (const { d } of terms) {
      if (!loaded.has(d)) code.push(set(vector(d), v128.load(get(b), 16 * d)));
      loaded.add(d);
    }
    const products = (row: (i: number) => Local, own: Code): Product[] =>
      terms.map(({ i, d }) => [
        get(row(i)),
        square && i === d ? f64x2.mul(get(vector(d)), own) : get(vector(d)),
      ]);
    code.push(set(sum, total(module, products(odd, v128.const(0, 0.5)))));
    if (column >= columns.from) {
      const stored = begun.has(column) ? v128.load(get(t), 16 * column) : null;
      const moved = f64x2.between(moving ? get(before) : v128.const(0, 0), get(sum));
      const all = total(module, products(even, v128.const(0.5, 1)), stored);
      code.push(v128.store(get(t), 16 * column, f64x2.add(all, moved)));
      begun.add(column);
    }
    code.push(set(before, get(sum)));
    moving = terms.length > 0;
  }
  return code;
}

/** Two factors. */
type Product = readonly [Code, Code];

function total(module: ModuleText, products: readonly Product[], addend: Code | null = null): Code {
  let sum = addend;
  for (const [a, b] of products) sum = sum === null ? f64x2.mul(a, b) : module.multiplyAdd(a, b, sum);
  return sum ?? v128.const(0, 0);
}

function numbers({ from, to }: Range): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
}

function nth(locals: readonly Local[], index: number): Local {
  const local = locals[index];
  if (local === undefined) throw new RangeError('no such register');
  return local;
}
