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
export interface DatabaseWork {
  readonly seconds: number;
  /** BEGIN and COMMIT among them. */
  readonly statements: number;
  readonly transactions: number;
  readonly walOctets: number;
  readonly octets: number;
}

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
    await client.query('CREATE EXTENSION pg_stat_statements');
    return new MeasuredDatabase(server, client);
  }

  settings(schema: string, instance: string): DatabaseConfig {
    return this.#server.database(schema, instance);
  }

  /** Processor time of the server so far. */
  get seconds(): number {
    return processorSecondsWithEnded(this.#server.pid);
  }

  async work(): Promise<DatabaseWork> {
    const { rows } = await this.#client.query<Record<string, string>>(`
      SELECT (SELECT sum(calls) FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_%') AS statements,
             (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()) AS transactions,
             (SELECT wal_bytes FROM pg_stat_wal) AS wal,
             pg_database_size(current_database()) AS octets`);
    const [row = {}] = rows;
    return {
      seconds: this.seconds,
      statements: Number(row['statements']),
      transactions: Number(row['transactions']),
      walOctets: Number(row['wal']),
      octets: Number(row['octets']),
    };
  }

  async stop(): Promise<void> {
    await this.#client.end();
    this.#server.remove();
  }
}

/** What was done between two looks, for each of so many units. */
export function workBetween(before: DatabaseWork, after: DatabaseWork, units: number): DatabaseWork {
  const each = (of: keyof DatabaseWork): number => (after[of] - before[of]) / units;
  return {
    ...{ seconds: each('seconds'), statements: each('statements'), transactions: each('transactions') },
    ...{ walOctets: each('walOctets'), octets: each('octets') },
  };
}
