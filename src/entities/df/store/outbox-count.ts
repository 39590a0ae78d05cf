/**
 * How much waits in the outbox, in its table and in the spool, so that nobody has to look: counted as it comes and goes.
 * Where nobody knows whether something was written, all is counted anew, as soon as nothing is being written.
 */
import { StorageError } from '../../../storage/errors.ts';
import type { WaitingShare } from '../ports.ts';
import { WaitingBook } from './waiting-book.ts';

export type DestinationShare = WaitingShare & { readonly did: string };

/** Looks what waits. */
export interface WaitingSource {
  /** What the outbox's table has. */
  rows(): Iterable<DestinationShare>;
  /** What the spool has. */
  content(): Iterable<DestinationShare>;
}

export class OutboxCount {
  readonly #source: WaitingSource;
  #all = new WaitingBook();
  #rows = new WaitingBook();
  #underWay = 0;
  #isUncertain = false;
  readonly #idle: (() => void)[] = [];

  constructor(source: WaitingSource) {
    this.#source = source;
    this.#countAnew();
  }

  /** All that waits. */
  get waiting(): WaitingBook {
    return this.#all;
  }

  /** Whether something of a destination may be in the outbox's table. */
  mayHaveRows(did: string): boolean {
    return this.#isUncertain || this.#rows.at(did).count !== 0;
  }

  /**
   * Writes to the outbox's table, and counts that with `addRow`.
   * @throws what `write` throws
   */
  async writing<T>(write: () => Promise<T>): Promise<T> {
    while (this.#isUncertain && this.#underWay > 0)
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    if (this.#isUncertain) this.#countAnew();
    this.#underWay++;
    try {
      return await write();
    } catch (error) {
      if (error instanceof StorageError && error.code === 'unavailable') this.#isUncertain = true;
      throw error;
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) this.#settle();
    }
  }

  /** More in the outbox's table, or with negative numbers less. */
  addRow(share: DestinationShare): void {
    this.#rows.add(share);
    this.#all.add(share);
  }

  /** More in the spool, or with negative numbers less. */
  addContent(share: DestinationShare): void {
    this.#all.add(share);
  }

  #settle(): void {
    try {
      if (this.#isUncertain) this.#countAnew();
    } catch {
      // The next who writes is told.
    }
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #countAnew(): void {
    const [all, rows] = [new WaitingBook(), new WaitingBook()];
    for (const share of this.#source.rows()) {
      all.add(share);
      rows.add(share);
    }
    for (const share of this.#source.content()) all.add(share);
    [this.#all, this.#rows, this.#isUncertain] = [all, rows, false];
  }
}
