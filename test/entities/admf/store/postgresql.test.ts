/** The ADMF's store in PostgreSQL: it does all that any store does, for one ADMF at a time. */
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { PostgresqlAdmfStore } from '../../../../src/entities/admf/store/postgresql.ts';
import { systemClock } from '../../../../src/host/runtime.ts';
import { databaseAsItIs } from '../../../../src/storage/postgresql.ts';
import type { DatabaseAccess } from '../../../../src/storage/postgresql.ts';
import { missingPostgresql, ownDatabase, query, testAccess } from '../../../support/postgresql.ts';
import { silent } from '../../../support/silent.ts';
import { admfStoreSuite, record } from './compliance.ts';
import { hi1StoreSuite } from './hi1-compliance.ts';

const ports = { clock: systemClock(), logger: silent };
const open = (access: DatabaseAccess, instance = 'one') => PostgresqlAdmfStore.open(access, instance, ports);

describe.skipIf(missingPostgresql())('with PostgreSQL', () => {
  const schemas = new Map<string, string>();
  const openAt = async (place: string): Promise<PostgresqlAdmfStore> => {
    const access = await testAccess(schemas.get(place));
    schemas.set(place, access.schema);
    return open(access);
  };
  admfStoreSuite({ name: 'PostgreSQL', open: openAt });
  hi1StoreSuite({
    name: 'PostgreSQL',
    open: async (place) => {
      const store = await openAt(place);
      return Object.assign(store.hi1, { close: () => store.close() });
    },
  });

  it('R-78: a second ADMF is refused, until the first has ended', async () => {
    const access = await testAccess();
    const first = await open(access, 'a');
    await first.saveWarrants([record], []);
    await expect(open(access, 'b')).rejects.toMatchObject({ code: 'locked' });
    await first.close();
    const second = await open(access, 'b');
    expect((await second.load()).warrants).toEqual([record]);
    await second.close();
  });

  it('R-90: tables of which something was erased are written anew, without it', async () => {
    const access = await ownDatabase();
    const store = await open(access);
    await store.saveWarrants([record], []);
    const place = async () =>
      (await query(access, "SELECT pg_relation_filepath('warrant') AS file"))[0]?.['file'];
    const before = await place();
    await store.saveWarrants([{ ...record, erased: true }], []);
    expect(await place()).not.toBe(before);
    expect(store.notRewritten).toEqual([]);
    await store.close();
  });

  it('R-90: what is erased is erased also where a table cannot be written anew yet, which is told', async () => {
    const access = await ownDatabase();
    const store = await open({ ...access, timeoutMs: 1_000 });
    await store.saveWarrants([record], []);
    const { kysely, pool } = databaseAsItIs(access);
    await kysely.transaction().execute(async (transaction) => {
      // Whoever reads the table meanwhile keeps it from being written anew.
      await sql`SELECT liid FROM warrant`.execute(transaction);
      await store.saveWarrants([{ ...record, erased: true }], []);
    });
    expect((await store.load()).warrants).toMatchObject([{ erased: true }]);
    expect(store.notRewritten).toEqual(['warrant', 'warrant_history']);
    await Promise.all([kysely.destroy(), pool.end(), store.close()]);
  });

  it('R-90: what an ADMF had erased that was killed then is in no file either, once one starts; other tables are left alone', async () => {
    const access = await ownDatabase();
    const store = await open({ ...access, timeoutMs: 1_000 });
    await store.saveWarrants([record], []);
    await store.saveDid('key', 'did');
    const files = async () => {
      const names = ['warrant', 'hi1_object', 'did'].map(
        (name) => `pg_relation_filepath('${name}') AS ${name}`,
      );
      return (await query(access, `SELECT ${names.join(', ')}`))[0];
    };
    const before = await files();
    const { kysely, pool } = databaseAsItIs(access);
    await kysely.transaction().execute(async (transaction) => {
      await sql`SELECT liid FROM warrant`.execute(transaction);
      await store.saveWarrants([{ ...record, erased: true }], []);
      await store.close();
    });
    expect(await files()).toEqual(before);
    await (await open(access)).close();
    const after = await files();
    expect(after).toEqual({
      ...before,
      warrant: expect.not.stringMatching(String(before?.['warrant'])) as unknown,
    });
    await (await open(access)).close();
    expect(await files()).toEqual(after);
    await Promise.all([kysely.destroy(), pool.end()]);
  });

  it('R-90: nothing is written anew where HI1 has nothing to erase', async () => {
    const access = await testAccess();
    const store = await open(access);
    await store.hi1.erase('police', []);
    expect(await query(access, 'SELECT * FROM erased')).toEqual([]);
    await store.close();
  });
});
