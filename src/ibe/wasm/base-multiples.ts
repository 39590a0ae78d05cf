/**
 * Multiples of one point of order q, from a table, for secret scalars: with l = Σ d_j·64^j, d_j odd, −63 ≤ d_j ≤ 63 (see
 * `points.ts`), [l]P is the sum of one entry a digit, without doublings. Row j of the table is [1, 3, … 63]·[64^j]P.
 */
import { multiply as multiplyAny, type AffinePoint } from '../curve.ts';
import { bitLength } from '../field.ts';
import type { Place } from './field.ts';
import type { Points } from './points.ts';
import { secretDigits } from './scalars.ts';

const WIDTH = 6;
const ROW = 1 << (WIDTH - 1);

export class BaseMultiples {
  readonly #points: Points;
  readonly #q: bigint;
  readonly #base: AffinePoint;
  readonly #table: Place;
  readonly #sum: Place;
  readonly #entry: Place;
  readonly #count: number;

  /** `base` must be of order q, q not below 2^8. */
  constructor(points: Points, base: AffinePoint, q: bigint) {
    this.#points = points;
    this.#q = q;
    this.#base = base;
    this.#count = Math.ceil((bitLength(q) + 1) / WIDTH);
    this.#table = points.field.take(2 * ROW * this.#count);
    this.#sum = points.take();
    this.#entry = points.field.take(2);
    this.#fill();
  }

  /** Octets of the table. */
  get octets(): number {
    return 2 * ROW * this.#count * this.#points.field.octets;
  }

  /** [l]P for a secret l, 0 ≤ l < q; the same work for every l. */
  multiply(l: bigint): AffinePoint | null {
    this.#compute(l);
    const points = this.#points;
    const answer = points.isInfinity(this.#sum)
      ? multiplyAny(this.#base, l, points.field.p)
      : points.get(this.#sum);
    this.#wipe();
    return answer;
  }

  /** Whether [l]P = U, for U on the curve. */
  equals(l: bigint, u: AffinePoint): boolean {
    const points = this.#points;
    this.#compute(l);
    points.setAffine(this.#entry, u);
    const infinity = points.isInfinity(this.#sum);
    const same = points.equalsAffine(this.#sum, this.#entry);
    this.#wipe();
    if (!infinity) return same;
    const product = multiplyAny(this.#base, l, points.field.p);
    return product !== null && product.x === u.x && product.y === u.y;
  }

  #compute(l: bigint): void {
    const points = this.#points;
    const { octets } = points.field;
    const scalar = secretDigits(l, this.#q, WIDTH);
    for (const [row, digit] of scalar.entries()) {
      points.chooseSigned(this.#entry, this.#table + row * 2 * ROW * octets, ROW, digit);
      if (row === 0) points.lift(this.#sum, this.#entry);
      else points.addAffine(this.#sum, this.#entry);
    }
    scalar.fill(0);
  }

  #wipe(): void {
    const points = this.#points;
    points.field.wipe(this.#sum, 3);
    points.field.wipe(this.#entry, 2);
    points.wipe();
  }

  #fill(): void {
    const points = this.#points;
    const { field } = points;
    const { octets } = field;
    const row = field.take(3 * (ROW + 2));
    const point = (at: number): Place => row + 3 * at * octets;
    const twice = point(ROW);
    const next = point(ROW + 1);
    const affine = field.take(2);
    points.setAffine(affine, this.#base);
    for (let j = 0; j < this.#count; j++) {
      points.lift(point(0), affine);
      points.lift(twice, affine);
      points.double(twice);
      field.copy(next, twice, 3);
      for (let n = 1; n < WIDTH; n++) points.double(next);
      points.normalise([twice]);
      for (let at = 1; at < ROW; at++) {
        field.copy(point(at), point(at - 1), 3);
        points.addAffine(point(at), twice);
      }
      points.normalise([...Array.from({ length: ROW }, (_, at) => point(at)), next]);
      for (let at = 0; at < ROW; at++) {
        field.copy(this.#table + 2 * (j * ROW + at) * octets, point(at), 2);
      }
      field.copy(affine, next, 2);
    }
    field.release(row, 3 * (ROW + 2));
    field.release(affine, 2);
  }
}
