import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { destinationsOf, inForce, TaskError, TaskTable } from '../../src/x1/tasks.ts';
import type { TaskEvent } from '../../src/x1/task-changes.ts';
import { SqliteTaskStore } from '../../src/x1/task-store.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { destination as anyDestination, task as anyTask } from '../wire/x1/support.ts';
import { destination, DID, MemoryStore, OTHER_DID, OTHER_XID, task, XID } from '../poi/support.ts';

async function openTable() {
  const store = new MemoryStore();
  const clock = new ManualClock();
  const table = await TaskTable.open(clock, store);
  const events: TaskEvent[] = [];
  table.subscribe((event) => events.push(event));
  return { store, clock, table, events };
}

const code = (promise: Promise<void>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: unknown) => (error instanceof TaskError ? error.code : String(error)),
  );

describe('the table of tasks', () => {
  it('activates, modifies and deactivates, and tells of each', async () => {
    const { table, events } = await openTable();
    await table.createDestination(destination);
    await table.activate(task);
    expect(table.task(XID)).toEqual(task);
    const wider = { ...task, targets: [...task.targets, { name: 'telUri', value: 'tel:+12125550101' }] };
    await table.modify(wider);
    expect(table.record(XID)).toMatchObject({ task: wider, modifications: 1 });
    await table.deactivate(XID);
    expect(table.task(XID)).toBeNull();
    await table.removeDestination(DID);
    expect(events.map(({ kind }) => kind)).toEqual([
      'destination-created',
      'task-activated',
      'task-modified',
      'task-deactivated',
      'destination-removed',
    ]);
  });

  it('R-75: changes that come together are stored together, each judged by what the ones before it leave', async () => {
    const { table, store, events } = await openTable();
    const other = { ...task, xid: OTHER_XID };
    const outcomes = await Promise.all(
      [
        table.createDestination(destination),
        table.activate(task),
        table.activate(task),
        table.activate(other),
        table.deactivate(XID),
        table.deactivate(XID),
        table.removeDestination(DID),
      ].map(code),
    );
    expect(outcomes).toEqual(['done', 'done', 'xid-exists', 'done', 'done', 'xid-unknown', 'did-in-use']);
    expect(store.changes).toHaveLength(1);
    expect(table.tasks()).toEqual([other]);
    expect(events.map(({ kind }) => kind)).toEqual([
      'destination-created',
      'task-activated',
      'task-activated',
      'task-deactivated',
    ]);
  });

  it('what a disk refuses together has not happened, and can be asked for again', async () => {
    const { table, store, events } = await openTable();
    store.fails = true;
    const all = [table.createDestination(destination), table.activate(task)].map(code);
    expect(table.destinations()).toEqual([]);
    expect(await Promise.all(all)).toEqual(['Error: disk is full', 'Error: disk is full']);
    expect([table.tasks(), table.destinations(), events]).toEqual([[], [], []]);
    store.fails = false;
    expect(await code(table.activate(task))).toBe('did-unknown');
    expect(await code(table.createDestination(destination))).toBe('done');
    expect(await code(table.activate(task))).toBe('done');
  });

  it('refuses what does not fit, and nothing has changed', async () => {
    const { table, store } = await openTable();
    expect(await code(table.activate(task))).toBe('did-unknown');
    await table.createDestination(destination);
    expect(await code(table.createDestination(destination))).toBe('did-exists');
    await table.activate(task);
    expect(await code(table.activate(task))).toBe('xid-exists');
    expect(await code(table.modify({ ...task, xid: OTHER_XID }))).toBe('xid-unknown');
    expect(await code(table.modify({ ...task, dids: [OTHER_DID] }))).toBe('did-unknown');
    expect(await code(table.deactivate(OTHER_XID))).toBe('xid-unknown');
    expect(await code(table.removeDestination(DID))).toBe('did-in-use');
    expect(await code(table.removeDestination(OTHER_DID))).toBe('did-unknown');
    expect(await code(table.removeAllDestinations())).toBe('dids-in-use');
    expect(await code(table.modifyDestination({ ...destination, did: OTHER_DID }))).toBe('did-unknown');
    expect(store.changes).toHaveLength(2);
  });

  it('a destination that only a warrant names is in use', async () => {
    const { table } = await openTable();
    await table.createDestination(destination);
    const mediation = [{ liid: 'LIID1', deliveryType: 'HI2Only' as const, dids: [DID] }];
    await table.activate({ ...task, dids: [], mediation });
    expect(await code(table.removeDestination(DID))).toBe('did-in-use');
  });

  it('a change that could not be stored has not happened', async () => {
    const { table, store, events } = await openTable();
    await table.createDestination(destination);
    store.fails = true;
    await expect(table.activate(task)).rejects.toThrow('disk is full');
    expect(table.task(XID)).toBeNull();
    expect(events).toHaveLength(1);
    store.fails = false;
    await table.activate(task);
    expect(table.task(XID)).toEqual(task);
  });

  it('changes asked for at once happen one after the other', async () => {
    const { table } = await openTable();
    const outcomes = await Promise.all([
      code(table.createDestination(destination)),
      code(table.activate(task)),
      code(table.activate(task)),
      code(table.removeDestination(DID)),
      code(table.deactivate(XID)),
      code(table.removeDestination(DID)),
    ]);
    expect(outcomes).toEqual(['done', 'done', 'xid-exists', 'did-in-use', 'done', 'done']);
  });

  it('a warrant is in force from its start until before its end', () => {
    const details = { liid: 'L', deliveryType: 'HI2Only' as const, dids: [], startTime: 10, endTime: 20 };
    expect([9.999, 10, 19.999, 20].map((at) => inForce(details, at))).toEqual([false, true, true, false]);
    expect(inForce({ liid: 'L', deliveryType: 'HI2Only', dids: [] }, 0)).toBe(true);
  });
});

describe('tasks in SQLite', () => {
  it('are as they were after a restart', async () => {
    await fc.assert(
      fc.asyncProperty(anyTask, fc.array(anyDestination, { maxLength: 3 }), async (some, extra) => {
        const store = await SqliteTaskStore.open(':memory:');
        const table = await TaskTable.open(new ManualClock(), store);
        const dids = [...destinationsOf(some), ...extra.map(({ did }) => did)];
        for (const did of new Set(dids)) {
          await table.createDestination({ ...(extra[0] ?? destination), did });
        }
        await table.activate(some);
        await table.modify({ ...some, deliveryType: 'X2andX3' });
        const again = await TaskTable.open(new ManualClock(), store);
        expect(again.records()).toEqual(table.records());
        expect(new Set(again.destinations())).toEqual(new Set(table.destinations()));
        await again.deactivateAll();
        await again.removeAllDestinations();
        expect(await store.load()).toEqual({ tasks: [], destinations: [] });
        await store.close();
      }),
      { numRuns: 25 },
    );
  });
});
