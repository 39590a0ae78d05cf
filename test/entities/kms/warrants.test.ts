/** How X1 tasks become warrants; what the periods are is in `periods.test.ts`. */
import { describe, expect, it } from 'vitest';
import { targetKeys } from '../../../src/x1/target-keys.ts';
import type { TaskStore } from '../../../src/x1/task-changes.ts';
import { TaskTable } from '../../../src/x1/tasks.ts';
import type { InterceptTask } from '../../../src/wire/x1/details.ts';
import { keyClientAddress } from '../../../src/wire/x1/key-client.ts';
import { WarrantKeepingStore } from '../../../src/entities/kms/warrants.ts';
import { SqliteKmsStore } from '../../../src/entities/kms/store/sqlite.ts';
import { ManualClock } from '../../support/manual-clock.ts';

function memoryTasks(): TaskStore {
  return { load: () => Promise.resolve({ tasks: [], destinations: [] }), commit: () => Promise.resolve() };
}

const task: InterceptTask = {
  xid: '29f28e1c-f230-486a-a860-f5a784ab9172',
  targets: [
    { name: 'sipUri', value: 'sip:Alice@Home1.example' },
    { name: 'telUri', value: 'tel:+1-555-1001' },
    { name: 'imei', value: '35693803564398' },
  ],
  deliveryType: 'X2Only',
  dids: [],
  mediation: [{ liid: 'l', deliveryType: 'HI2Only', startTime: 1_000_000, endTime: 2_000_000, dids: [] }],
};

async function tables(inner = memoryTasks()) {
  const store = await SqliteKmsStore.open(':memory:');
  const clock = new ManualClock(1_500_000);
  const keeping = new WarrantKeepingStore(inner, store, () => clock.now() / 1000, targetKeys);
  return { store, clock, table: await TaskTable.open(clock, keeping) };
}

describe('tasks that the ADMF provisions at the KMS (X1)', () => {
  it('become warrants over the identities that they name', async () => {
    const { store, table } = await tables();
    await table.activate(task);
    const targets = ['sip:Alice@home1.example', 'tel:+15551001', 'imei:35693803564398'];
    expect(await store.warrant(task.xid)).toEqual({
      xid: task.xid,
      periods: [{ targets, start: 1500, end: 2000 }],
    });
  });

  it('R-14: keep for which LEMF they are, and begin anew when they are for another', async () => {
    const { store, clock, table } = await tables();
    const lemf = (at: number, name: string) => ({
      did: `00000000-0000-4000-8000-00000000000${at}`,
      deliveryType: 'X2Only' as const,
      address: keyClientAddress(name),
    });
    const [a, b] = [lemf(1, 'lemf.a.example'), lemf(2, 'lemf.b.example')];
    await table.createDestination(a);
    await table.createDestination(b);
    await table.activate({ ...task, dids: [a.did] });
    clock.advance(100_000);
    await table.modify({ ...task, dids: [b.did] });
    clock.advance(100_000);
    await table.modifyDestination(lemf(2, 'lemf.c.example'));
    clock.advance(100_000);
    await table.modify(task);
    expect(
      (await store.warrant(task.xid))?.periods.map(({ start, end, lemf }) => [start, end, lemf]),
    ).toEqual([
      [1500, 1600, { name: 'lemf.a.example', liid: 'l' }],
      [1600, 1700, { name: 'lemf.b.example', liid: 'l' }],
      [1700, 1800, { name: 'lemf.c.example', liid: 'l' }],
      [1800, 2000, undefined],
    ]);
  });

  it('stay as warrants when they are deactivated, ended at that moment', async () => {
    const { store, clock, table } = await tables();
    await table.activate(task);
    clock.advance(100_000);
    await table.deactivate(task.xid);
    expect(await store.warrant(task.xid)).toMatchObject({ periods: [{ start: 1500, end: 1600 }] });
  });

  it('change with the task, and keep the original end when removed after it', async () => {
    const { store, clock, table } = await tables();
    await table.activate(task);
    const shorter = { ...task, mediation: [{ ...task.mediation[0]!, endTime: 1_700_000 }] };
    await table.modify(shorter);
    expect(await store.warrant(task.xid)).toMatchObject({ periods: [{ end: 1700 }] });
    clock.advance(900_000);
    await table.deactivate(task.xid);
    expect(await store.warrant(task.xid)).toMatchObject({ periods: [{ end: 1700 }] });
  });

  it('without times are in force from activation to deactivation', async () => {
    const { store, clock, table } = await tables();
    const open = { ...task, mediation: [{ liid: 'l', deliveryType: 'HI2Only' as const, dids: [] }] };
    await table.activate(open);
    expect(await store.warrant(task.xid)).toMatchObject({ periods: [{ start: 1500, end: Infinity }] });
    clock.advance(10_000);
    await table.modify(open);
    expect(await store.warrant(task.xid)).toMatchObject({ periods: [{ start: 1500 }] });
  });

  it('are taken up again from the table after a restart: what a crash kept from them begins then', async () => {
    const record = { task, activatedAt: 0, modifiedAt: 0, modifications: 0 };
    const inner = { ...memoryTasks(), load: () => Promise.resolve({ tasks: [record], destinations: [] }) };
    const { store } = await tables(inner);
    expect(await store.warrant(task.xid)).toMatchObject({ periods: [{ start: 1500, end: 2000 }] });
  });
});
