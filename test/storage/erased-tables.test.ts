/** Tables of which something was erased: no file has it any more, whoever else uses the database. */
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';
import { describe, expect, it } from 'vitest';
import { ErasedTables, erasedMarks, markErased } from '../../src/storage/erased-tables.ts';
import { systemClock } from '../../src/host/runtime.ts';
import { statements } from '../../src/storage/migrations.ts';
import { openPostgresql } from '../../src/storage/postgresql.ts';
import type { DatabaseAccess } from '../../src/storage/postgresql.ts';
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

/** Whether the file of the table has a text. */
async function inFile(access: DatabaseAccess, text: string): Promise<boolean> {
  await query(access, 'CHECKPOINT');
  const [row] = await query(
    access,
    `SELECT position('${text}'::bytea in pg_read_binary_file(pg_relation_filepath('kept'))) > 0 AS found`,
  );
  return row?.['found'] === true;
}

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
    await sql`INSERT INTO kept VALUES (1, ${'secret '.repeat(9)}), (2, 'stays')`.execute(kysely);
    await kysely
      .transaction()
      .setIsolationLevel('repeatable read')
      .execute(async (older) => {
        await sql`SELECT id FROM other`.execute(older);
        await erase(kysely, sql`WHERE id = 1`);
        await erased.takeUp();
        expect(erased.waiting).toEqual(['kept']);
        expect(await inFile(access, 'secret secret')).toBe(true);
      });
    const later = async (): Promise<void> => {
      while (erased.waiting.length > 0) {
        clock.advance(86_400_000);
        await sleep(20);
      }
    };
    await later();
    expect([await inFile(access, 'secret secret'), await inFile(access, 'stays')]).toEqual([false, true]);
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
    expect(await inFile(access, 'stays')).toBe(false);
    erased.stop();
    await kysely.destroy();
    await pool.end();
  });

  it('R-90: keep the mark of what is erased while one is written anew, and may be in its new file', async () => {
    // Who only looks on is not cut off, however slow the machine is.
    const access = { ...(await ownDatabase()), timeoutMs: 60_000 };
    const { kysely, pool } = await openPostgresql(access, SCHEMA);
    const erased = new ErasedTables(kysely, { timeoutMs: 10_000 }, ports);
    /** Sees what there is, until it is told to end. */
    const watcher = async (): Promise<() => Promise<void>> => {
      let end = (): void => undefined;
      const told = new Promise<void>((resolve) => (end = resolve));
      let done: Promise<void> = Promise.resolve();
      await new Promise<void>((resolve) => {
        done = kysely
          .transaction()
          .setIsolationLevel('repeatable read')
          .execute(async (older) => {
            await sql`SELECT id FROM other`.execute(older);
            resolve();
            await told;
          });
      });
      return () => (end(), done);
    };
    const marks = () => query(access, 'SELECT name FROM erased');
    await sql`INSERT INTO kept VALUES (1, ${'first '.repeat(9)}), (2, ${'second '.repeat(9)})`.execute(
      kysely,
    );
    const first = await watcher();
    await erase(kysely, sql`WHERE id = 1`);
    const rewriting = erased.takeUp();
    // It waits for the first watcher.
    const looks = `SELECT 1 FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%n_dead_tup%'`;
    await expect.poll(() => query(access, looks)).not.toEqual([]);
    const second = await watcher();
    await erase(kysely, sql`WHERE id = 2`);
    await first();
    await rewriting;
    const found = [await inFile(access, 'first first'), await inFile(access, 'second second')];
    expect(found).toEqual([false, true]);
    expect(await marks()).toEqual([{ name: 'kept' }]);
    await second();
    await erased.takeUp();
    expect(await inFile(access, 'second second')).toBe(false);
    expect(await marks()).toEqual([]);
    erased.stop();
    await kysely.destroy();
    await pool.end();
  });
});
