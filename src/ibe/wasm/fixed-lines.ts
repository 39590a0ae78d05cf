/**
 * Tables of lines for a pairing's fixed argument, and Miller's algorithm over them (formulas in `fixed-pairing.ts`).
 *
 * One inversion makes the whole table. The point whose multiples are needed is R = α([−1/2]S). With h = [(q+1)/2]S in
 * Jacobian coordinates (X, Y, Z), which also proves that S has order q (2h = S), R on y² = x³ − 1 is
 *
 *     (X³ + 4Z⁶, Y(X³ − 8Z⁶), √3·XZ)
 *
 * Since no formula contains the curve's constant, the walk over R's multiples takes R's first two coordinates as affine
 * ones on an isomorphic curve, and multiplies √3·XZ into every Z before the common inversion. √3 may have either sign
 * here as long as it has the same everywhere; it is 3^((p+1)/4).
 *
 * Coefficients are kept as 32-bit integers, half the size of doubles: at p of 1536 bits 136 kB a table. A private key's
 * table is as secret as the key; `release` overwrites it. What is done over it does not depend on it.
 */
import type { AffinePoint } from '../curve.ts';
import type { GroupShape } from '../group.ts';
import type { Place, WasmField } from './field.ts';
import { MillerValue } from './miller.ts';
import type { Points } from './points.ts';

/** b0, −a2, −a1, −a0 of a double step; −μ, −ν of a single one. */
type Step = 'double-twice' | 'double' | 'add';
const COEFFICIENTS: Readonly<Record<Step, number>> = { 'double-twice': 4, double: 2, add: 2 };

export interface Lines {
  readonly table: Place;
  /** Residues' worth of room of the table. */
  readonly room: number;
}

export class FixedLines {
  readonly #points: Points;
  readonly #field: WasmField;
  readonly #shape: GroupShape;
  readonly #root3: Place;
  readonly #steps: readonly Step[];
  readonly #room: number;
  readonly #miller: MillerValue;
  readonly #argument: { readonly x: Place; readonly y: Place; readonly xx: Place; readonly xy: Place };
  readonly #coefficient: readonly [Place, Place, Place, Place];
  readonly #wide: Place;
  /** The rooms of arguments, coefficients and wide numbers. */
  readonly #room4: readonly [Place, Place, Place];

