/** When a warrant lets a question be answered (interfaces.md, Xk), and how X1 tasks become warrants. */
import { describe, expect, it } from 'vitest';
import { targetKeys } from '../../../src/x1/target-keys.ts';
import type { TaskStore } from '../../../src/x1/tasks.ts';
import { TaskTable } from '../../../src/x1/tasks.ts';
import type { InterceptTask } from '../../../src/wire/x1/details.ts';
import { timeVerdict, WarrantKeepingStore } from '../../../src/entities/kms/warrants.ts';
import { SqliteKmsStore } from '../../../src/entities/kms/store/sqlite.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const settings = { sessionMemory: 3600, retention: 86_400 };
const warrant = { xid: 'x', targets: [], start: 10_000, end: 20_000 };

function verdict(now: number, earliest: number, latest = earliest, midCall = false) {
  return timeVerdict(warrant, { now, times: { earliest, latest }, midCall }, settings);
}

describe('time rules', () => {
  it('in force: T not after the end', () => {
    expect(verdict(15_000, 12_000)).toBe('in-time');
    expect(verdict(15_000, 10_000)).toBe('in-time');
    expect(verdict(19_999, 19_999)).toBe('in-time');
    expect(verdict(15_000, 12_000, 20_000)).toBeNull();
  });

  it('before its start, nothing is answered', () => {
    expect(verdict(9_999, 9_999)).toBeNull();
    expect(verdict(9_999, 12_000, 12_000, true)).toBeNull();
  });

  it('T before the start: with midCall only, within the session memory, and marked', () => {
    expect(verdict(15_000, 9_999)).toBeNull();
    expect(verdict(15_000, 9_999, 12_000, true)).toBe('before-start');
    expect(verdict(15_000, 6_400, 12_000, true)).toBe('before-start');
    expect(verdict(15_000, 6_399, 12_000, true)).toBeNull();
  });

  it('after its end: T that lay in force, while retention lasts', () => {
    expect(verdict(20_000, 19_000)).toBe('in-time');
    expect(verdict(106_400, 19_000)).toBe('in-time');
    expect(verdict(106_401, 19_000)).toBeNull();
    expect(verdict(20_000, 9_999, 12_000, true)).toBeNull();
    expect(verdict(20_001, 20_000)).toBeNull();
  });
});

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
    expect(await store.warrant(task.xid)).toEqual({
      xid: task.xid,
      targets: ['sip:Alice@home1.example', 'tel:+15551001', 'imei:35693803564398'],
      start: 1000,
      end: 2000,
    });
  });

  it('stay as warrants when they are deactivated, ended at that moment', async () => {
    const { store, clock, table } = await tables();
    await table.activate(task);
    clock.advance(100_000);
    await table.deactivate(task.xid);
    expect(await store.warrant(task.xid)).toMatchObject({ start: 1000, end: 1600 });
  });

  it('change with the task, and keep the original end when removed after it', async () => {
    const { store, clock, table } = await tables();
    await table.activate(task);
    const shorter = { ...task, mediation: [{ ...task.mediation[0]!, endTime: 1_700_000 }] };
    await table.modify(shorter);
    expect(await store.warrant(task.xid)).toMatchObject({ end: 1700 });
    clock.advance(900_000);
    await table.deactivate(task.xid);
    expect(await store.warrant(task.xid)).toMatchObject({ end: 1700 });
  });

  it('without times are in force from activation to deactivation', async () => {
    const { store, clock, table } = await tables();
    const open = { ...task, mediation: [{ liid: 'l', deliveryType: 'HI2Only' as const, dids: [] }] };
    await table.activate(open);
    expect(await store.warrant(task.xid)).toMatchObject({ start: 1500, end: Infinity });
    clock.advance(10_000);
    await table.modify(open);
    expect(await store.warrant(task.xid)).toMatchObject({ start: 1500 });
  });

  it('are taken up again from the table after a restart', async () => {
    const record = { task, activatedAt: 0, modifiedAt: 0, modifications: 0 };
    const inner = { ...memoryTasks(), load: () => Promise.resolve({ tasks: [record], destinations: [] }) };
    const { store } = await tables(inner);
    expect(await store.warrant(task.xid)).toMatchObject({ start: 1000, end: 2000 });
  });
});
