/** The value of Miller's algorithm on the kernel, and the line that it is multiplied by: elements of F_p². */
import { WORK } from './composites.ts';
import type { Place, WasmField } from './field.ts';

export class MillerValue {
  readonly #field: WasmField;
  readonly #work: Place;
  /** f = re + im·i; the line to multiply by. */
  readonly value: Place;
  readonly line: Place;

  constructor(field: WasmField) {
    this.#field = field;
    this.#work = field.take(WORK);
    this.value = field.take(2);
    this.line = field.take(2);
  }

  begin(): void {
    this.#field.copy(this.value, this.#field.one);
    this.#field.copy(this.value + this.#field.octets, this.#field.zero);
  }

  /** f ← f². */
  square(): void {
    this.#field.kernel.squareComplex(this.value, this.#work);
  }

  /** f ← f·line. */
  multiplyByLine(): void {
    this.#field.kernel.multiplyComplex(this.value, this.line, this.#work);
  }

  wipe(): void {
    this.#field.wipe(this.#work, WORK);
    this.#field.wipe(this.value, 2);
    this.#field.wipe(this.line, 2);
  }
}
