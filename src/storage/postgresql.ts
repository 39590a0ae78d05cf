/**
 * How every store in PostgreSQL is opened: a schema of a database, which several processes may have open, brought to the
 * present version by the first of them.
 *
 * What the server or the network does is never left to be guessed: a statement has so long, a connection on which it was
 * not answered is closed and not used again, and errors say what kind they are without what was written (PostgreSQL's own
 * quote rows). A transaction whose commit was not answered may have been committed (`unavailable`).
 */
import type { ConnectionOptions } from 'node:tls';
import { Kysely, PostgresDialect, sql } from 'kysely';
import type { PostgresPool, PostgresPoolClient, PostgresQueryResult, QueryExecutorProvider } from 'kysely';
import pg from 'pg';
import { whyOf } from '../bytes/system-errors.ts';
import { StorageError } from './errors.ts';
import { migrate } from './migrations.ts';
import type { StoreSchema } from './migrations.ts';

/** Where a database is, and by what it is entered. */
export interface DatabaseAccess {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** The schema of the store: `[a-z_][a-z0-9_]*`. */
  readonly schema: string;
  /** Read for each connection. */
  readonly password: () => string;
  /** `null`: in the clear. */
  readonly tls: ConnectionOptions | null;
  /** Connections at once; who finds none waits for as long as a statement may take. */
  readonly connections: number;
  /** Milliseconds that a statement, or a connection to be made, may take. */
  readonly timeoutMs: number;
}

export interface OpenedDatabase<Tables> {
  readonly kysely: Kysely<Tables>;
  readonly pool: DatabasePool;
}

/** @throws StorageError `newer`, `foreign`, `unavailable`, `refused` */
export async function openPostgresql<Tables>(
  access: DatabaseAccess,
  schema: StoreSchema,
): Promise<OpenedDatabase<Tables>> {
  const opened = databaseAsItIs<Tables>(access);
  const { kysely, pool } = opened;
  try {
    const place = `schema ${access.schema} of database ${access.database}`;
    await migrate(kysely, place, schema, access.schema);
    return opened;
  } catch (error) {
    await kysely.destroy();
    await pool.end();
    throw error;
  }
}

/** A store that is there, of whatever version it is. */
export function databaseAsItIs<Tables>(access: DatabaseAccess): OpenedDatabase<Tables> {
  const pool = new DatabasePool(access);
  return { kysely: new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }), pool };
}