  constructor(points: Points, shape: GroupShape, root3: Place) {
    this.#points = points;
    this.#field = points.field;
    this.#shape = shape;
    this.#root3 = root3;
    this.#steps = stepsOf(shape);
    const coefficients = this.#steps.reduce((sum, step) => sum + COEFFICIENTS[step], 0);
    this.#room = Math.ceil(coefficients / 2);
    this.#miller = new MillerValue(this.#field);
    this.#room4 = [this.#field.take(4), this.#field.take(4), this.#field.take(4)];
    const [arguments4, linesRoom, wide] = this.#room4;
    const place = (base: Place, index: number): Place => base + index * this.#field.octets;
    this.#argument = {
      x: place(arguments4, 0),
      y: place(arguments4, 1),
      xx: place(arguments4, 2),
      xy: place(arguments4, 3),
    };
    this.#coefficient = [place(linesRoom, 0), place(linesRoom, 1), place(linesRoom, 2), place(linesRoom, 3)];
    this.#wide = wide;
  }

  /** Octets of a table. */
  get octets(): number {
    return this.#room * this.#field.octets;
  }

  release({ table, room }: Lines): void {
    this.#field.release(table, room);
  }

  /** f_(q,R)(U) up to factors in F_p, at `value` of the accumulator that it returns. */
  evaluate({ table }: Lines, u: AffinePoint): MillerValue {
    const field = this.#field;
    const { kernel, octets } = field;
    const miller = this.#miller;
    const { x, y, xx, xy } = this.#argument;
    const [c0, c1, c2, c3] = this.#coefficient;
    const [lineRe, lineIm] = [miller.line, miller.line + octets];
    field.set(x, u.x);
    field.set(y, u.y);
    field.square(xx, x);
    field.multiply(xy, x, y);
    miller.begin();
    let at = table;
    const next = (to: Place): void => {
      kernel.unpack(to, at);
      at += octets / 2;
    };
    for (const step of this.#steps) {
      next(c0);
      next(c1);
      if (step === 'double-twice') {
        next(c2);
        next(c3);
        miller.square();
        kernel.doubleLine(miller.line, c0, x, this.#wide);
      } else {
        field.copy(lineRe, y);
        field.multiplyAdd(lineIm, c0, x, c1);
      }
      if (step !== 'add') miller.square();
      miller.multiplyByLine();
    }
    return miller;
  }

  /** Overwrites temporary places. */
  wipe(): void {
    this.#miller.wipe();
    for (const room of this.#room4) this.#field.wipe(room, 4);
    this.#field.wipeScratch();
  }

  /* ------------------------------------------------- making a table */

  /** The lines of S, on the curve; `null` unless S has order q. */
  make(s: AffinePoint): Lines | null {
    const field = this.#field;
    const points = this.#points;
    const affine = field.take(2);
    const h = points.take();
    points.setAffine(affine, s);
    const good = points.publicMultiple(h, affine, (this.#shape.q + 1n) / 2n, true) && this.#isHalf(h, affine);
    const lines = good ? this.#fromHalf(h) : null;
    field.release(affine, 2);
    points.release(h);
    this.wipe();
    points.wipe();
    return lines;
  }

  #isHalf(h: Place, affine: Place): boolean {
    const points = this.#points;
    const twice = points.take();
    this.#field.copy(twice, h, 3);
    points.double(twice);
    const same = !points.isInfinity(twice) && points.equalsAffine(twice, affine);
    points.release(twice);
    return same;
  }

  #fromHalf(h: Place): Lines {
    const field = this.#field;
    const { octets } = field;
    const points = this.#points;
    const { a, b, s } = this.#shape.shape;
    const count = a + 2;
    const room = 3 * count;
    const walk = field.take(room);
    const point = (at: number): Place => walk + 3 * at * octets;
    const added = field.take(2);
    const scale = this.#image(point(0), h);
    field.copy(points.x(added), point(0), 2);
    if (s === -1) field.negate(points.y(added), points.y(added));
    for (let at = 0; at + 1 < count; at++) {
      field.copy(point(at + 1), point(at), 3);
      if (at === a - b) points.addAffine(point(at + 1), added);
      else points.double(point(at + 1));
    }
    const places = Array.from({ length: count }, (_, at) => point(at));
    // The walk ends at ±R, never at infinity, since R has order q.
    for (const place of places) field.multiply(points.z(place), points.z(place), scale);
    const inverses = field.take(count);
    places.forEach((place, at) => field.copy(inverses + at * octets, points.z(place)));
    field.invertAll(places.map((_, at) => inverses + at * octets));
    const lines = this.#tabulate({ point, inverse: (at) => inverses + at * octets, added });
    field.release(inverses, count);
    field.release(walk, room);
    field.release(added, 2);
    field.release(scale);
    return lines;
  }

  /** R's first two coordinates with Z = 1 into `to`; answers the room of the true Z. */
  #image(to: Place, h: Place): Place {
    const field = this.#field;
    const points = this.#points;
    const [zz, z6, xxx, t] = this.#coefficient;
    field.square(zz, points.z(h));
    field.square(z6, zz);
    field.multiply(z6, z6, zz);
    field.square(xxx, points.x(h));
    field.multiply(xxx, xxx, points.x(h));
    field.double(t, z6);
    field.double(t, t);
    field.add(points.x(to), xxx, t);
    field.double(t, t);
    field.subtract(t, xxx, t);
    field.multiply(points.y(to), points.y(h), t);
    field.copy(points.z(to), field.one);
    const scale = field.take();
    field.multiply(scale, points.x(h), points.z(h));
    field.multiply(scale, scale, this.#root3);
    return scale;
  }

  #tabulate(walk: Walk): Lines {
    const field = this.#field;
    const { kernel, octets } = field;
    const lines = { table: field.take(this.#room), room: this.#room };
    let to = lines.table;
    const put = (...places: readonly Place[]): void => {
      for (const place of places) {
        kernel.pack(to, place);
        to += octets / 2;
      }
    };
    const [first, second] = [this.#lineRoom(), this.#lineRoom()];
    const { a, b } = this.#shape.shape;
    let at = 0;
    for (const step of this.#steps) {
      this.#line(first, walk, at, at === a - b);
      at++;
      if (step === 'double-twice') {
        this.#line(second, walk, at, false);
        at++;
        put(...this.#doubleTwice(first, second));
      } else {
        field.negate(first.mu, first.mu);
        field.negate(first.nu, first.nu);
        put(first.mu, first.nu);
      }
    }
    for (const place of [first, second].flatMap((line) => Object.values(line) as Place[])) {
      field.release(place);
    }
    return lines;
  }

  #lineRoom(): Line {
    const field = this.#field;
    return { mu: field.take(), nu: field.take(), t: field.take() };
  }

  /** The tangent, or the chord to sR, at point `at` of the walk: y = i(μx + ν); t is the point's abscissa. */
  #line({ mu, nu, t }: Line, { point, inverse, added }: Walk, at: number, chord: boolean): void {
    const field = this.#field;
    const points = this.#points;
    const place = point(at);
    const [square, x, y, r] = this.#coefficient;
    field.square(square, inverse(at));
    field.multiply(x, points.x(place), square);
    field.multiply(square, square, inverse(at));
    field.multiply(y, points.y(place), square);
    if (chord) {
      // (y_R − y)·Z³/Z', with y_R = Y_R over the cube of R's own Z.
      field.square(square, inverse(0));
      field.multiply(square, square, inverse(0));
      field.multiply(r, points.y(added), square);
      field.subtract(r, r, y);
      field.square(square, points.z(place));
      field.multiply(square, square, points.z(place));
      field.multiply(mu, r, square);
    } else {
      field.square(square, points.x(place));
      field.double(mu, square);
      field.add(mu, mu, square);
    }
    field.multiply(mu, mu, inverse(at + 1));
    field.negate(mu, mu);
    field.multiplyAdd(nu, mu, x, y);
    field.negate(t, x);
  }

  /** b0, −a2, −a1, −a0. */
  #doubleTwice(l1: Line, l2: Line): readonly Place[] {
    const field = this.#field;
    const { kernel } = field;
    const [b0, a2, a1, a0] = this.#coefficient;
    const { x: mm, y: m12, xx: twoT, xy: other } = this.#argument;
    const t = l2.t;
    const wide = this.#wide;
    field.square(mm, l1.mu);
    field.multiply(m12, l1.mu, l2.mu);
    field.double(m12, m12);
    field.double(twoT, t);
    field.subtract(b0, twoT, mm);
    field.subtract(b0, b0, m12);
    field.double(a2, l1.mu);
    field.add(a2, a2, l2.mu);
    field.double(other, l1.nu);
    field.add(other, other, l2.nu);
    field.sumOfProducts(a1, [twoT, a2], [mm, l2.mu], -1, other);
    field.square(other, t);
    field.sumOfProducts(a0, [mm, l2.nu], [m12, l1.nu], 1);
    kernel.product(field.wide, twoT, a1);
    kernel.product(wide, other, a2);
    kernel.subtractWide(field.wide, field.wide, wide);
    kernel.reduce(other, field.wide, field.zero);
    field.subtract(a0, a0, other);
    field.negate(a1, a1);
    field.negate(a2, a2);
    return [b0, a2, a1, a0];
  }
}

interface Line {
  readonly mu: Place;
  readonly nu: Place;
  readonly t: Place;
}

/** R, its multiples in the order of Miller's algorithm, and the inverses of their Z. */
interface Walk {
  readonly point: (at: number) => Place;
  readonly inverse: (at: number) => Place;
  /** sR, but for R's own Z. */
  readonly added: Place;
}

/** Doublings by twos, one addition among them; a last doubling without a partner stays alone. */
function stepsOf({ shape: { a, b } }: GroupShape): Step[] {
  const doublings = (count: number): Step[] => [
    ...Array<Step>(count >> 1).fill('double-twice'),
    ...Array<Step>(count & 1).fill('double'),
  ];
  return [...doublings(a - b), 'add', ...doublings(b)];
}
