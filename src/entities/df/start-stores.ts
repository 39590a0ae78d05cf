/** Where a DF keeps what it keeps: in SQLite and files, or in a PostgreSQL database, from where another can go on with it. */
import type { Opened } from '../../bytes/opened.ts';
import type { Clock } from '../../bytes/ports.ts';
import { openKeptLog } from '../../evidence/kept-log.ts';
import type { AuditLog } from '../../evidence/log.ts';
import type { AuditTrail } from '../../evidence/trail.ts';
import { databaseAccess } from '../../host/database-config.ts';
import type { DatabaseConfig } from '../../host/database-config.ts';
import { heldDatabase } from '../../host/database-operation.ts';
import type { HeldDatabase } from '../../host/database-operation.ts';
import { pinoLogger } from '../../host/log.ts';
import { systemClock } from '../../host/runtime.ts';
import type { Runtime } from '../../host/runtime.ts';
import { setAsideBeside } from '../../storage/set-aside.ts';
import { openNeState } from '../../x1/state.ts';
import type { TaskStore } from '../../x1/task-changes.ts';
import type { DfConfig } from './config.ts';
import type { DeliveryOptions } from './start-delivery.ts';
import { beginEpoch } from './store/epoch.ts';
import type { LockPorts } from '../../storage/instances.ts';
import type { PartitionedDfStore } from './store/postgresql-partitions.ts';
import type { PostgresqlDfStore } from './store/postgresql.ts';
import { SqliteDfStore } from './store/sqlite.ts';

/** What every DF that mediates keeps, whatever it has of calls. */
export interface KeptByDf extends Pick<DeliveryOptions, 'setAside'> {
  /** Tasks of X1. */
  readonly tasks: TaskStore;
  readonly audit: AuditLog;
  readonly trail: AuditTrail;
  /** `null`: its stores are files. */
  readonly database: HeldDatabase | null;
}

/** Of one that has all calls. */
export interface DfStores extends KeptByDf, Pick<DeliveryOptions, 'store'> {}

/** Of one of several that have some partitions of them each. */
export interface PartitionedStores extends KeptByDf {
  readonly partitioned: PartitionedDfStore;
}

/** @throws StorageError also `locked`, if another DF works with the database; EvidenceError, ConfigError */
export async function openDfStores(config: DfConfig, runtime: Runtime, opened: Opened): Promise<DfStores> {
  if (config.database !== undefined) return openInDatabase(config, config.database, runtime, opened);
  const state = await openNeState({ store: config.x1.store, audit: config.audit }, runtime);
  opened.add(() => state.close());
  return {
    ...filesAt(config.store, runtime.clock),
    ...{ tasks: state.tasks, audit: state.audit, trail: state.trail, database: null },
  };
}

/** @throws StorageError `locked` if another process has the instance's name, `refused`; EvidenceError, ConfigError */
export async function openPartitionedStores(
  { audit }: DfConfig,
  settings: DatabaseConfig,
  partitions: number,
  runtime: Runtime,
  opened: Opened,
): Promise<PartitionedStores> {
  const { PartitionedDfStore } = await import('./store/postgresql-partitions.ts');
  const access = databaseAccess(settings);
  const partitioned = await PartitionedDfStore.open(access, settings.instance, partitions, runtime);
  opened.add(() => partitioned.close());
  const kept = await openKeptLog(audit, partitioned.auditHead(settings.instance), runtime);
  opened.add(() => kept.close());
  return {
    partitioned,
    setAside: setAsideBeside(audit),
    tasks: partitioned.tasks(),
    ...{ audit: kept.log, trail: kept.trail },
    database: {
      pool: partitioned.pool,
      problem: () => partitioned.problem,
      notRewritten: () => partitioned.notRewritten,
    },
  };
}

/** A store in a file, and what is beside it. */
export function filesAt(file: string, clock: Clock): Pick<DeliveryOptions, 'store' | 'setAside'> {
  return {
    store: async (opened) => {
      const store = await SqliteDfStore.open(file, 'thread', clock);
      opened.add(() => store.close());
      return store;
    },
    setAside: setAsideBeside(file),
  };
}

/** After its stores were put back from a copy. @returns above which CINs go on @throws StorageError also `locked` */
export async function beginEpochOf(
  { store: file, database, streams }: DfConfig,
  now: number,
): Promise<number> {
  if (database === undefined) return beginEpoch(file, now);
  const ports = { clock: systemClock(), logger: pinoLogger('error', 'df') };
  const store = await openedFor(database, streams !== undefined, ports);
  try {
    return await store.beginEpoch(now);
  } finally {
    await store.close();
  }
}

async function openedFor(
  database: DatabaseConfig,
  isPartitioned: boolean,
  ports: LockPorts,
): Promise<PartitionedDfStore | PostgresqlDfStore> {
  const access = databaseAccess(database);
  if (isPartitioned) {
    const { PartitionedDfStore } = await import('./store/postgresql-partitions.ts');
    return PartitionedDfStore.open(access, database.instance, null, ports);
  }
  const { PostgresqlDfStore } = await import('./store/postgresql.ts');
  return PostgresqlDfStore.open(access, database.instance, ports);
}

async function openInDatabase(
  { audit }: DfConfig,
  settings: DatabaseConfig,
  runtime: Runtime,
  opened: Opened,
): Promise<DfStores> {
  const access = databaseAccess(settings);
  // Whoever has no database does without what speaks to one.
  const { PostgresqlDfStore } = await import('./store/postgresql.ts');
  const store = await PostgresqlDfStore.open(access, settings.instance, runtime);
  opened.add(() => store.close());
  const kept = await openKeptLog(audit, store.auditHead(settings.instance), runtime);
  opened.add(() => kept.close());
  return {
    store: () => Promise.resolve(store),
    setAside: setAsideBeside(audit),
    tasks: store.tasks(),
    ...{ audit: kept.log, trail: kept.trail, database: heldDatabase(store) },
  };
}
