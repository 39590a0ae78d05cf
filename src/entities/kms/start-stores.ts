/** Where a KMS keeps what it keeps: in SQLite, alone, or in a PostgreSQL database with others of its district. */
import type { Opened } from '../../bytes/opened.ts';
import { openKeptLog } from '../../evidence/kept-log.ts';
import type { AuditLog } from '../../evidence/log.ts';
import type { AuditTrail } from '../../evidence/trail.ts';
import { databaseAccess } from '../../host/database-config.ts';
import type { DatabaseConfig } from '../../host/database-config.ts';
import type { SharedDatabase } from '../../host/database-operation.ts';
import type { Runtime } from '../../host/runtime.ts';
import { openNeState } from '../../x1/state.ts';
import { targetKeys } from '../../x1/target-keys.ts';
import type { TaskStore } from '../../x1/task-changes.ts';
import type { KmsConfig } from './config.ts';
import type { KmsForgetting, KmsStore } from './ports.ts';
import { kmsFiles } from './start-operation.ts';
import { SqliteKmsStore } from './store/sqlite.ts';
import { WarrantKeeper, WarrantKeepingStore } from './warrants.ts';

export interface KmsStores {
  readonly store: KmsStore & { readonly forgetting: KmsForgetting };
  /** Tasks of X1, whose changes are those of warrants. */
  readonly tasks: TaskStore;
  readonly audit: AuditLog;
  readonly trail: AuditTrail;
  /** `null`: nobody shares what it keeps. */
  readonly database: SharedDatabase | null;
}

/** @throws StorageError, EvidenceError, ConfigError */
export function openKmsStores(config: KmsConfig, runtime: Runtime, opened: Opened): Promise<KmsStores> {
  return config.database === undefined
    ? openOwn(config, runtime, opened)
    : openShared(config, config.database, runtime, opened);
}

async function openOwn(config: KmsConfig, runtime: Runtime, opened: Opened): Promise<KmsStores> {
  const files = kmsFiles(config);
  const store = await SqliteKmsStore.open(files.kms);
  opened.add(() => store.close());
  const ne = await openNeState({ store: files.tasks, audit: files.audit }, runtime);
  opened.add(() => ne.close());
  const now = (): number => runtime.clock.now() / 1000;
  const tasks = new WarrantKeepingStore(ne.tasks, store, now, targetKeys);
  return { store, tasks, audit: ne.audit, trail: ne.trail, database: null };
}

async function openShared(
  config: KmsConfig,
  settings: DatabaseConfig,
  runtime: Runtime,
  opened: Opened,
): Promise<KmsStores> {
  const access = databaseAccess(settings);
  // Whoever has no database does without what speaks to one.
  const { PostgresqlKmsStore } = await import('./store/postgresql.ts');
  const { InstanceLock } = await import('../../storage/instances.ts');
  const store = await PostgresqlKmsStore.open(access, runtime);
  opened.add(() => store.close());
  const lock = await InstanceLock.hold(access, settings.instance, runtime);
  opened.add(() => lock.release());
  const kept = await openKeptLog(kmsFiles(config).audit, store.auditHead(settings.instance), runtime);
  opened.add(() => kept.close());
  const keeper = new WarrantKeeper(() => runtime.clock.now() / 1000, targetKeys);
  return {
    store,
    tasks: store.tasks(keeper),
    audit: kept.log,
    trail: kept.trail,
    database: {
      pool: store.pool,
      problem: () => lock.problem,
      notRewritten: () => store.notRewritten,
    },
  };
}
