/** X1 tasks in PostgreSQL; what several KMSs do with them is in `test/entities/kms/store/postgresql.test.ts`. */
import { describe, expect, it } from 'vitest';
import { statements } from '../../src/storage/migrations.ts';
import { openPostgresql } from '../../src/storage/postgresql.ts';
import type { DatabaseAccess } from '../../src/storage/postgresql.ts';
import { requireTasksOf, SHARED_TASKS, SharedTaskStore } from '../../src/x1/shared-task-store.ts';
import { missingPostgresql, query, testAccess } from '../support/postgresql.ts';
import { TaskTable } from '../../src/x1/tasks.ts';
import { elementRuntime } from '../support/elements.ts';
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

  it('R-56: what goes by tasks is committed where they are the newest, and before others are acknowledged or not at all', async () => {
    const access = await testAccess();
    const { kysely } = await openPostgresql<unknown>(access, {
      ...{ store: 'tasks', firstTables: [] },
      migrations: [statements('SELECT 1'), SHARED_TASKS],
    });
    const open = () => TaskTable.open(elementRuntime.clock, new SharedTaskStore(kysely));
    const [one, other] = [await open(), await open()];
    const destination = (did: string) => ({
      did,
      deliveryType: 'X2Only' as const,
      address: { kind: 'uri' as const, value: 'x' },
    });
    await one.createDestination(destination('a'));
    expect([one.version, other.version]).toEqual([1, 0]);
    const commit = (version: number, work = () => Promise.resolve()) =>
      kysely.transaction().execute(async (transaction) => {
        await requireTasksOf(transaction, access.schema, version);
        await work();
      });
    await expect(commit(other.version)).rejects.toMatchObject({ code: 'outdated' });
    await other.refresh();
    // Two at a time; a change of tasks waits for both, and is not there for either.
    const order: string[] = [];
    let change: Promise<void> = Promise.resolve();
    let count = 0;
    await Promise.all(
      ['x', 'y'].map((name) =>
        commit(other.version, async () => {
          count += 1;
          await expect.poll(() => count).toBe(2);
          if (name === 'x')
            change = one.createDestination(destination('b')).then(() => void order.push('tasks'));
          await expect.poll(async () => order.includes('tasks') || (await isWaitedFor(access))).toBe(true);
          order.push(name);
        }),
      ),
    );
    await change;
    expect(order.at(-1)).toBe('tasks');
    await expect(commit(other.version)).rejects.toMatchObject({ code: 'outdated' });
    await other.refresh();
    await commit(other.version);
    expect([one.version, other.version]).toEqual([2, 2]);
    await kysely.destroy();
  });

  it('R-56: raced with X1 at another process, what goes by a destination is done before its change is acknowledged, or by the new one', async () => {
    const { kysely } = await openPostgresql<unknown>(await testAccess(), {
      ...{ store: 'tasks', firstTables: [] },
      migrations: [statements('SELECT 1'), SHARED_TASKS],
    });
    const open = () => TaskTable.open(elementRuntime.clock, new SharedTaskStore(kysely));
    const [one, other] = [await open(), await open()];
    const at = (place: number) => ({
      did: 'a',
      deliveryType: 'X2Only' as const,
      address: { kind: 'uri' as const, value: String(place) },
    });
    await one.createDestination(at(0));
    const state = { acknowledged: 0, isOver: false };
    const changing = (async () => {
      for (let place = 1; place <= 30; place++) {
        await one.modifyDestination(at(place));
        state.acknowledged = place;
      }
    })().finally(() => (state.isOver = true));
    const seen = new Set<number>();
    do {
      const sending = ['x', 'y'].map(() =>
        other.hold(() => {
          const place = Number((other.destination('a')?.address as { value?: string }).value);
          expect(place).toBeGreaterThanOrEqual(state.acknowledged);
          seen.add(place);
        }),
      );
      await Promise.all(sending);
    } while (!state.isOver);
    await changing;
    expect(seen.size).toBeGreaterThan(3);
    await kysely.destroy();
  });
});

/** Whether somebody waits to decide on the tasks of a schema. */
async function isWaitedFor(access: DatabaseAccess): Promise<boolean> {
  const lock = `hashtextextended('${access.schema}' || E'\\ntasks', 0)`;
  const waiting = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
    AND (classid::bigint << 32) + objid::bigint = ${lock}`;
  return (await query(access, waiting)).length > 0;
}
