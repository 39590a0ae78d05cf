/**
 * Tables of a PostgreSQL database of which something was erased are written anew, without it, since PostgreSQL leaves in
 * its files what was deleted. What is erased is erased, whether that can be done at once or not: a table that is in use for
 * longer than a statement may wait is written anew later. The log of the database has what it has until it is recycled.
 */
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { BackOff } from '../bytes/back-off.ts';
import { messageOf } from '../bytes/errors.ts';
import type { Timer } from '../bytes/ports.ts';
import type { LockPorts } from './instances.ts';

/** Before it is tried again, doubled each time, milliseconds: nobody uses a table while it is written anew. */
const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 86_400_000;

export class ErasedTables<Tables> {
  readonly #db: Kysely<Tables>;
  readonly #ports: LockPorts;
  readonly #waiting = new Set<string>();
  readonly #pauses = new BackOff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(db: Kysely<Tables>, ports: LockPorts) {
    this.#db = db;
    this.#ports = ports;
  }

  /** Those that could not be written anew yet. */
  get waiting(): readonly string[] {
    return [...this.#waiting];
  }

  async rewrite(tables: Iterable<string>): Promise<void> {
    for (const table of tables) this.#waiting.add(table);
    this.#timer?.cancel();
    try {
      for (const table of this.waiting) {
        await sql`VACUUM (FULL) ${sql.table(table)}`.execute(this.#db);
        this.#waiting.delete(table);
      }
      this.#pauses.reset();
    } catch (error) {
      if (this.#isStopped) return;
      const reason = messageOf(error);
      this.#ports.logger.warn({ reason }, 'what was erased is still in files of the database');
      this.#timer = this.#ports.clock.after(this.#pauses.next(), () => void this.rewrite([]));
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }
}
