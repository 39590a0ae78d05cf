/** Where an ADMF keeps its warrants: in SQLite, or in a PostgreSQL database, from where another can go on with them. */
import type { Opened } from '../../bytes/opened.ts';
import { databaseAccess } from '../../host/database-config.ts';
import { heldDatabase } from '../../host/database-operation.ts';
import type { HeldDatabase } from '../../host/database-operation.ts';
import type { Runtime } from '../../host/runtime.ts';
import type { HeldSchema } from '../../storage/sole-holder.ts';
import { X1Requester } from '../../x1/requester.ts';
import type { AdmfConfig } from './config.ts';
import type { AdmfElement } from './ports.ts';
import type { SqlAdmfStore } from './store/sql.ts';
import { SqliteAdmfStore } from './store/sqlite.ts';

export interface AdmfStores {
  readonly store: SqlAdmfStore;
  /** `null`: in SQLite. */
  readonly database: AdmfDatabase | null;
}

export interface AdmfDatabase extends HeldDatabase {
  readonly holding: HeldSchema;
}

/** @throws StorageError also `locked`, if another ADMF works with the database; ConfigError */
export async function openAdmfStore(
  { store: file, database }: AdmfConfig,
  runtime: Runtime,
  opened: Opened,
): Promise<AdmfStores> {
  if (database === undefined) {
    const store = await SqliteAdmfStore.open(file);
    opened.add(() => store.close());
    return { store, database: null };
  }
  // Whoever has no database does without what speaks to one.
  const { PostgresqlAdmfStore } = await import('./store/postgresql.ts');
  const store = await PostgresqlAdmfStore.open(databaseAccess(database), database.instance, runtime);
  opened.add(() => store.close());
  return { store, database: { ...heldDatabase(store), holding: store.holder } };
}

/**
 * X1 to an element. Of an ADMF whose database another may have taken, nothing changes at elements: what it wants them to
 * hold may be out of date. Keepalives and questions go on.
 */
export function heldX1(
  database: Pick<AdmfDatabase, 'holding'> | null,
  options: ConstructorParameters<typeof X1Requester>[0],
): AdmfElement['x1'] {
  const requester = new X1Requester(options);
  if (database === null) return requester;
  return {
    request: (request) => requester.request(request),
    requestAll: async (requests) => {
      await database.holding.held();
      return requester.requestAll(requests);
    },
  };
}
