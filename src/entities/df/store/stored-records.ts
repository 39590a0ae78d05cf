/** What the DF took in and asked, in files: for tests and the laboratory. */
import { closeSync, openSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { appendWhole, makeFolder, writeWhole } from '../../../storage/files.ts';
import type { PduRecorder } from '../ports.ts';

/**
 * X2 and X3 PDUs as they came, one after another in `x2.bin` and `x3.bin` of a folder. A PDU is written before its batch
 * is committed, so none is missing; one whose batch failed is there again.
 */
export class PduFiles implements PduRecorder {
  readonly #files: Readonly<Record<'x2' | 'x3', number>>;

  constructor(folder: string) {
    makeFolder(folder);
    this.#files = {
      x2: openSync(path.join(folder, 'x2.bin'), 'a', 0o600),
      x3: openSync(path.join(folder, 'x3.bin'), 'a', 0o600),
    };
  }

  accepted(reference: 'x2' | 'x3', octets: Uint8Array): void {
    appendWhole(this.#files[reference], `${reference}.bin`, octets);
  }

  close(): void {
    for (const file of Object.values(this.#files)) closeSync(file);
  }
}

/** Exchanges over Xk, keys in the clear, as `xk/NNN.json` of a folder. */
export class XkFiles {
  readonly #folder: string;
  #count: number;

  constructor(folder: string) {
    this.#folder = path.join(folder, 'xk');
    makeFolder(this.#folder, 0o700);
    this.#count = readdirSync(this.#folder).length;
  }

  write(exchange: { readonly request: string; readonly status: number; readonly response: string }): void {
    const name = `${String(++this.#count).padStart(3, '0')}.json`;
    const { request, status, response } = exchange;
    const text = JSON.stringify({ request: json(request), status, response: json(response) }, null, 2);
    writeWhole(path.join(this.#folder, name), `${text}\n`, { mode: 0o600 });
  }
}

/** Parsed, or the text itself where it is no JSON. */
function json(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
