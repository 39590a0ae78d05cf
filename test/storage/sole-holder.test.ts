/** A database that one process works with at a time: nobody who has lost it writes, and what was done is known. */
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/bytes/ports.ts';
import { systemClock } from '../../src/host/runtime.ts';
import { PROCESSES } from '../../src/storage/instances.ts';
import { statements } from '../../src/storage/migrations.ts';
import { openPostgresql } from '../../src/storage/postgresql.ts';
import type { DatabaseAccess } from '../../src/storage/postgresql.ts';
import { SOLE_HOLDER, SoleHolder } from '../../src/storage/sole-holder.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { missingPostgresql, query, testAccess } from '../support/postgresql.ts';
import { silent } from '../support/silent.ts';

const SCHEMA = {
  store: 'test',
  firstTables: [],
  migrations: [statements('CREATE TABLE written (what TEXT PRIMARY KEY)'), PROCESSES, SOLE_HOLDER],
};

interface Opened {
  readonly db: Kysely<unknown>;
  readonly holder: SoleHolder<unknown>;
  readonly write: (what: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

async function open(access: DatabaseAccess, instance = 'one', clock: Clock = systemClock()): Promise<Opened> {
  const { kysely: db, pool } = await openPostgresql<unknown>(access, SCHEMA);
  const end = async (): Promise<void> => {
    await db.destroy();
    await pool.end();
  };
  try {
    const holder = await SoleHolder.take(db, access, instance, { clock, logger: silent });
    return {
      ...{ db, holder },
      write: (what) =>
        holder.write(async (transaction) => {
          await sql`INSERT INTO written VALUES (${what})`.execute(transaction);
        }),
      close: async () => {
        await holder.release();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

const written = async (access: DatabaseAccess): Promise<unknown[]> =>
  (await query(access, 'SELECT what FROM written ORDER BY what')).map(({ what }) => what);

/** The server drops the lock of whoever has it, as it does where it hears nothing of them. */
async function dropLock(access: DatabaseAccess): Promise<void> {
  const locked = `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
    AND (classid::bigint << 32) | objid::bigint = hashtextextended('${access.schema}' || E'\\nholder', 0)`;
  expect(await query(access, `SELECT pg_terminate_backend(pid) AS ended FROM (${locked}) AS held`)).toEqual([
    { ended: true },
  ]);
}

describe.skipIf(missingPostgresql())('R-78: a database that one process works with at a time', () => {
  it('is refused to a second one, and may be taken when the first has ended', async () => {
    const access = await testAccess();
    const first = await open(access, 'a');
    await first.write('first');
    await expect(open(access, 'b')).rejects.toMatchObject({ code: 'locked' });
    await first.close();
    const second = await open(access, 'b');
    await second.write('second');
    await second.close();
    expect(await written(access)).toEqual(['first', 'second']);
  });

  it('is not written by one that has lost it, which is told so, and speaks to nobody', async () => {
    const access = await testAccess();
    const first = await open(access, 'a', new ManualClock(0));
    await first.write('first');
    await first.holder.held();
    await dropLock(access);
    const second = await open(access, 'b');
    await second.write('second');
    await expect(first.write('late')).rejects.toMatchObject({ code: 'locked' });
    expect(await first.holder.lost).toMatchObject({ code: 'locked' });
    await expect(first.holder.held()).rejects.toMatchObject({ code: 'locked' });
    await second.write('third');
    await Promise.all([first.close(), second.close()]);
    expect(await written(access)).toEqual(['first', 'second', 'third']);
  });

  it('one that stood still while another took it finds that out by looking', async () => {
    const access = await testAccess();
    const clock = new ManualClock(0);
    const first = await open(access, 'a', clock);
    await dropLock(access);
    const second = await open(access, 'b');
    clock.advance(1_000);
    expect(await first.holder.lost).toMatchObject({ code: 'locked' });
    await Promise.all([first.close(), second.close()]);
  });

  it('one whose connection was lost goes on where nobody has taken it', async () => {
    const access = await testAccess();
    const first = await open(access, 'a');
    await dropLock(access);
    await expect.poll(() => first.holder.problem).toBeNull();
    await first.write('still');
    await first.close();
    expect(await written(access)).toEqual(['still']);
  });

  it('does all of a transaction or nothing, one after the other', async () => {
    const access = await testAccess();
    const { holder, write, close } = await open(access);
    await write('there');
    const twice = holder.write(async (transaction) => {
      await sql`INSERT INTO written VALUES ('half')`.execute(transaction);
      await sql`INSERT INTO written VALUES ('there')`.execute(transaction);
    });
    const next = write('next');
    await expect(twice).rejects.toMatchObject({ code: 'conflict' });
    await next;
    await close();
    expect(await written(access)).toEqual(['next', 'there']);
  });

  it('knows of a commit whose answer was lost that it was done, and of one that never came that it was not', async () => {
    const direct = await testAccess();
    const proxy = await CuttingProxy.open(direct.port);
    const access = { ...direct, port: proxy.port };
    const { write, close } = await open(access);
    proxy.cut = 'after';
    await write('done');
    proxy.cut = 'before';
    await expect(write('lost')).rejects.toMatchObject({ code: 'unavailable' });
    await write('more');
    await close();
    await proxy.close();
    expect(await written(direct)).toEqual(['done', 'more']);
  });

  it('waits, where it cannot be asked whether a commit was done, until it can', async () => {
    const direct = await testAccess();
    const proxy = await CuttingProxy.open(direct.port);
    const { write, close, holder } = await open({ ...direct, port: proxy.port });
    proxy.cut = 'after';
    const done = write('done');
    proxy.isOpen = false;
    let isOver = false;
    void done.then(() => (isOver = true));
    await expect.poll(async () => (await written(direct)).length).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isOver).toBe(false);
    proxy.isOpen = true;
    await done;
    await expect.poll(() => holder.problem).toBeNull();
    await close();
    await proxy.close();
  });
});
