/**
 * Points of y² = x³ + 1 on the kernel, in Jacobian coordinates as in `curve.ts`: three residues in a row; affine points
 * are two in a row.
 *
 * **Exceptional cases need no branch.** The formulas fail where a point of order 2 is doubled, where a point is added to
 * itself or to its negative, and at infinity; each time they give Z = 0, and from Z = 0 nothing leads back. So a result
 * with Z ≠ 0 is right, and one with Z = 0 is computed again by `curve.ts`, which takes all cases. For points of order q
 * and scalars below q that does not happen, save for scalars that nobody draws by chance.
 *
 * **Secret scalars** (`secretMultiple`, `BaseMultiples`) are recoded to odd digits, which are never 0:
 *
 *     k odd, k = Σ d_i·2^(wi),  d_i = ((⌊k/2^(wi)⌋ mod 2^(w+1)) | 1) − 2^w,  the last ⌊k/2^(wi)⌋ | 1
 *
 * (k = l or l + q, whichever is odd). Every digit costs the same doublings and one addition, the table is read entirely
 * for each (`choose`), and the sign is taken by an exchange under a mask.
 */
import { multiply as multiplyAny, nonAdjacentForm, type AffinePoint } from '../curve.ts';
import { CHORD_SLOPE, TANGENT_ORDINATE, TANGENT_SLOPE, WORK } from './composites.ts';
import type { Place, WasmField } from './field.ts';
import { secretDigits } from './scalars.ts';

/** Digits of public scalars: odd, below 2^5. */
const PUBLIC_WIDTH = 6;
const SECRET_WIDTH = 5;

export class Points {
  readonly field: WasmField;
  readonly #work: Place;
  readonly #t: readonly [Place, Place, Place, Place];

  constructor(field: WasmField) {
    this.field = field;
    this.#work = field.take(WORK);
    const place = (index: number): Place => this.#work + index * field.octets;
    this.#t = [place(0), place(1), place(2), place(3)];
  }

  /** After `double`: 3X² and 2Y² of the point that was doubled. After `addAffine`: the R of its formulas. */
  get tangent(): { readonly e: Place; readonly yy2: Place } {
    const place = (index: number): Place => this.#work + index * this.field.octets;
    return { e: place(TANGENT_SLOPE), yy2: place(TANGENT_ORDINATE) };
  }

