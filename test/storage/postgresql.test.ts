/** Stores in PostgreSQL: how they are opened, and that nothing the server does is taken for what it is not. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { sql } from 'kysely';
import { afterAll, describe, expect, it } from 'vitest';
import { databaseAccess } from '../../src/host/database-config.ts';
import { InstanceLock } from '../../src/storage/instances.ts';
import { LabPki } from '../../src/lab/network/pki.ts';
import { statements } from '../../src/storage/migrations.ts';
import { holdUntilEnd, openPostgresql } from '../../src/storage/postgresql.ts';
import { systemClock } from '../../src/host/runtime.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { missingPostgresql, query, testAccess, testDatabase } from '../support/postgresql.ts';
import { PostgresqlServer } from '../support/postgresql-server.ts';
import { silent } from '../support/silent.ts';

const schemaOf = (...texts: string[]) => ({
  store: 'test',
  firstTables: [],
  migrations: texts.map((text) => statements(text)),
});
const NAMES = schemaOf('CREATE TABLE name (name TEXT PRIMARY KEY)');

describe.skipIf(missingPostgresql())('a store in PostgreSQL', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-database-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is made once by several that open it at once, and brought up to date', async () => {
    const access = await testAccess();
    const opened = await Promise.all([1, 2, 3].map(() => openPostgresql(access, NAMES)));
    await Promise.all(opened.map(({ kysely }) => kysely.destroy()));
    const later = schemaOf('CREATE TABLE name (name TEXT PRIMARY KEY)', 'CREATE TABLE other (n BIGINT)');
    await (await openPostgresql(access, later)).kysely.destroy();
    expect(await query(access, 'SELECT n FROM other')).toEqual([]);
    await expect(openPostgresql(access, NAMES)).rejects.toMatchObject({ code: 'newer' });
    await expect(openPostgresql(access, { ...NAMES, store: 'df' })).rejects.toMatchObject({
      code: 'foreign',
    });
  });

  it('says what is there already, and never what it was', async () => {
    const { kysely } = await openPostgresql(await testAccess(), NAMES);
    const insert = () => sql`INSERT INTO name VALUES (${'sip:alice@home1.example'})`.execute(kysely);
    await insert();
    const error = (await insert().catch((thrown: unknown) => thrown)) as Error;
    expect(error).toMatchObject({ name: 'StorageError', code: 'conflict' });
    expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain('alice');
    await kysely.destroy();
  });

  it('is not entered with a wrong password, which is told without it', async () => {
    const passwordFile = path.join(folder, 'password');
    writeFileSync(passwordFile, 'wrong one\n', { mode: 0o600 });
    const access = databaseAccess({ ...(await testDatabase()), passwordFile });
    const opening = openPostgresql(access, NAMES);
    await expect(opening).rejects.toMatchObject({ code: 'refused' });
    await expect(opening).rejects.not.toThrow(/wrong one/);
    chmodSync(passwordFile, 0o644);
    expect(() => access.password()).toThrow(/chmod 600/);
  });

  it('one decision waits for the other', async () => {
    const { kysely } = await openPostgresql(await testAccess(), NAMES);
    const seen: number[] = [];
    const decide = (n: number) =>
      kysely.transaction().execute(async (transaction) => {
        await holdUntilEnd(transaction, 'decision');
        seen.push(n);
        await sql`SELECT 1`.execute(transaction);
        seen.push(n);
      });
    await Promise.all([1, 2, 3, 4].map(decide));
    for (let at = 0; at < 8; at += 2) expect(seen[at]).toBe(seen[at + 1]);
    await kysely.destroy();
  });
});

describe.skipIf(missingPostgresql())('a PostgreSQL that takes TLS alone', () => {
  it('R-57: is entered where its certificate is of a known authority, and bears its name, with one of its own where it is asked for', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'claviger-database-tls-'));
    const pki = await LabPki.create(path.join(folder, 'pki'), Date.now());
    const other = await LabPki.create(path.join(folder, 'other'), Date.now());
    const name = 'db.home1.example';
    const { authorities } = pki;
    const server = await PostgresqlServer.own({
      ...(await pki.issue({ commonName: name, dnsNames: [name], roles: [] })),
      authorities,
    });
    const named = {
      commonName: 'kms.home1.example',
      dnsNames: ['kms.home1.example'],
      roles: ['kms'],
    } as const;
    const [own, strange] = [await pki.issue(named), await other.issue(named)];
    type Tls = NonNullable<Parameters<typeof databaseAccess>[0]['tls']>;
    const opening = async (tls?: Tls) => {
      const access = databaseAccess({
        ...server.database('test'),
        ...(tls === undefined ? {} : { host: 'localhost', tls }),
      });
      const { kysely } = await openPostgresql(access, NAMES);
      const { rows } = await sql`SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`.execute(kysely);
      await kysely.destroy();
      return rows;
    };
    const shown = ({ certificate, privateKey }: typeof own) => ({ certificate, privateKey });
    const right = { authorities, serverName: name, ...shown(own) };
    try {
      expect(await opening(right)).toEqual([{ ssl: true }]);
      await expect(opening()).rejects.toMatchObject({ code: 'refused' });
      const wrong = [
        { ...right, authorities: other.authorities },
        { ...right, serverName: 'elsewhere.example' },
      ];
      for (const tls of wrong) await expect(opening(tls)).rejects.toMatchObject({ code: 'unavailable' });
      await expect(opening({ authorities, serverName: name })).rejects.toThrow();
      await expect(opening({ ...right, ...shown(strange) })).rejects.toThrow();
    } finally {
      server.remove();
      rmSync(folder, { recursive: true });
    }
  });
});

describe.skipIf(missingPostgresql())('a PostgreSQL that fails', () => {
  it('is not waited for for ever, and no connection on which it did not answer is used again', async () => {
    const server = await PostgresqlServer.own();
    const access = databaseAccess(server.database('test'));
    await (await openPostgresql(access, NAMES)).kysely.destroy();
    const { kysely, pool } = await openPostgresql({ ...access, timeoutMs: 700 }, NAMES);
    const count = async () => (await sql`SELECT count(*) AS n FROM name`.execute(kysely)).rows;
    try {
      await expect.poll(() => count().catch(() => null)).toEqual([{ n: 0 }]);
      const resume = server.pause();
      await expect(count()).rejects.toMatchObject({ code: 'unavailable' });
      resume();
      await expect.poll(() => count().catch(() => null)).toEqual([{ n: 0 }]);
      await server.stop();
      await expect(count()).rejects.toMatchObject({ code: 'unavailable' });
      await server.start();
      await expect.poll(() => count().catch(() => null)).toEqual([{ n: 0 }]);
      expect(pool.failures).toBeGreaterThan(1);
      // Who stands still in a transaction loses it.
      const late = kysely.transaction().execute(async (transaction) => {
        await holdUntilEnd(transaction, 'decision');
        await sql`INSERT INTO name VALUES ('late')`.execute(transaction);
        await new Promise((resolve) => setTimeout(resolve, 1_100));
        await sql`INSERT INTO name VALUES ('later')`.execute(transaction);
      });
      await expect(late).rejects.toMatchObject({ code: 'unavailable' });
      await expect.poll(() => count().catch(() => null)).toEqual([{ n: 0 }]);
    } finally {
      await kysely.destroy();
      server.remove();
    }
  });

  it('R-78: an instance is one process’s until that ends', async () => {
    const access = await testAccess();
    const tables = schemaOf(
      'CREATE TABLE process (instance TEXT PRIMARY KEY, sequence BIGINT, hash TEXT, seen DOUBLE PRECISION)',
    );
    const { kysely } = await openPostgresql(access, tables);
    const hold = (name: string) => InstanceLock.hold(access, name, { clock: systemClock(), logger: silent });
    const [a, b] = [await hold('a'), await hold('b')];
    const ports = { clock: systemClock(), logger: silent };
    const soon = InstanceLock.hold({ ...access, timeoutMs: 2_000 }, 'a', ports);
    await expect(soon).rejects.toMatchObject({ code: 'locked' });
    await a.release();
    const again = await hold('a');
    expect(again.problem).toBeNull();
    await Promise.all([again.release(), b.release(), kysely.destroy()]);
  });

  it('R-78: an instance whose process was killed at a statement is waited for, and that is told', async () => {
    const access = await testAccess();
    const tables = schemaOf(
      'CREATE TABLE process (instance TEXT PRIMARY KEY, sequence BIGINT, hash TEXT, seen DOUBLE PRECISION)',
    );
    const { kysely } = await openPostgresql(access, tables);
    const proxy = await CuttingProxy.open(access.port);
    const told: string[] = [];
    const logger = { ...silent, info: (_: object, text: string) => void told.push(text) };
    const clock = systemClock();
    const killed = await InstanceLock.hold({ ...access, port: proxy.port }, 'a', { clock, logger: silent });
    const { begun } = await kysely.transaction().execute(async (transaction) => {
      await sql`SELECT 1 FROM process WHERE instance = 'a' FOR UPDATE`.execute(transaction);
      const waiting = async () =>
        query(
          access,
          `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO process%'
            AND pid = ANY (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND (classid::bigint << 32) | objid::bigint
              = hashtextextended('${access.schema}' || E'\\ninstance\\na', 0))`,
        );
      await expect.poll(waiting, { timeout: 5_000 }).toHaveLength(1);
      proxy.sever();
      await killed.release();
      // Not resolved here: it is not before this transaction has ended.
      const next = { begun: InstanceLock.hold(access, 'a', { clock, logger }) };
      await sleep(2_200);
      return next;
    });
    const next = await begun;
    expect(next.problem).toBeNull();
    expect(told).toEqual([
      'the database is in use by another process with the instance a, which is waited for',
    ]);
    await Promise.all([next.release(), kysely.destroy(), proxy.close()]);
  });
});
