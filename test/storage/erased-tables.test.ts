/** Tables of which something was erased: no file has it any more, whoever else uses the database. */
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';
import { describe, expect, it } from 'vitest';
import { ErasedTables, erasedMarks, markErased } from '../../src/storage/erased-tables.ts';
import { systemClock } from '../../src/host/runtime.ts';
import { statements } from '../../src/storage/migrations.ts';
import { openPostgresql } from '../../src/storage/postgresql.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { missingPostgresql, ownDatabase, query, testAccess } from '../support/postgresql.ts';
import { silent } from '../support/silent.ts';

function erase(db: Kysely<unknown>, where: RawBuilder<unknown>): Promise<void> {
  return db.transaction().execute(async (transaction) => {
    await sql`DELETE FROM kept ${where}`.execute(transaction);
    await markErased(transaction, 'kept');
  });
}

const ports = { clock: systemClock(), logger: silent };

const SCHEMA = {
  store: 'erased',
  firstTables: [],
  migrations: [
    statements('CREATE TABLE kept (id INTEGER PRIMARY KEY, octets TEXT)', 'CREATE TABLE other (id INTEGER)'),
    erasedMarks('kept', 'other'),
  ],
};

describe.skipIf(missingPostgresql())('tables of which something was erased', () => {
  it('R-90: are those that had something before there were marks, too', async () => {
    const access = await testAccess();
    const before = { ...SCHEMA, migrations: SCHEMA.migrations.slice(0, 1) };
    const old = await openPostgresql(access, before);
    await sql`INSERT INTO kept VALUES (1, 'goes')`.execute(old.kysely);
    await sql`DELETE FROM kept`.execute(old.kysely);
    await old.kysely.destroy();
    const { kysely, pool } = await openPostgresql(access, SCHEMA);
    expect(await query(access, 'SELECT name FROM erased')).toEqual([{ name: 'kept' }]);
    const erased = new ErasedTables(kysely, { timeoutMs: 5_000 }, ports);
    await erased.takeUp();
    expect([erased.waiting, await query(access, 'SELECT name FROM erased')]).toEqual([[], []]);
    erased.stop();
    await kysely.destroy();
    await Promise.all([old.pool.end(), pool.end()]);
  });

  it('R-90: are written anew when no older transaction can see it any more, which is told until then', async () => {
    const access = await ownDatabase();
    const { kysely, pool } = await openPostgresql(access, SCHEMA);
    const clock = new ManualClock();
    const erased = new ErasedTables(kysely, { timeoutMs: 100 }, { clock, logger: silent });
    const inFile = async (text: string): Promise<boolean> => {
      await query(access, 'CHECKPOINT');
      const [row] = await query(
        access,
        `SELECT position('${text}'::bytea in pg_read_binary_file(pg_relation_filepath('kept'))) > 0 AS found`,
      );
      return row?.['found'] === true;
    };
    await sql`INSERT INTO kept VALUES (1, ${'secret '.repeat(9)}), (2, 'stays')`.execute(kysely);
    await kysely
      .transaction()
      .setIsolationLevel('repeatable read')
      .execute(async (older) => {
        await sql`SELECT id FROM other`.execute(older);
        await erase(kysely, sql`WHERE id = 1`);
        await erased.takeUp();
        expect(erased.waiting).toEqual(['kept']);
        expect(await inFile('secret secret')).toBe(true);
      });
    const later = async (): Promise<void> => {
      while (erased.waiting.length > 0) {
        clock.advance(86_400_000);
        await sleep(20);
      }
    };
    await later();
    expect([await inFile('secret secret'), await inFile('stays')]).toEqual([false, true]);
    // Whoever writes, in whichever database of the server, makes the transaction that writes a table anew count as older.
    const elsewhere = await openPostgresql(await testAccess(), SCHEMA);
    await elsewhere.kysely.transaction().execute(async (older) => {
      await sql`INSERT INTO other VALUES (1)`.execute(older);
      await erase(kysely, sql``);
      await erased.takeUp();
      expect(erased.waiting).toEqual(['kept']);
    });
    await elsewhere.kysely.destroy();
    await elsewhere.pool.end();
    await later();
    expect(await inFile('stays')).toBe(false);
    erased.stop();
    await kysely.destroy();
    await pool.end();
  });
});