  get chord(): { readonly r: Place } {
    return { r: this.#work + CHORD_SLOPE * this.field.octets };
  }

  x(point: Place): Place {
    return point;
  }

  y(point: Place): Place {
    return point + this.field.octets;
  }

  z(point: Place): Place {
    return point + 2 * this.field.octets;
  }

  /** Room for a Jacobian point. */
  take(): Place {
    return this.field.take(3);
  }

  release(point: Place): void {
    this.field.release(point, 3);
  }

  setAffine(to: Place, { x, y }: AffinePoint): void {
    this.field.set(this.x(to), x);
    this.field.set(this.y(to), y);
  }

  /** Jacobian from affine: Z = 1. */
  lift(to: Place, affine: Place): void {
    this.field.copy(to, affine, 2);
    this.field.copy(this.z(to), this.field.one);
  }

  isInfinity(point: Place): boolean {
    return this.field.isZero(this.z(point));
  }

  /** A ← 2A. */
  double(point: Place): void {
    this.field.kernel.doublePoint(point, this.#work);
  }

  /** A ← A + B, B affine. */
  addAffine(point: Place, affine: Place): void {
    this.field.kernel.addPoint(point, affine, this.#work);
  }

  /** Whether a Jacobian point, not at infinity, is this affine one. */
  equalsAffine(point: Place, affine: Place): boolean {
    const { field } = this;
    const [zz, zzz, x, y] = this.#t;
    field.square(zz, this.z(point));
    field.multiply(zzz, zz, this.z(point));
    field.multiply(x, zz, this.x(affine));
    field.subtract(x, x, this.x(point));
    field.multiply(y, zzz, this.y(affine));
    field.subtract(y, y, this.y(point));
    const sameX = field.isZero(x);
    const sameY = field.isZero(y);
    return sameX && sameY;
  }

  /** (x, y) in the first two places, by the inverse of Z. */
  scale(point: Place, inverse: Place): void {
    const { field } = this;
    const [square] = this.#t;
    field.square(square, inverse);
    field.multiply(this.x(point), this.x(point), square);
    field.multiply(square, square, inverse);
    field.multiply(this.y(point), this.y(point), square);
  }

  /** Makes Jacobian points affine in place, by one inversion; none may be infinity. */
  normalise(points: readonly Place[]): void {
    this.field.invertAll(points.map((point) => this.z(point)));
    for (const point of points) this.scale(point, this.z(point));
  }

  /** A point not at infinity. */
  get(point: Place): AffinePoint {
    const { field } = this;
    const copy = this.take();
    field.copy(copy, point, 3);
    field.invert(this.z(copy), this.z(copy));
    this.scale(copy, this.z(copy));
    const affine = { x: field.get(this.x(copy)), y: field.get(this.y(copy)) };
    this.release(copy);
    return affine;
  }

  /**
   * to = [k]A for a public k > 0, by odd digits in non-adjacent form; `sparse` for those with a few digits only. False
   * if that met an exceptional case, or infinity.
   */
  publicMultiple(to: Place, affine: Place, k: bigint, sparse = false): boolean {
    const { field } = this;
    const width = sparse ? 2 : PUBLIC_WIDTH;
    const size = 1 << (width - 2);
    const table = this.#oddMultiples(affine, size);
    if (table === null) return false;
    const negative = field.take(2);
    let begun = false;
    for (const digit of nonAdjacentForm(k, width)) {
      if (begun) this.double(to);
      if (digit === 0) continue;
      let entry = table + ((Math.abs(digit) - 1) / 2) * 2 * field.octets;
      if (digit < 0) {
        field.copy(this.x(negative), this.x(entry));
        field.negate(this.y(negative), this.y(entry));
        entry = negative;
      }
      if (begun) this.addAffine(to, entry);
      else this.lift(to, entry);
      begun = true;
    }
    field.release(negative, 2);
    field.release(table, 2 * size);
    return !this.isInfinity(to);
  }

  /** [k]A for a public k; `null` is the point at infinity. */
  multiple(point: AffinePoint, k: bigint): AffinePoint | null {
    const { field } = this;
    const affine = field.take(2);
    const result = this.take();
    this.setAffine(affine, point);
    const good = k > 0n && this.publicMultiple(result, affine, k);
    const answer = good ? this.get(result) : multiplyAny(point, k, field.p);
    field.release(affine, 2);
    this.release(result);
    return answer;
  }

  /** [k]A for a secret k, 0 ≤ k < q, and A of odd prime order q; the same work for every k. */
  secretMultiple(point: AffinePoint, k: bigint, q: bigint): AffinePoint | null {
    const { field } = this;
    const affine = field.take(2);
    this.setAffine(affine, point);
    const size = 1 << (SECRET_WIDTH - 1);
    const table = this.#oddMultiples(affine, size);
    field.release(affine, 2);
    if (table === null) return multiplyAny(point, k, field.p);
    const result = this.take();
    const entry = field.take(2);
    const scalar = secretDigits(k, q, SECRET_WIDTH);
    for (const [at, digit] of [...scalar.entries()].reverse()) {
      this.chooseSigned(entry, table, size, digit);
      if (at === scalar.length - 1) {
        this.lift(result, entry);
        continue;
      }
      for (let n = 0; n < SECRET_WIDTH; n++) this.double(result);
      this.addAffine(result, entry);
    }
    scalar.fill(0);
    const answer = this.isInfinity(result) ? multiplyAny(point, k, field.p) : this.get(result);
    field.release(entry, 2);
    field.release(table, 2 * size);
    this.release(result);
    this.wipe();
    return answer;
  }

  /** entry = [digit]A from the table A, 3A, 5A, …, all of which is read; the digit is odd. */
  chooseSigned(entry: Place, table: Place, size: number, digit: number): void {
    const { field } = this;
    const [negative] = this.#t;
    const sign = digit >> 31;
    const magnitude = (digit ^ sign) - sign;
    field.kernel.choose(entry, table, size, 2 * field.octets, magnitude >> 1);
    field.negate(negative, this.y(entry));
    field.kernel.exchange(this.y(entry), negative, sign & 1);
  }

  /** Overwrites temporary places. */
  wipe(): void {
    this.field.wipe(this.#work, WORK);
    this.field.wipeScratch();
  }

  /** A, 3A, 5A, … as affine points; `null` if one of them, or 2A, is infinity or equal to another. */
  #oddMultiples(affine: Place, size: number): Place | null {
    const { field } = this;
    const table = field.take(2 * size);
    field.copy(table, affine, 2);
    if (size === 1) return table;
    const points = Array.from({ length: size }, () => this.take());
    const [twice, ...rest] = points;
    if (twice === undefined) return null;
    this.lift(twice, affine);
    this.double(twice);
    let good = !this.isInfinity(twice);
    if (good) {
      this.normalise([twice]);
      let before: Place | null = null;
      for (const point of rest) {
        if (before === null) this.lift(point, affine);
        else field.copy(point, before, 3);
        this.addAffine(point, twice);
        before = point;
      }
      good = before === null || !this.isInfinity(before);
    }
    if (good) {
      this.normalise(rest);
      rest.forEach((point, at) => field.copy(table + 2 * (at + 1) * field.octets, point, 2));
    }
    for (const point of points) this.release(point);
    if (good) return table;
    field.release(table, 2 * size);
    return null;
  }
}
