/** An element with as many tasks as an operator may have: what it answers is bounded, and names are all there. */
import { describe, expect, it } from 'vitest';
import { encodeX1Request } from '../../src/wire/x1/containers.ts';
import { X1_VERSION } from '../../src/wire/x1/versions.ts';
import type { X1RequestBody } from '../../src/wire/x1/requests.ts';
import { X1_ANSWER_LIMIT } from '../../src/wire/x1/names.ts';
import { X1Requester } from '../../src/x1/requester.ts';
import { TaskTable } from '../../src/x1/tasks.ts';
import { systemRandom } from '../../src/host/runtime.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { ADMF, admfPeer, bench, destination, DID, MemoryStore, NE, OTHER_DID, task } from '../poi/support.ts';

const uuid = (k: number): string => `00000000-0000-4000-8000-${k.toString(16).padStart(12, '0')}`;

async function element(tasks: number) {
  const clock = new ManualClock();
  const store = new MemoryStore();
  const known = { activatedAt: 1, modifiedAt: 1, modifications: 0 };
  store.state = {
    tasks: Array.from({ length: tasks }, (_, k) => ({ task: { ...task, xid: uuid(k) }, ...known })),
    destinations: [destination, { ...destination, did: OTHER_DID }],
  };
  const table = await TaskTable.open(clock, store);
  const made = await bench(clock, { table });
  const admf = new X1Requester({
    side: 'admf',
    admfIdentifier: ADMF,
    neIdentifier: NE,
    transport: (octets) => made.handler.handle(octets, admfPeer),
    clock,
    random: systemRandom(),
    answerLimit: 16 << 20,
  });
  /** The answer's octets and the types of its messages; all of it is not decoded, which would take long. */
  const ask = async (requests: readonly X1RequestBody[]) => {
    const messages = requests.map((body, k) => ({
      header: {
        admfIdentifier: ADMF,
        neIdentifier: NE,
        timestamp: 0,
        version: X1_VERSION,
        transactionId: uuid(k),
      },
      body,
    }));
    const octets = await made.handler.handle(encodeX1Request(messages), admfPeer);
    const types = new TextDecoder().decode(octets).matchAll(/xsi:type="(\w+)Response"/g);
    return { size: octets.length, types: [...types].map(([, type]) => type) };
  };
  return { ...made, table, admf, ask };
}

describe('R-69: an element with 20,000 tasks', () => {
  it('lists their names in one answer, and says of each by itself what it is', async () => {
    const { admf } = await element(20_000);
    const { xids, dids } = await admf.request({ type: 'ListAllDetails' });
    expect(new Set(xids).size).toBe(20_000);
    expect(dids).toEqual([DID, OTHER_DID]);
    const some = xids.slice(-50);
    const answers = await admf.requestAll(some.map((xid) => ({ type: 'GetTaskDetails', xid })));
    expect(answers).toMatchObject(
      some.map((xid) => ({ type: 'GetTaskDetails', report: { task: { ...task, xid } } })),
    );
  });

  it('does not take everybody’s time for all their contents: it says what to ask instead', async () => {
    const { admf, table } = await element(2_047);
    // Tasks and destinations together are one more than are reported at a time.
    await expect(admf.request({ type: 'GetAllDetails' })).rejects.toMatchObject({
      code: 'refused',
      error: { code: 1000, description: expect.stringContaining('ListAllDetails') as string },
    });
    const { tasks } = await admf.request({ type: 'GetAllTaskDetails' });
    expect(tasks).toHaveLength(2_047);
    await table.activate({ ...task, xid: uuid(50_000) });
    await table.activate({ ...task, xid: uuid(50_001) });
    await expect(admf.request({ type: 'GetAllTaskDetails' })).rejects.toMatchObject({ code: 'refused' });
    expect(await admf.request({ type: 'GetAllDestinationDetails' })).toMatchObject({
      destinations: [{}, {}],
    });
  });

  it('a document that asks for the names again and again gets them as often as an answer has room', async () => {
    const { ask, audit } = await element(20_000);
    const { size, types } = await ask(
      Array.from({ length: 10 }, () => ({ type: 'ListAllDetails' as const })),
    );
    expect(size).toBeLessThan(X1_ANSWER_LIMIT + 10 * 1_000);
    expect(types).toEqual([
      ...Array.from({ length: 7 }, () => 'ListAllDetails'),
      ...Array.from({ length: 3 }, () => 'Error'),
    ]);
    expect(audit.events.at(-1)).toMatchObject({ kind: 'x1-done', refused: 3, codes: '7:1000 8:1000 9:1000' });
  });

  it('says of what was done and of what was refused that it was, also where there is no room for reports', async () => {
    const { ask, audit, table } = await element(20_000);
    const { types } = await ask([
      ...Array.from({ length: 8 }, () => ({ type: 'ListAllDetails' as const })),
      { type: 'DeactivateTask', xid: uuid(0) },
      { type: 'DeactivateTask', xid: uuid(0) },
      { type: 'Ping' },
    ]);
    expect(table.task(uuid(0))).toBeNull();
    expect(types.slice(7)).toEqual(['Error', 'DeactivateTask', 'Error', 'Ping']);
    expect(audit.events.at(-1)).toMatchObject({ kind: 'x1-done', refused: 2, codes: '7:1000 9:2020' });
  });

  it('an asker whose own limit is lower says so, rather than that there is no answer', async () => {
    const { handler } = await element(2_000);
    const admf = new X1Requester({
      side: 'admf',
      admfIdentifier: ADMF,
      neIdentifier: NE,
      transport: (octets) => handler.handle(octets, admfPeer),
      clock: new ManualClock(),
      random: systemRandom(),
      answerLimit: 100_000,
    });
    await expect(admf.request({ type: 'ListAllDetails' })).rejects.toMatchObject({ code: 'too-large' });
  });

  it('a destination is in use as long as one task of them all names it', async () => {
    const { table } = await element(2_000);
    for (let k = 1; k < 2_000; k += 1) void table.deactivate(uuid(k));
    await expect(table.removeDestination(DID)).rejects.toMatchObject({ code: 'did-in-use' });
    expect(table.tasksUsing(DID).map(({ xid }) => xid)).toEqual([uuid(0)]);
    await table.modify({ ...task, xid: uuid(0), dids: [OTHER_DID] });
    await table.removeDestination(DID);
    await expect(table.removeAllDestinations()).rejects.toMatchObject({ code: 'dids-in-use' });
    await table.deactivate(uuid(0));
    await table.removeAllDestinations();
  });

  it('what could not be stored leaves destinations in use as they were', async () => {
    const store = new MemoryStore();
    const table = await TaskTable.open(new ManualClock(), store);
    await table.createDestination(destination);
    await table.activate(task);
    store.fails = true;
    await expect(table.deactivate(task.xid)).rejects.toThrow('disk is full');
    store.fails = false;
    await expect(table.removeDestination(DID)).rejects.toMatchObject({ code: 'did-in-use' });
  });
});
