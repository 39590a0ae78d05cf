/** X1 tasks in PostgreSQL; what several KMSs do with them is in `test/entities/kms/store/postgresql.test.ts`. */
import { describe } from 'vitest';
import { statements } from '../../src/storage/migrations.ts';
import { openPostgresql } from '../../src/storage/postgresql.ts';
import { SHARED_TASKS, SharedTaskStore } from '../../src/x1/shared-task-store.ts';
import { missingPostgresql, testAccess } from '../support/postgresql.ts';
import { taskStoreSuite } from './task-store-compliance.ts';

describe.skipIf(missingPostgresql())('with PostgreSQL', () => {
  const schemas = new Map<string, string>();
  taskStoreSuite(
    {
      name: 'PostgreSQL',
      open: async (place) => {
        const access = await testAccess(schemas.get(place));
        schemas.set(place, access.schema);
        const migrations = [statements('SELECT 1'), SHARED_TASKS];
        const { kysely } = await openPostgresql(access, { store: 'tasks', firstTables: [], migrations });
        return Object.assign(new SharedTaskStore(kysely), { close: () => kysely.destroy() });
      },
    },
    5,
  );
});
