/** The stores of a DF that several processes mediate for: each does all that any store does, for one process at a time. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { PartitionedDfStore } from '../../../../src/entities/df/store/postgresql-partitions.ts';
import type { DfPartitionStore } from '../../../../src/entities/df/store/postgresql-partitions.ts';
import { PostgresqlDfStore } from '../../../../src/entities/df/store/postgresql.ts';
import { systemClock } from '../../../../src/host/runtime.ts';
import { StorageError } from '../../../../src/storage/errors.ts';
import type { DatabaseAccess } from '../../../../src/storage/postgresql.ts';
import { TaskTable } from '../../../../src/x1/tasks.ts';
import { missingPostgresql, query, testAccess } from '../../../support/postgresql.ts';
import { silent } from '../../../support/silent.ts';
import { dfStoreSuite } from './compliance.ts';
import { CALL, NOTHING } from './compliance-values.ts';

const ports = { clock: systemClock(), logger: silent };
const lease = (token: number, streamMadeAt = 1_000) => ({ streamMadeAt, token });

async function open(access: DatabaseAccess, instance = 'one', partitions = 4): Promise<PartitionedDfStore> {
  const store = await PartitionedDfStore.open(access, instance, partitions, ports);
  onTestFinished(() => store.close());
  return store;
}

const pdu = (sequenceNumber: number) => ({
  ...{ did: 'lemf', interface: 'hi3' as const, liid: 'L', cin: 1, sequenceNumber },
  octets: new Uint8Array(10),
});

const destination = (did: string) => ({
  did,
  deliveryType: 'X2Only' as const,
  address: { kind: 'uri' as const, value: 'x' },
});

describe.skipIf(missingPostgresql())('with PostgreSQL', () => {
  const schemas = new Map<string, string>();
  let tokens = 0;
  dfStoreSuite(
    {
      name: 'PostgreSQL, a partition',
      open: async (place) => {
        const access = await testAccess(schemas.get(place));
        schemas.set(place, access.schema);
        const all = await PartitionedDfStore.open(access, 'one', 4, ports);
        const store = await all.partition(2, lease(++tokens));
        const close = store.close.bind(store);
        return Object.assign(store, {
          close: async () => {
            await close();
            await all.close();
          },
        });
      },
    },
    false,
  );

  it('partitions know nothing of each other', async () => {
    const all = await open(await testAccess());
    const [one, other] = [await all.partition(0, lease(1)), await all.partition(1, lease(2))];
    await one.commit({ ...NOTHING, communications: [CALL], outbox: [pdu(0)] });
    expect((await other.load()).communications).toEqual([]);
    expect(other.waiting('lemf').count).toBe(0);
    await other.commit({ ...NOTHING, communications: [{ ...CALL, cin: 4 }], outbox: [pdu(0)] });
    expect((await one.load()).communications).toEqual([CALL]);
  });

  it('R-23: what a process that stood still wants to write after another has taken the partition is not written', async () => {
    const access = await testAccess();
    const [a, b] = [await open(access, 'a'), await open(access, 'b')];
    const first = await a.partition(3, lease(5));
    await first.commit({ ...NOTHING, outbox: [pdu(0)] });
    const second = await b.partition(3, lease(9));
    const late = first.commit({ ...NOTHING, outbox: [pdu(1)] });
    await expect(late).rejects.toMatchObject({ code: 'locked' });
    await expect(first.acknowledge('lemf', 1)).rejects.toMatchObject({ code: 'locked' });
    expect(await first.lost).toMatchObject({ code: 'locked' });
    expect(second.waiting('lemf').count).toBe(1);
    await second.commit({ ...NOTHING, outbox: [pdu(1)] });
    const waiting = await second.pending('lemf', 0, 9);
    expect(waiting.map(({ sequenceNumber }) => sequenceNumber)).toEqual([0, 1]);
  });

  it('R-23: a partition is taken by a later lease only, whose stream may be a later one', async () => {
    const access = await testAccess();
    const [a, b] = [await open(access, 'a'), await open(access, 'b')];
    const held = await b.partition(0, lease(9));
    for (const earlier of [lease(9), lease(5), lease(10, 999)])
      await expect(a.partition(0, earlier)).rejects.toMatchObject({ code: 'locked' });
    await held.commit({ ...NOTHING, outbox: [pdu(0)] });
    const next = await a.partition(0, lease(1, 2_000));
    await expect(held.commit({ ...NOTHING, outbox: [pdu(1)] })).rejects.toMatchObject({ code: 'locked' });
    await next.commit({ ...NOTHING, outbox: [pdu(1)] });
  });

  it('R-56: a turn that goes by tasks that X1 has changed at another process is not committed', async () => {
    const access = await testAccess();
    const [a, b] = [await open(access, 'a'), await open(access, 'b')];
    const table = await TaskTable.open(ports.clock, a.tasks());
    const other = await TaskTable.open(ports.clock, b.tasks());
    const store = await a.partition(0, lease(1));
    await store.commit({ ...NOTHING, outbox: [pdu(0)] }, table.version);
    await other.createDestination(destination('d'));
    const outdated = store.commit({ ...NOTHING, outbox: [pdu(1)] }, table.version);
    // What goes by no task is committed, also together with what is not.
    await Promise.all([
      expect(outdated).rejects.toMatchObject({ code: 'outdated' }),
      store.acknowledge('lemf', 1),
    ]);
    expect(store.waiting('lemf').count).toBe(0);
    await table.refresh();
    await store.commit({ ...NOTHING, outbox: [pdu(1)] }, table.version);
    expect(store.waiting('lemf').count).toBe(1);
  });

  it('R-56: raced with X1, no commit that goes by older tasks comes after the change is acknowledged', async () => {
    const access = await testAccess();
    const [a, b] = [await open(access, 'a'), await open(access, 'b')];
    const table = await TaskTable.open(ports.clock, a.tasks());
    const other = await TaskTable.open(ports.clock, b.tasks());
    const store = await a.partition(0, lease(1));
    let acknowledged = 0;
    const changes = (async () => {
      for (let n = 1; n <= 20; n++) {
        await other.createDestination(destination(`d${n}`));
        acknowledged = other.version;
      }
    })();
    let refused = 0;
    for (let n = 0; n < 60; n++) {
      // Half of them go by what they heard a while ago.
      if (n % 2 === 0) await table.refresh();
      const [by, before] = [table.version, acknowledged];
      const outcome = await store.commit({ ...NOTHING, outbox: [pdu(n)] }, by).then(
        () => 'done',
        (error: unknown) => (error instanceof StorageError ? error.code : error),
      );
      if (outcome === 'done') expect(by).toBeGreaterThanOrEqual(before);
      else expect(outcome).toBe('outdated');
      refused += outcome === 'done' ? 0 : 1;
    }
    await changes;
    expect(refused).toBeGreaterThan(0);
  });

  it('R-91: alarms that a partition passes on are with partition 0 once, until it has told them', async () => {
    const all = await open(await testAccess());
    const [teller, other] = [await all.partition(0, lease(1)), await all.partition(1, lease(2))];
    const alarm = (liid: string) => ({ liid, text: 'lost', key: { cause: 'loss', about: '' } });
    await other.commit({ ...NOTHING, passedAlarms: [alarm('L1'), alarm('L2')] });
    const waiting = await teller.passedAlarms.waiting(9);
    expect(waiting).toMatchObject([alarm('L1'), alarm('L2')]);
    expect(await teller.passedAlarms.waiting(1)).toHaveLength(1);
    await teller.commit({ ...NOTHING, outbox: [pdu(0)], takenAlarms: [waiting[0]!.id] });
    expect(await teller.passedAlarms.waiting(9)).toMatchObject([alarm('L2')]);
  });

  it('calls stay in as many partitions as they were in, and a schema of one process is none of several', async () => {
    const access = await testAccess();
    await open(access, 'a', 4);
    await expect(PartitionedDfStore.open(access, 'b', 8, ports)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('calls are in 4 partitions') as unknown,
    });
    const again = PartitionedDfStore.open({ ...access, timeoutMs: 2_000 }, 'a', 4, ports);
    await expect(again).rejects.toMatchObject({ code: 'locked' });
    await expect(PostgresqlDfStore.open(access, 'c', ports)).rejects.toMatchObject({ code: 'foreign' });
    const alone = await testAccess();
    await (await PostgresqlDfStore.open(alone, 'a', ports)).close();
    await expect(PartitionedDfStore.open(alone, 'a', 4, ports)).rejects.toMatchObject({ code: 'foreign' });
    const long = { ...access, schema: 's'.repeat(59) };
    await expect(PartitionedDfStore.open(long, 'a', 4, ports)).rejects.toMatchObject({ code: 'refused' });
  });

  it('a destination for which something waits anywhere is known', async () => {
    const access = await testAccess();
    const [a, b] = [await open(access, 'a'), await open(access, 'b')];
    expect(await a.waitsFor('lemf')).toBe(false);
    const store = await b.partition(2, lease(1));
    expect(await a.waitsFor('lemf')).toBe(false);
    await store.commit({ ...NOTHING, outbox: [pdu(0)] });
    expect([await a.waitsFor('lemf'), await a.waitsFor('another')]).toEqual([true, false]);
  });

  it('R-91: so is one that is still to be told that its warrant has ended', async () => {
    const access = await testAccess();
    const [a, b] = [await open(access, 'a'), await open(access, 'b')];
    const store = await b.partition(0, lease(1));
    const told = { tasks: [], terms: '', targets: '', dids: ['lemf'] };
    const notice = { liid: 'L', next: 1, told, endedAt: null, xids: [], epoch: 0 };
    await store.commit({ ...NOTHING, notices: [notice] });
    expect([await a.waitsFor('lemf'), await a.waitsFor('another')]).toEqual([true, false]);
    await store.commit({ ...NOTHING, notices: [{ ...notice, told: null, endedAt: 1 }] });
    expect(await a.waitsFor('lemf')).toBe(false);
  });

  it('R-94: after the database was put back from a copy, CINs of all partitions go on above any that were given', async () => {
    const access = await testAccess();
    const all = await open(access);
    const take = async (token: number): Promise<DfPartitionStore[]> =>
      Promise.all([0, 1].map((partition) => all.partition(partition, lease(token))));
    for (const store of await take(5)) {
      await store.commit({ ...NOTHING, communications: [CALL] });
      await store.close();
    }
    const restored = await PartitionedDfStore.open(access, 'restore', null, ports);
    expect(await restored.beginEpoch(1_800_000_000_500)).toBe(1_800_000_000);
    await restored.close();
    for (const store of await take(6))
      expect(await store.load()).toMatchObject({ cinBase: 1_800_000_000, communications: [] });
    expect(await query(access, 'SELECT partitions FROM layout')).toEqual([{ partitions: '4' }]);
  });

  it('R-90: what is kept of a warrant is in no file of its partition’s tables any more, once it is erased', async () => {
    const access = await testAccess();
    const store = await (await open(access)).partition(1, lease(1));
    await store.commit({ ...NOTHING, communications: [CALL] });
    const place = async () =>
      (await query(access, `SELECT pg_relation_filepath('${access.schema}_p1.communication') AS file`))[0]?.[
        'file'
      ];
    const before = await place();
    await store.commit({ ...NOTHING, retired: [{ liid: 'L', xids: [] }] });
    await store.scrub();
    expect(await place()).not.toBe(before);
    expect(store.notRewritten).toEqual([]);
  });

  it('R-90: nor is what a process had erased that has lost the partition then, once another has it', async () => {
    const access = await testAccess();
    const [a, b] = [await open(access, 'a'), await open(access, 'b')];
    const first = await a.partition(1, lease(1));
    await first.commit({ ...NOTHING, communications: [CALL] });
    const place = async (partition: number) => {
      const table = `${access.schema}_p${partition}.communication`;
      return (await query(access, `SELECT pg_relation_filepath('${table}') AS file`))[0]?.['file'];
    };
    await a.partition(2, lease(1));
    const before = [await place(1), await place(2)];
    await first.commit({ ...NOTHING, retired: [{ liid: 'L', xids: [] }] });
    expect([await place(1), await place(2)]).toEqual(before);
    await b.partition(1, lease(2));
    await expect.poll(() => query(access, `SELECT name FROM ${access.schema}_p1.erased`)).toEqual([]);
    expect(await place(1)).not.toBe(before[0]);
    expect(await place(2)).toBe(before[1]);
  });
});
