/** Products and squares in F_p² on the kernel, as Miller's algorithm needs them: two residues in a row. */
import type { Place, WasmField } from './field.ts';

export class MillerValue {
  readonly #field: WasmField;
  readonly #s: Place;
  readonly #d: Place;
  readonly #ac: Place;
  readonly #bd: Place;
  readonly #cross: Place;
  /** f = re + im·i; the line to multiply by. */
  readonly value: Place;
  readonly line: Place;

  constructor(field: WasmField) {
    this.#field = field;
    this.#s = field.take();
    this.#d = field.take();
    this.#ac = field.take(2);
    this.#bd = field.take(2);
    this.#cross = field.take(2);
    this.value = field.take(2);
    this.line = field.take(2);
  }

  begin(): void {
    this.#field.copy(this.value, this.#field.one);
    this.#field.copy(this.value + this.#field.octets, this.#field.zero);
  }

  /** f ← f²: two products. */
  square(): void {
    const field = this.#field;
    const [re, im] = [this.value, this.value + field.octets];
    field.add(this.#s, re, im);
    field.subtract(this.#d, re, im);
    field.double(re, re);
    field.multiply(im, re, im);
    field.multiply(re, this.#s, this.#d);
  }

  /** f ← f·line: three products, two reductions. */
  multiplyByLine(): void {
    const field = this.#field;
    const { kernel } = field;
    const [re, im] = [this.value, this.value + field.octets];
    const [lineRe, lineIm] = [this.line, this.line + field.octets];
    field.add(this.#s, re, im);
    field.add(this.#d, lineRe, lineIm);
    kernel.product(this.#ac, re, lineRe);
    kernel.product(this.#bd, im, lineIm);
    kernel.product(this.#cross, this.#s, this.#d);
    kernel.subtractWide(this.#cross, this.#cross, this.#ac);
    kernel.subtractWide(this.#cross, this.#cross, this.#bd);
    kernel.reduce(im, this.#cross, field.zero);
    kernel.subtractWide(this.#ac, this.#ac, this.#bd);
    kernel.reduce(re, this.#ac, field.zero);
  }

  wipe(): void {
    const field = this.#field;
    field.wipe(this.#s);
    field.wipe(this.#d);
    for (const place of [this.#ac, this.#bd, this.#cross, this.value, this.line]) field.wipe(place, 2);
  }
}
