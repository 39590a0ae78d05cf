/**
 * A schema of a PostgreSQL database that one process works with at a time, wherever it runs, so that what it has in memory
 * is what is stored. Whoever comes second is refused, and may take its place when it has ended, or is not heard of.
 *
 *     holder   one row: term (how often the schema was taken), number of the term's last transaction, instance, since when
 *
 * Who holds it has a lock on a connection of its own (`instances.ts`), which the server drops with the connection, and ends
 * by itself when it hears nothing on it for `SILENCE_MS`. That does not keep one that stood still from going on; so what it
 * writes is fenced by its term (`term-fence.ts`).
 */
import type { Kysely, Transaction } from 'kysely';
import type pg from 'pg';
import { StorageError } from './errors.ts';
import { InstanceLock, seen } from './instances.ts';
import type { LockPorts } from './instances.ts';
import { statements } from './migrations.ts';
import type { DatabaseAccess } from './postgresql.ts';
import { countColumn, TableReader } from './stored-tables.ts';
import { TermFence } from './term-fence.ts';

/** The migration that adds the table. */
export const SOLE_HOLDER = statements(
  `CREATE TABLE holder (id INTEGER PRIMARY KEY CHECK (id = 1), term BIGINT NOT NULL, number BIGINT NOT NULL,
    instance TEXT NOT NULL, since DOUBLE PRECISION NOT NULL)`,
);

const TERM = new TableReader('holder', { term: countColumn });

/** After which the server gives up a holder of which it hears nothing. */
const SILENCE_MS = 10_000;
/** For how long after a look was begun nobody else can have taken the schema: less than the server waits. */
const HELD_MS = 8_000;

/** Of whoever speaks to others about what is stored: whether it is still the one to do so. */
export interface HeldSchema {
  /** Resolves when nobody else can have taken the schema, as of a moment ago. @throws StorageError once it is over */
  held(): Promise<void>;
  /** Nobody waits any more: whoever does is told that it is over. */
  giveUp(): void;
}

export class SoleHolder<Tables> implements HeldSchema {
  readonly #db: Kysely<Tables>;
  readonly #ports: LockPorts;
  readonly #instance: string;
  #lock: InstanceLock | null = null;
  /** `null` until the first look. */
  #taken: TermFence<Tables> | null = null;
  /** Until when nobody else can have taken it (`performance.now()`). */
  #heldUntil = -Infinity;
  #waiting: { readonly resolve: () => void; readonly reject: (error: StorageError) => void }[] = [];

  private constructor(db: Kysely<Tables>, instance: string, ports: LockPorts) {
    this.#db = db;
    this.#instance = instance;
    this.#ports = ports;
  }

  /**
   * @param db has the tables of `SOLE_HOLDER` and `PROCESSES`
   * @throws StorageError `locked` if another process holds it; `unavailable`, `refused`
   */
  static async take<Tables>(
    db: Kysely<Tables>,
    access: DatabaseAccess,
    instance: string,
    ports: LockPorts,
  ): Promise<SoleHolder<Tables>> {
    const holder = new SoleHolder(db, instance, ports);
    holder.#lock = await InstanceLock.holdName(
      access,
      {
        name: 'holder',
        holder: 'another process',
        silenceMs: SILENCE_MS,
        look: (client) => holder.#look(client),
        taken: (client) => holder.#requireTerm(client),
      },
      ports,
    );
    void holder.#fence.lost.then((error) => holder.#end(error));
    return holder;
  }

  /** Resolves when another process has taken the schema: nothing that is in memory counts any more. */
  get lost(): Promise<StorageError> {
    return this.#fence.lost;
  }

  /** Why the database cannot be used now, and since when (ISO 8601); `null`: it can. */
  get problem(): { readonly text: string; readonly since: string } | null {
    return this.#lock?.problem ?? null;
  }

  /** As `TermFence` does. */
  write<T>(work: (transaction: Transaction<Tables>) => Promise<T>): Promise<T> {
    return this.#fence.write(work);
  }

  held(): Promise<void> {
    const { over } = this.#fence;
    if (over !== null) return Promise.reject(over);
    if (performance.now() < this.#heldUntil) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  giveUp(): void {
    this.#end(new StorageError('unavailable', 'what holds the database is stopping'));
  }

  async release(): Promise<void> {
    this.giveUp();
    await this.#fence.ended();
    await this.#lock?.release();
  }

  get #fence(): TermFence<Tables> {
    if (this.#taken === null) throw new Error('the schema was not taken');
    return this.#taken;
  }

  /** The first look takes the schema; the others find that nobody else has. */
  async #look(client: pg.Client): Promise<void> {
    const begun = performance.now();
    if (this.#taken === null) {
      const options = { instance: this.#instance, ports: this.#ports };
      this.#taken = new TermFence(this.#db, await this.#takeTerm(client), options);
    } else await this.#requireTerm(client);
    await seen(client, this.#instance, this.#ports.clock);
    this.#heldUntil = begun + HELD_MS;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  async #takeTerm(client: pg.Client): Promise<number> {
    const { rows } = await client.query(
      `INSERT INTO holder (id, term, number, instance, since) VALUES (1, 1, 0, $1, $2)
        ON CONFLICT (id) DO UPDATE SET term = holder.term + 1, number = 0, instance = excluded.instance,
          since = excluded.since RETURNING term`,
      [this.#instance, this.#ports.clock.now() / 1000],
    );
    return TERM.read(rows[0]).term;
  }

  async #requireTerm(client: pg.Client): Promise<void> {
    const fence = this.#taken;
    if (fence === null) return;
    const { rows } = await client.query('SELECT term FROM holder WHERE id = 1');
    if (rows.length > 0 && TERM.read(rows[0]).term === fence.term) return;
    const error = fence.lose();
    this.#end(error);
    throw error;
  }

  #end(error: StorageError): void {
    this.#fence.end(error);
    this.#heldUntil = -Infinity;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
