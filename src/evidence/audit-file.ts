/** The audit log in a file of JSON lines, mode 0600, synced to disk before `append` returns. */
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import type { AuditStore } from './log.ts';

export class AuditFile implements AuditStore {
  readonly #file: string;
  readonly #descriptor: number;

  constructor(file: string) {
    this.#file = file;
    dropPartialLine(file);
    this.#descriptor = openSync(file, 'a', 0o600);
  }

  lines(): string[] {
    return readFileSync(this.#file, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  }

  /** All of the line, or nothing of it: a disk that fills up in mid-line must not spoil the lines to come. */
  append(line: string): void {
    const { size } = fstatSync(this.#descriptor);
    try {
      writeFileSync(this.#descriptor, line + '\n');
      fsyncSync(this.#descriptor);
    } catch (error) {
      ftruncateSync(this.#descriptor, size);
      throw error;
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** A crash in mid-write leaves a line without its end: it was never acknowledged, so it goes. */
function dropPartialLine(file: string): void {
  if (!existsSync(file)) return;
  const content = readFileSync(file);
  const end = content.lastIndexOf(0x0a) + 1;
  if (end < content.length) truncateSync(file, end);
}
