/**
 * The pairing without any table, on the kernel (formulas in `pairing.ts`): multiples of A and the lines through them,
 * evaluated at αU, in one loop. For a KMS's first question about an identity.
 */
import type { AffinePoint } from '../curve.ts';
import type { GroupShape } from '../group.ts';
import type { Place, WasmField } from './field.ts';
import { MillerValue } from './miller.ts';
import type { Points } from './points.ts';

export class GenericPairing {
  readonly #points: Points;
  readonly #field: WasmField;
  readonly #shape: GroupShape;
  readonly #root3: Place;
  readonly #miller: MillerValue;
  readonly #x: Place;
  readonly #minusY: Place;
  readonly #t: readonly [Place, Place];
  readonly #affine: Place;
  readonly #added: Place;
  readonly #v: Place;

  constructor(points: Points, shape: GroupShape, root3: Place) {
    this.#points = points;
    this.#field = points.field;
    this.#shape = shape;
    this.#root3 = root3;
    this.#miller = new MillerValue(this.#field);
    this.#x = this.#field.take();
    this.#minusY = this.#field.take();
    this.#t = [this.#field.take(), this.#field.take()];
    this.#affine = this.#field.take(2);
    this.#added = this.#field.take(2);
    this.#v = points.take();
  }

  /**
   * The Miller value whose final power is e'(A, U)², for A of order q (for others it is of no use, but is computed as
   * well) and U with x ≠ 0.
   */
  evaluate(a: AffinePoint, u: AffinePoint): MillerValue {
    const field = this.#field;
    const points = this.#points;
    const miller = this.#miller;
    const { shape } = this.#shape;
    const v = this.#v;
    this.#setArgument(u);
    points.setAffine(this.#affine, a);
    field.copy(this.#added, this.#affine, 2);
    if (shape.s === -1) field.negate(points.y(this.#added), points.y(this.#added));
    points.lift(v, this.#affine);
    miller.begin();
    for (let n = shape.a; n > 0; n--) {
      if (n === shape.b) {
        this.#add();
        miller.multiplyByLine();
      }
      miller.square();
      this.#double();
      miller.multiplyByLine();
    }
    return miller;
  }

  /** Overwrites temporary places: A and its multiples may be a private key's. */
  wipe(): void {
    const field = this.#field;
    this.#miller.wipe();
    for (const place of [this.#x, this.#minusY, ...this.#t]) field.wipe(place);
    for (const point of [this.#affine, this.#added]) field.wipe(point, 2);
    field.wipe(this.#v, 3);
    this.#points.wipe();
  }

  /** X and −Y of αU = (X, iY). */
  #setArgument(u: AffinePoint): void {
    const field = this.#field;
    const [inverse, t] = this.#t;
    const [x, y] = [this.#x, this.#minusY];
    field.set(x, u.x);
    field.set(y, u.y);
    field.double(inverse, x);
    field.add(inverse, inverse, x);
    field.invert(inverse, inverse);
    // −X = (x³+4)·3·inverse²
    field.square(t, x);
    field.multiply(t, t, x);
    for (let n = 0; n < 4; n++) field.add(t, t, field.one);
    field.multiply(t, t, inverse);
    field.multiply(t, t, inverse);
    field.double(this.#v, t);
    field.add(t, t, this.#v);
    // −Y = y(x + 2X)·√3·inverse
    field.multiply(y, y, this.#root3);
    field.multiply(y, y, inverse);
    field.subtract(x, x, t);
    field.subtract(x, x, t);
    field.multiply(y, y, x);
    field.negate(x, t);
  }

  /** V ← 2V; the tangent at V, times −2YZ³. */
  #double(): void {
    const field = this.#field;
    const points = this.#points;
    const v = this.#v;
    const [zz, g] = this.#t;
    field.square(zz, points.z(v));
    field.multiply(g, zz, this.#x);
    field.subtract(g, g, points.x(v));
    points.double(v);
    const { e, yy2 } = points.tangent;
    field.multiplyAdd(this.#miller.line, e, g, yy2);
    field.multiply(zz, zz, points.z(v));
    field.multiply(this.#miller.line + field.octets, zz, this.#minusY);
  }

  /** V ← V + sA; the chord, times the negative of the sum's Z. */
  #add(): void {
    const field = this.#field;
    const points = this.#points;
    const v = this.#v;
    const added = this.#added;
    points.addAffine(v, added);
    const [t] = this.#t;
    field.subtract(t, this.#x, points.x(added));
    field.sumOfProducts(this.#miller.line, [points.chord.r, t], [points.y(added), points.z(v)], 1);
    field.multiply(this.#miller.line + field.octets, points.z(v), this.#minusY);
  }
}
