/**
 * Whether stores can be written, found out by writing: a store is given the version that it has, which is a commit like
 * any other. Whoever asks often makes no more work of it: what could be written a second ago can be written now.
 */
import Database from 'better-sqlite3';
import { whyOf } from '../bytes/system-errors.ts';
import { placeProblems } from './room.ts';

/** Milliseconds for which a success counts. */
const FRESH_MS = 1_000;

export class WriteProbe {
  readonly #files: readonly string[];
  /** When each could be written last. */
  readonly #written = new Map<string, number>();

  /** @param files SQLite stores that this process has open */
  constructor(...files: readonly string[]) {
    this.#files = files.filter((file) => file !== ':memory:');
  }

  /** What cannot be written and why, each in a sentence's part. */
  problems(): string[] {
    const seen = placeProblems(...this.#files);
    return seen.length > 0 ? seen : this.#files.flatMap((file) => this.#problem(file) ?? []);
  }

  #problem(file: string): string | null {
    const now = performance.now();
    if (now - (this.#written.get(file) ?? -Infinity) < FRESH_MS) return null;
    this.#written.delete(file);
    try {
      commitTo(file);
    } catch (error) {
      return `the store ${file} cannot be written: ${whyOf(error)}`;
    }
    this.#written.set(file, now);
    return null;
  }
}

/** Not synced: nobody waits for the disk. Where the entity itself writes at this moment, it can be written. */
function commitTo(file: string): void {
  const store = new Database(file, { fileMustExist: true, timeout: 0 });
  try {
    store.pragma('synchronous = OFF');
    const version = Number(store.pragma('user_version', { simple: true }));
    store.pragma(`user_version = ${String(version)}`);
  } catch (error) {
    if (!(error instanceof Database.SqliteError && /^SQLITE_(?:BUSY|LOCKED)/.test(error.code))) throw error;
  } finally {
    store.close();
  }
}
