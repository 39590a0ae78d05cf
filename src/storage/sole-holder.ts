/**
 * A schema of a PostgreSQL database that one process works with at a time, wherever it runs, so that what it has in memory
 * is what is stored. Whoever comes second is refused, and may take its place when it has ended, or is not heard of.
 *
 *     holder   one row: term (how often the schema was taken), number of the term's last transaction, instance, since when
 *
 * Who holds it has a lock on a connection of its own (`instances.ts`), which the server drops with the connection, and ends
 * by itself when it hears nothing on it for `SILENCE_MS`. That does not keep one that stood still from going on; so every
 * transaction begins by writing its number to the row of its term (fencing):
 *
 *     a   term 4 … number 7                 stands still …   number 8 of term 4: there is no such row, nothing is written
 *     b                        takes term 5 … number 1
 *
 * The row is locked until the transaction ends. Whoever takes the schema waits for that, and finds what came of it; so does
 * a holder to whom a commit was not answered: the number says whether it was done, and nothing goes on before that is known.
 */
import { sql } from 'kysely';
import type { Kysely, QueryExecutorProvider, Transaction } from 'kysely';
import type pg from 'pg';
import { SerialQueue } from '../bytes/serial-queue.ts';
import { StorageError } from './errors.ts';
import { InstanceLock, LOOK_MS, seen } from './instances.ts';
import type { LockPorts } from './instances.ts';
import { statements } from './migrations.ts';
import type { DatabaseAccess } from './postgresql.ts';
import { countColumn, TableReader } from './stored-tables.ts';

/** The migration that adds the table. */
export const SOLE_HOLDER = statements(
  `CREATE TABLE holder (id INTEGER PRIMARY KEY CHECK (id = 1), term BIGINT NOT NULL, number BIGINT NOT NULL,
    instance TEXT NOT NULL, since DOUBLE PRECISION NOT NULL)`,
);

const HOLDER = new TableReader('holder', { term: countColumn, number: countColumn });
const TERM = HOLDER.pick('term');

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
  readonly #writes = new SerialQueue();
  #lock: InstanceLock | null = null;
  #term = 0;
  #number = 0;
  /** Until when nobody else can have taken it (`performance.now()`). */
  #heldUntil = -Infinity;
  #waiting: { readonly resolve: () => void; readonly reject: (error: StorageError) => void }[] = [];
  #isOver: StorageError | null = null;
  #tellLost: (error: StorageError) => void = () => undefined;
  /** Resolves when another process has taken the schema: nothing that is in memory counts any more. */
  readonly lost: Promise<StorageError>;

  private constructor(db: Kysely<Tables>, instance: string, ports: LockPorts) {
    this.#db = db;
    this.#instance = instance;
    this.#ports = ports;
    this.lost = new Promise((resolve) => (this.#tellLost = resolve));
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
    return holder;
  }

  /** Why the database cannot be used now, and since when (ISO 8601); `null`: it can. */
  get problem(): { readonly text: string; readonly since: string } | null {
    return this.#lock?.problem ?? null;
  }

  /**
   * A transaction of the holder's, one after the other: all of it is done, or nothing.
   * @throws StorageError `locked` where another has taken the schema, `unavailable` where nothing was done; what `work` throws
   */
  write<T>(work: (transaction: Transaction<Tables>) => Promise<T>): Promise<T> {
    return this.#writes.run(() => this.#write(work));
  }

  held(): Promise<void> {
    if (this.#isOver !== null) return Promise.reject(this.#isOver);
    if (performance.now() < this.#heldUntil) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  giveUp(): void {
    this.#end(new StorageError('unavailable', 'what holds the database is stopping'));
  }

  async release(): Promise<void> {
    this.giveUp();
    await this.#writes.ended();
    await this.#lock?.release();
  }

  async #write<T>(work: (transaction: Transaction<Tables>) => Promise<T>): Promise<T> {
    const number = this.#number + 1;
    const done: { result?: T; isWhole: boolean } = { isWhole: false };
    try {
      await this.#db.transaction().execute(async (transaction) => {
        await this.#enter(transaction, number);
        done.result = await work(transaction);
        done.isWhole = true;
      });
    } catch (error) {
      const isOpen = done.isWhole && error instanceof StorageError && error.code === 'unavailable';
      if (!isOpen || !(await this.#wasDone(number, error))) throw error;
    }
    this.#number = number;
    return done.result as T;
  }

  async #enter(transaction: QueryExecutorProvider, number: number): Promise<void> {
    const { rows } = await sql`UPDATE holder SET number = ${number} WHERE id = 1 AND term = ${this.#term}
      RETURNING term`.execute(transaction);
    if (rows.length === 0) throw this.#lose();
  }

  /** Whether the transaction of that number was committed; asked until there is an answer. @throws `unanswered`, or `locked` */
  async #wasDone(number: number, unanswered: StorageError): Promise<boolean> {
    while (this.#isOver === null) {
      try {
        return await this.#db.transaction().execute(async (transaction) => {
          const { rows } = await sql`SELECT term, number FROM holder WHERE id = 1 FOR UPDATE`.execute(
            transaction,
          );
          const found = HOLDER.read(rows[0]);
          if (found.term !== this.#term) throw this.#lose();
          return found.number === number;
        });
      } catch (error) {
        if (!(error instanceof StorageError) || error.code !== 'unavailable') throw error;
        await new Promise<void>((resolve) => this.#ports.clock.after(LOOK_MS, resolve));
      }
    }
    throw unanswered;
  }

  /** The first look takes the schema; the others find that nobody else has. */
  async #look(client: pg.Client): Promise<void> {
    const begun = performance.now();
    if (this.#term === 0) this.#term = await this.#takeTerm(client);
    else await this.#requireTerm(client);
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
    if (this.#term === 0) return;
    const { rows } = await client.query('SELECT term FROM holder WHERE id = 1');
    if (rows.length === 0 || TERM.read(rows[0]).term !== this.#term) throw this.#lose();
  }

  #lose(): StorageError {
    const error = new StorageError('locked', 'another process has taken the database, and goes on with it');
    if (this.#isOver === null) {
      this.#ports.logger.error({ instance: this.#instance }, error.message);
      this.#tellLost(error);
    }
    this.#end(error);
    return error;
  }

  #end(error: StorageError): void {
    this.#isOver ??= error;
    this.#heldUntil = -Infinity;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
