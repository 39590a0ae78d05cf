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

/** An entity that shares none has them too, of nothing. */
export function databaseMeters(database: SharedDatabase | null): Meter[] {
  return [
    meterBy(
      'state',
      'database_connections',
      'Connections to the database that it shares with other processes, and what waits for one.',
      () => database?.pool.counts ?? {},
    ),
    meter(
      'database_failures_total',
      'Connections to the database that failed, or could not be made.',
      () => database?.pool.failures ?? 0,
    ),
  ];
}
