/** Statements are prepared once. */
import Database from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { expect, it } from 'vitest';
import { StatementCache } from '../../src/storage/statements.ts';

interface Tables {
  thing: { id: number; name: string };
}

it('the same query is prepared once, however often it is run, and gives its own rows each time', async () => {
  const sqlite = new Database(':memory:');
  sqlite.exec('CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT NOT NULL)');
  const cache = new StatementCache(sqlite);
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: cache }) });
  for (let id = 0; id < 50; id++)
    await db
      .insertInto('thing')
      .values({ id, name: `n${id}` })
      .execute();
  const names: (string | undefined)[] = [];
  for (let id = 0; id < 50; id++) {
    const row = await db.selectFrom('thing').selectAll().where('id', '=', id).executeTakeFirst();
    names.push(row?.name);
  }
  expect(names).toEqual(Array.from({ length: 50 }, (_, id) => `n${id}`));
  expect(cache.prepared).toBe(2);
  await db.destroy();
});

it('a bounded number of texts is kept: the one not used for longest is prepared anew', () => {
  const cache = new StatementCache(new Database(':memory:'));
  for (let n = 0; n < 256; n++) cache.prepare(`SELECT ${n}`);
  cache.prepare('SELECT 0');
  cache.prepare('SELECT 256');
  expect(cache.prepared).toBe(257);
  cache.prepare('SELECT 0');
  expect(cache.prepared).toBe(257);
  cache.prepare('SELECT 1');
  expect(cache.prepared).toBe(258);
  cache.close();
});
