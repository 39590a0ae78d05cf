/** What users of a PostgreSQL database may do that several entities work with: each what is its own, and nothing of another's. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../src/bytes/secret.ts';
import { PostgresqlAdmfStore } from '../../src/entities/admf/store/postgresql.ts';
import { PostgresqlDfStore } from '../../src/entities/df/store/postgresql.ts';
import { PartitionedDfStore } from '../../src/entities/df/store/postgresql-partitions.ts';
import { PostgresqlKmsStore } from '../../src/entities/kms/store/postgresql.ts';
import { systemClock } from '../../src/host/runtime.ts';
import type { DatabaseAccess } from '../../src/storage/postgresql.ts';
import { missingPostgresql, ownDatabase, query } from '../support/postgresql.ts';
import { silent } from '../support/silent.ts';
import { NOTHING } from './df/store/compliance-values.ts';

const ports = { clock: systemClock(), logger: silent };
const DENIED = { code: '42501' };

describe.skipIf(missingPostgresql())('R-57: users of a database that several entities work with', () => {
  it('may make their own schemas, or work in one that was made for them, and neither read nor write those of others', async () => {
    const admin = await ownDatabase();
    const asAdmin = { ...admin, schema: 'public' };
    const { database } = admin;
    /** @param schema that was made for it; `null`: it may make some */
    const user = async (name: string, schema: string | null): Promise<DatabaseAccess> => {
      const role = `${database}_${name}`;
      await query(asAdmin, `CREATE ROLE ${role} LOGIN PASSWORD 'of ${name}'`);
      onTestFinished(async () => {
        await query(asAdmin, `DROP OWNED BY ${role}`);
        await query(asAdmin, `DROP ROLE ${role}`);
      });
      if (schema === null) await query(asAdmin, `GRANT CREATE ON DATABASE ${database} TO ${role}`);
      else await query(asAdmin, `CREATE SCHEMA ${schema} AUTHORIZATION ${role}`);
      return { ...admin, user: role, password: () => `of ${name}`, schema: schema ?? name };
    };
    const [kms, admf] = [await user('kms', 'made_for_kms'), await user('admf', null)];
    const [df, mediators] = [await user('df', 'made_for_df'), await user('mediators', null)];
    const keys = await PostgresqlKmsStore.open(kms, ports);
    onTestFinished(() => keys.close());
    await keys.keepLiRoot('2027-03', Secret.of(new Uint8Array(32).fill(7)));
    const warrants = await PostgresqlAdmfStore.open(admf, 'one', ports);
    onTestFinished(() => warrants.close());
    const calls = await PostgresqlDfStore.open(df, 'one', ports);
    onTestFinished(() => calls.close());
    await calls.commit(NOTHING);
    const several = await PartitionedDfStore.open(mediators, 'one', 2, ports);
    onTestFinished(() => several.close());
    await (await several.partition(1, { streamMadeAt: 1, token: 1 })).commit(NOTHING);

    const tables: readonly (readonly [owner: DatabaseAccess, schema: string, table: string])[] = [
      [kms, kms.schema, 'li_root'],
      [kms, kms.schema, 'serial'],
      [kms, kms.schema, 'warrant_period'],
      [admf, admf.schema, 'warrant'],
      [df, df.schema, 'task'],
      [df, df.schema, 'outbox'],
      [mediators, `${mediators.schema}_p1`, 'outbox'],
    ];
    for (const [owner, schema, table] of tables) {
      const name = `${schema}.${table}`;
      for (const each of [kms, admf, df, mediators]) {
        const read = query(each, `SELECT count(*) FROM ${name}`);
        if (each === owner) {
          expect(await read).toHaveLength(1);
          continue;
        }
        await expect(read).rejects.toMatchObject(DENIED);
        await expect(query(each, `DELETE FROM ${name}`)).rejects.toMatchObject(DENIED);
      }
    }
    // Who has a schema that was made for it makes no other.
    for (const each of [kms, df])
      await expect(query(each, 'CREATE SCHEMA another')).rejects.toMatchObject(DENIED);
  });
});
