/** What an entity says to its operator of a database that it shares with other processes. */
import type { DatabasePool } from '../storage/postgresql.ts';
import { meter, meterBy } from './meters.ts';
import type { Meter } from './operation.ts';
import type { Alarm } from './status.ts';

/** A database that is in use. */
export interface SharedDatabase {
  readonly pool: DatabasePool;
  /** Why it cannot be used now, and since when (ISO 8601); `null`: it can. */
  problem(): { readonly text: string; readonly since: string } | null;
}

export function databaseAlarms(database: SharedDatabase | null): Alarm[] {
  const problem = database?.problem() ?? null;
  if (problem === null) return [];
  return [{ name: 'database', severity: 'critical', about: '', text: problem.text, since: problem.since }];
}

export function databaseMeters(database: SharedDatabase | null): Meter[] {
  if (database === null) return [];
  const { pool } = database;
  return [
    meterBy(
      'state',
      'database_connections',
      'Connections to the database, and what waits for one.',
      () => pool.counts,
    ),
    meter(
      'database_failures_total',
      'Connections to the database that failed, or could not be made.',
      () => pool.failures,
    ),
  ];
}
