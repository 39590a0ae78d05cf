/** The engines beside the processes of Claviger, as they are installed: what they are asked for, and their processor time. */
import pg from 'pg';
import type { DatabaseConfig } from '../../src/host/database-config.ts';
import { PostgresqlServer, programs } from '../../test/support/postgresql-server.ts';
import { missingNats } from '../../test/support/nats-server.ts';
import { processorSecondsWithEnded } from '../processor.ts';

/** Why there is nothing to measure; `null`: both engines are there. */
export function withoutEngines(): string | null {
  if (programs() === null) return 'PostgreSQL is not installed (Debian: postgresql)';
  return missingNats() ? 'nats-server is not installed (Debian: nats-server)' : null;
}

/** What a database has done so far. */
export interface DatabaseLook {
  readonly seconds: number;
  /** BEGIN and COMMIT among them. */
  readonly statements: number;
  readonly transactions: number;
  readonly walOctets: number;
}

/** What it has done for a unit. */
export interface DatabaseWork extends DatabaseLook {
  /** Of rows, and of entries of their indexes, that have stayed. */
  readonly octets: number;
}

/** Of a row or an entry of an index: where its page says that it is. */
const ITEM_OCTETS = 4;

/** PostgreSQL that makes what it commits durable, and counts statements. */
export class MeasuredDatabase {
  readonly #server: PostgresqlServer;
  readonly #client: pg.Client;

  private constructor(server: PostgresqlServer, client: pg.Client) {
    this.#server = server;
    this.#client = client;
  }

  static async start(): Promise<MeasuredDatabase> {
    const server = await PostgresqlServer.own();
    await server.stop('fast');
    await server.start({ fsync: 'on', shared_preload_libraries: 'pg_stat_statements' });
    const { host, port, name, user } = server.database('public');
    const client = new pg.Client({ host, port, database: name, user, password: server.password });
    await client.connect();
    await client.query('CREATE EXTENSION pg_stat_statements; CREATE EXTENSION pgstattuple');
    return new MeasuredDatabase(server, client);
  }

  settings(schema: string, instance: string): DatabaseConfig {
    return this.#server.database(schema, instance);
  }

  /** Processor time of the server so far. */
  get seconds(): number {
    return processorSecondsWithEnded(this.#server.pid);
  }

  async work(): Promise<DatabaseLook> {
    const { rows } = await this.#client.query<Record<string, string>>(`
      SELECT (SELECT sum(calls) FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_%') AS statements,
             (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()) AS transactions,
             (SELECT wal_bytes FROM pg_stat_wal) AS wal`);
    const [row = {}] = rows;
    return {
      seconds: this.seconds,
      statements: Number(row['statements']),
      transactions: Number(row['transactions']),
      walOctets: Number(row['wal']),
    };
  }

  /**
   * Octets of all rows that there are and of their indexes' entries: pages are not counted, since they have room, grow one at
   * a time, and are written anew where something was erased. What no row refers to any more is removed before, so this is for
   * when nothing is measured.
   */
  async kept(): Promise<number> {
    const tables = await this.#client.query<{ name: string }>(`
      SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`);
    if (tables.rows.length === 0) return 0;
    await this.#client.query(`VACUUM ${tables.rows.map(({ name }) => name).join(', ')}`);
    const { rows } = await this.#client.query<{ octets: string | null }>(`
      WITH own AS (SELECT c.oid, c.reltoastrelid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                    WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')),
           tables AS (SELECT oid FROM own UNION SELECT reltoastrelid FROM own WHERE reltoastrelid <> 0),
           relations AS (SELECT oid FROM tables
                   UNION SELECT indexrelid FROM pg_index WHERE indrelid IN (SELECT oid FROM tables))
      SELECT sum(t.tuple_len + ${ITEM_OCTETS} * t.tuple_count) AS octets
        FROM relations, LATERAL pgstattuple(relations.oid) AS t`);
    return Number(rows[0]?.octets ?? 0);
  }

  async stop(): Promise<void> {
    await this.#client.end();
    this.#server.remove();
  }
}

/** What was done between two looks, for each of so many units. @param kept octets before the first and after the second */
export function workBetween(
  before: DatabaseLook,
  after: DatabaseLook,
  units: number,
  kept: readonly [number, number],
): DatabaseWork {
  const each = (of: keyof DatabaseLook): number => (after[of] - before[of]) / units;
  return {
    ...{ seconds: each('seconds'), statements: each('statements'), transactions: each('transactions') },
    ...{ walOctets: each('walOctets'), octets: (kept[1] - kept[0]) / units },
  };
}