/** Waits until nobody else holds a lock of this name in this schema, and holds it until the transaction ends. */
export async function holdUntilEnd(
  transaction: QueryExecutorProvider,
  ...name: readonly string[]
): Promise<void> {
  const key = name.join('\n');
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ${`\n${key}`}, 0))`.execute(
    transaction,
  );
}

/**
 * As `holdUntilEnd` by those that do the same: only who holds it waits for them, and they for it.
 * @param schema whose lock it is; `null`: the one that comes first in the search path
 */
export async function shareUntilEnd(
  transaction: QueryExecutorProvider,
  schema: string | null,
  ...name: readonly string[]
): Promise<void> {
  const place = schema === null ? sql`current_schema()` : sql`CAST(${schema} AS TEXT)`;
  const key = name.join('\n');
  await sql`SELECT pg_advisory_xact_lock_shared(hashtextextended(${place} || ${`\n${key}`}, 0))`.execute(
    transaction,
  );
}

/** What a connection of Claviger's is set to. */
export function clientConfig(access: DatabaseAccess): pg.ClientConfig {
  const { host, port, database, user, password, tls, schema, timeoutMs } = access;
  return {
    ...{ host, port, database, user, password },
    ssl: tls ?? false,
    application_name: 'claviger',
    connectionTimeoutMillis: timeoutMs,
    statement_timeout: timeoutMs,
    lock_timeout: timeoutMs,
    // Locks of a process that stands still are not kept for it.
    idle_in_transaction_session_timeout: timeoutMs,
    keepAlive: true,
    // A client that is gone without a word is found out by the server as well.
    options: `-c search_path=${schema} -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3`,
    types: { getTypeParser: parserOf },
  };
}

/** What went wrong at a database, without what was written. */
export function databaseError(cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause;
  if (!(cause instanceof pg.DatabaseError))
    return new StorageError('unavailable', `the database cannot be reached: ${whyOf(cause)}`);
  const code = cause.code ?? '';
  const where = cause.constraint ?? cause.table;
  const said = `${code}${where === undefined ? '' : `, ${where}`}`;
  if (code === '23505') return new StorageError('conflict', `there already (${said})`);
  // These name users, databases and settings alone.
  const words = SPEAKING.test(code) ? `${cause.message} (${said})` : said;
  if (AWAY.test(code)) return new StorageError('unavailable', `the database is not available: ${words}`);
  return new StorageError('refused', `the database refuses: ${words}`);
}

/** Connections to a database, for Kysely. */
export class DatabasePool implements PostgresPool {
  readonly #pool: pg.Pool;
  readonly #timeoutMs: number;
  #failed = 0;
  #ended: Promise<void> | null = null;

  constructor(access: DatabaseAccess) {
    this.#timeoutMs = access.timeoutMs;
    this.#pool = new pg.Pool({ ...clientConfig(access), max: access.connections, idleTimeoutMillis: 60_000 });
    // Of a connection that nobody uses: the next one that is wanted is made anew.
    this.#pool.on('error', () => (this.#failed += 1));
    // One may end with what it answered last, before whoever waited for it has it: nobody listens then, and each statement fails.
    this.#pool.on('connect', (client) => void client.on('error', () => undefined));
  }

  /** Connections by what they do, and statements that wait for one. */
  get counts(): Readonly<Record<'busy' | 'idle' | 'waiting', number>> {
    const { totalCount, idleCount, waitingCount } = this.#pool;
    return { busy: totalCount - idleCount, idle: idleCount, waiting: waitingCount };
  }

  /** Connections that failed, or could not be made, since the start. */
  get failures(): number {
    return this.#failed;
  }

  async connect(): Promise<PostgresPoolClient> {
    try {
      return new GuardedClient(await this.#pool.connect(), this.#timeoutMs, () => (this.#failed += 1));
    } catch (cause) {
      this.#failed += 1;
      throw databaseError(cause);
    }
  }

  /** Ends within the time of a statement, whatever the server does. */
  end(): Promise<void> {
    this.#ended ??= within(this.#timeoutMs, this.#pool.end(), () => undefined);
    return this.#ended;
  }
}

/* ---------------------------------------------------------------- helpers */

/** Classes of SQLSTATE: connection, operator's doing, resources, system, serialisation, locks, read-only, idle in transaction. */
const AWAY = /^(?:08|57|53|58|XX|40|55P03|25006|25P0)/;
const SPEAKING = /^(?:08|57|53|28|3D|3F|42501|25006)/;

const INT8 = pg.types.builtins.INT8;

/** Whole numbers of eight octets are numbers here; the readers of columns refuse what a number does not hold. */
function parserOf(...[oid, format]: Parameters<typeof pg.types.getTypeParser>): (value: string) => unknown {
  if (oid === INT8) return Number;
  return pg.types.getTypeParser(oid, format) as (value: string) => unknown;
}

/** A connection while somebody has it. One that failed is closed when it is given back. */
class GuardedClient implements PostgresPoolClient {
  readonly #client: pg.PoolClient;
  readonly #timeoutMs: number;
  readonly #onFailure: () => void;
  #failure: StorageError | null = null;

  constructor(client: pg.PoolClient, timeoutMs: number, onFailure: () => void) {
    this.#client = client;
    // The server ends a statement by itself before.
    this.#timeoutMs = timeoutMs + 1_000;
    this.#onFailure = onFailure;
    client.on('error', this.#fail);
  }

  query<R>(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query(cursor: never): never;
  async query<R>(text: string, parameters: readonly unknown[] = []): Promise<PostgresQueryResult<R>> {
    if (this.#failure !== null) throw this.#failure;
    try {
      const answer = this.#client.query(text, [...parameters]);
      const late = (): never => {
        throw new StorageError('unavailable', 'the database does not answer');
      };
      return (await within(this.#timeoutMs, answer, late)) as unknown as PostgresQueryResult<R>;
    } catch (cause) {
      const error = databaseError(cause);
      const isOver = !(cause instanceof pg.DatabaseError) || /^(?:FATAL|PANIC)$/.test(cause.severity ?? '');
      if (isOver) this.#fail(error);
      throw error;
    }
  }

  release(): void {
    this.#client.off('error', this.#fail);
    this.#client.release(this.#failure ?? undefined);
  }

  /** The connection is over: told by an answer, or between two. */
  readonly #fail = (cause: unknown): void => {
    if (this.#failure !== null) return;
    this.#failure = databaseError(cause);
    this.#onFailure();
  };
}

/** What a promise gives, or what `late` does once it has taken too long. */
async function within<T>(ms: number, promise: Promise<T>, late: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<'overdue'>((resolve) => {
    timer = setTimeout(() => resolve('overdue'), ms);
  });
  try {
    const first = await Promise.race([promise.then((value) => ({ value })), overdue]);
    if (first !== 'overdue') return first.value;
    promise.catch(() => undefined);
    return late();
  } finally {
    clearTimeout(timer);
  }
}
