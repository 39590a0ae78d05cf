/**
 * X2 and X3 PDUs as they came, one after another in `x2.bin` and `x3.bin` of a folder: for tests and the laboratory. A
 * PDU is written before its batch is committed, so none is missing; one whose batch failed is there again.
 */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { PduRecorder } from '../df/ports.ts';

export class PduFiles implements PduRecorder {
  readonly #files: Readonly<Record<'x2' | 'x3', number>>;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.#files = {
      x2: openSync(path.join(folder, 'x2.bin'), 'a', 0o600),
      x3: openSync(path.join(folder, 'x3.bin'), 'a', 0o600),
    };
  }

  accepted(reference: 'x2' | 'x3', octets: Uint8Array): void {
    writeSync(this.#files[reference], octets);
  }

  close(): void {
    for (const file of Object.values(this.#files)) closeSync(file);
  }
}
