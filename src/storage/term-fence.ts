/**
 * Terms of a schema of a PostgreSQL database that one process works with at a time: whoever takes it has the next term, and
 * every transaction begins by writing its number to the row of its term. Where there is no such row another has taken the
 * schema, and nothing is written, however long the process stood still before (fencing):
 *
 *     a   term 4 … number 7                 stands still …   number 8 of term 4: there is no such row, nothing is written
 *     b                        takes term 5 … number 1
 *
 * The row is locked until the transaction ends. Whoever takes the schema waits for that, and finds what came of it; so does
 * a holder to whom a commit was not answered: the number says whether it was done, and nothing goes on before that is known.
 */
import { sql } from 'kysely';
import type { Kysely, QueryExecutorProvider, RawBuilder, Transaction } from 'kysely';
import { SerialQueue } from '../bytes/serial-queue.ts';
import { StorageError } from './errors.ts';
import { LOOK_MS } from './instances.ts';
import type { LockPorts } from './instances.ts';
import { statements } from './migrations.ts';
import { countColumn, TableReader } from './stored-tables.ts';

/** The migration that adds the table, where leases say who may take the schema. */
export const LEASED_HOLDER = statements(
  `CREATE TABLE holder (id INTEGER PRIMARY KEY CHECK (id = 1), term BIGINT NOT NULL, number BIGINT NOT NULL,
    instance TEXT NOT NULL, since DOUBLE PRECISION NOT NULL, leases_since DOUBLE PRECISION NOT NULL, lease BIGINT NOT NULL)`,
);

const HOLDER = new TableReader('holder', { term: countColumn, number: countColumn });
const TERM = HOLDER.pick('term');

/** A lease by which a schema is taken: leases are ordered by these, one after the other. */
export interface LeaseOrder {
  /** When the stream was made in which leases are, Unix milliseconds: tokens begin anew with a stream. */
  readonly streamMadeAt: number;
  readonly token: number;
}

/**
 * The next term of a schema, for whoever has a lease above those of all who took it before.
 * @param table with the row, as `LEASED_HOLDER` makes it @param lease `null`: the one by which it was taken last
 * @throws StorageError `locked`: it was taken by a later lease
 */
export async function termByLease(
  db: QueryExecutorProvider,
  table: RawBuilder<unknown>,
  lease: LeaseOrder | null,
  { instance, ports }: Pick<FenceOptions, 'instance' | 'ports'>,
): Promise<number> {
  const { streamMadeAt, token } = lease ?? { streamMadeAt: 0, token: 0 };
  const isLater =
    lease === null ? sql`true` : sql`(h.leases_since, h.lease) < (excluded.leases_since, excluded.lease)`;
  const { rows } = await sql`
    INSERT INTO ${table} AS h (id, term, number, instance, since, leases_since, lease)
      VALUES (1, 1, 0, ${instance}, ${ports.clock.now() / 1000}, ${streamMadeAt}, ${token})
      ON CONFLICT (id) DO UPDATE SET term = h.term + 1, number = 0, instance = excluded.instance, since = excluded.since,
        leases_since = greatest(h.leases_since, excluded.leases_since),
        lease = ${lease === null ? sql`h.lease` : sql`excluded.lease`}
      WHERE ${isLater} RETURNING term`.execute(db);
  if (rows.length === 0) throw new StorageError('locked', 'a process with a later lease has taken it');
  return TERM.read(rows[0]).term;
}

export interface FenceOptions {
  readonly instance: string;
  readonly ports: LockPorts;
  /** The table with the row; absent: `holder`, by the search path. */
  readonly table?: RawBuilder<unknown>;
  /** What else begins each transaction. */
  readonly begin?: (transaction: QueryExecutorProvider) => Promise<void>;
}

export class TermFence<Tables> {
  readonly #db: Kysely<Tables>;
  readonly #options: FenceOptions;
  readonly #table: RawBuilder<unknown>;
  readonly #term: number;
  readonly #writes = new SerialQueue();
  #number = 0;
  #isOver: StorageError | null = null;
  #tellLost: (error: StorageError) => void = () => undefined;
  /** Resolves when another process has taken the schema: nothing that is in memory counts any more. */
  readonly lost: Promise<StorageError>;

  /** @param term that this process has taken, of which no number is written yet */
  constructor(db: Kysely<Tables>, term: number, options: FenceOptions) {
    this.#db = db;
    this.#term = term;
    this.#options = options;
    this.#table = options.table ?? sql.table('holder');
    this.lost = new Promise((resolve) => (this.#tellLost = resolve));
  }

  get term(): number {
    return this.#term;
  }

  /** Why nothing is written any more; `null`: it is. */
  get over(): StorageError | null {
    return this.#isOver;
  }

  /**
   * A transaction of the holder's, one after the other: all of it is done, or nothing.
   * @throws StorageError `locked` where another has taken the schema, `unavailable` where nothing was done; what `work` throws
   */
  write<T>(work: (transaction: Transaction<Tables>) => Promise<T>): Promise<T> {
    return this.#writes.run(() => this.#write(work));
  }

  /** Whoever waits to know what came of a commit waits no more. */
  end(error: StorageError): void {
    this.#isOver ??= error;
  }

  /** Resolves when nothing is being written. */
  async ended(): Promise<void> {
    await this.#writes.ended();
  }

  /** Another has taken the schema. */
  lose(): StorageError {
    const error = new StorageError('locked', 'another process has taken the database, and goes on with it');
    if (this.#isOver === null) {
      this.#options.ports.logger.error({ instance: this.#options.instance }, error.message);
      this.#tellLost(error);
    }
    this.end(error);
    return error;
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
    const { rows } = await sql`UPDATE ${this.#table} SET number = ${number} WHERE id = 1
      AND term = ${this.#term} RETURNING term`.execute(transaction);
    if (rows.length === 0) throw this.lose();
    await this.#options.begin?.(transaction);
  }

  /** Whether the transaction of that number was committed; asked until there is an answer. @throws `unanswered`, or `locked` */
  async #wasDone(number: number, unanswered: StorageError): Promise<boolean> {
    while (this.#isOver === null) {
      try {
        return await this.#db.transaction().execute(async (transaction) => {
          const { rows } = await sql`SELECT term, number FROM ${this.#table} WHERE id = 1 FOR UPDATE`.execute(
            transaction,
          );
          const found = HOLDER.read(rows[0]);
          if (found.term !== this.#term) throw this.lose();
          return found.number === number;
        });
      } catch (error) {
        if (!(error instanceof StorageError) || error.code !== 'unavailable') throw error;
        await new Promise<void>((resolve) => this.#options.ports.clock.after(LOOK_MS, resolve));
      }
    }
    throw unanswered;
  }
}
