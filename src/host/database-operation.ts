/** What an entity says to its operator of a database that it shares with other processes. */
import type { DatabasePool } from '../storage/postgresql.ts';
import type { SoleHolder } from '../storage/sole-holder.ts';
import { meter, meterBy } from './meters.ts';
import type { Meter } from './operation.ts';
import type { Alarm } from './status.ts';

/** A database that is in use. */
export interface SharedDatabase {
  readonly pool: DatabasePool;
  /** Why it cannot be used now, and since when (ISO 8601); `null`: it can. */
  problem(): { readonly text: string; readonly since: string } | null;
  /** Tables that still have, in their files, what was erased from them. */
  notRewritten(): readonly string[];
}

/** A database of which one process works with a thing at a time: all of it, or parts. */
export interface HeldDatabase extends SharedDatabase {
  /** Resolves when another process goes on with all of it. Absent: others work with it as well. */
  readonly lost?: Promise<Error>;
}

/** What a database is that a store has. */
export function heldDatabase(store: {
  readonly pool: DatabasePool;
  readonly holder: Pick<SoleHolder<never>, 'problem' | 'lost'>;
  readonly notRewritten: readonly string[];
}): HeldDatabase {
  const { pool, holder } = store;
  return {
    ...{ pool, lost: holder.lost },
    problem: () => holder.problem,
    notRewritten: () => store.notRewritten,
  };
}

export function databaseAlarms(database: SharedDatabase | null): Alarm[] {
  const problem = database?.problem() ?? null;
  const away: Alarm[] =
    problem === null
      ? []
      : [{ name: 'database', severity: 'critical', about: '', text: problem.text, since: problem.since }];
  const left = (database?.notRewritten() ?? []).map((table): Alarm => ({
    name: 'erased-data',
    severity: 'warning',
    about: table,
    text: 'what was erased is still in files of the database: the table could not be written anew yet',
    since: null,
  }));
  return [...away, ...left];
}

/** Why an entity is not ready that cannot use it. */
export function databaseProblems(database: SharedDatabase | null): string[] {
  const problem = database?.problem() ?? null;
  return problem === null ? [] : [problem.text];
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
