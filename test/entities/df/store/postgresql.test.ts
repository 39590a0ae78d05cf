/** The DF's store in PostgreSQL: it does all that any store does, for one DF at a time. */
import { describe, expect, it } from 'vitest';
import { PostgresqlDfStore } from '../../../../src/entities/df/store/postgresql.ts';
import { systemClock } from '../../../../src/host/runtime.ts';
import type { DatabaseAccess } from '../../../../src/storage/postgresql.ts';
import { CuttingProxy } from '../../../support/cutting-proxy.ts';
import { missingPostgresql, ownDatabase, query, testAccess } from '../../../support/postgresql.ts';
import { silent } from '../../../support/silent.ts';
import { dfStoreSuite } from './compliance.ts';
import { CALL, NOTHING } from './compliance-values.ts';

const ports = { clock: systemClock(), logger: silent };
const open = (access: DatabaseAccess, instance = 'one') => PostgresqlDfStore.open(access, instance, ports);

const pdu = (sequenceNumber: number) => ({
  ...{ did: 'lemf', interface: 'hi3' as const, liid: 'L', cin: 1, sequenceNumber },
  octets: new Uint8Array(10),
});

describe.skipIf(missingPostgresql())('with PostgreSQL', () => {
  const schemas = new Map<string, string>();
  const openAt = async (place: string): Promise<PostgresqlDfStore> => {
    const access = await testAccess(schemas.get(place));
    schemas.set(place, access.schema);
    return open(access);
  };
  dfStoreSuite({ name: 'PostgreSQL', open: openAt }, false);

  it('R-78: a second DF is refused, and goes on where the first has ended', async () => {
    const access = await testAccess();
    const first = await open(access, 'a');
    await first.commit({ ...NOTHING, communications: [CALL], outbox: [pdu(0)] });
    await expect(open(access, 'b')).rejects.toMatchObject({ code: 'locked' });
    await first.close();
    const second = await open(access, 'b');
    expect((await second.load()).communications).toEqual([CALL]);
    expect(second.waiting('lemf')).toEqual({ count: 1, octets: 10 });
    await second.close();
  });

  it('R-56: numbers are given once, also where the answer to a commit was lost', async () => {
    const direct = await testAccess();
    const proxy = await CuttingProxy.open(direct.port);
    const store = await open({ ...direct, port: proxy.port });
    proxy.cut = 'after';
    await store.commit({ ...NOTHING, outbox: [pdu(0)] });
    proxy.cut = 'before';
    await expect(store.commit({ ...NOTHING, outbox: [pdu(1)] })).rejects.toMatchObject({
      code: 'unavailable',
    });
    expect(store.waiting('lemf')).toEqual({ count: 1, octets: 10 });
    await store.commit({ ...NOTHING, outbox: [pdu(1)] });
    const waiting = await store.pending('lemf', 0, 9);
    expect(waiting.map(({ sequenceNumber }) => sequenceNumber)).toEqual([0, 1]);
    await store.close();
    await proxy.close();
    expect(await query(direct, 'SELECT count(*) AS n FROM outbox')).toEqual([{ n: '2' }]);
  });

  it('commits and acknowledgements that come together are of one transaction; what is wrong with one is its own', async () => {
    const access = await testAccess();
    const store = await open(access);
    await store.commit({ ...NOTHING, outbox: [pdu(0), pdu(1)] });
    const before = await query(access, 'SELECT number FROM holder');
    const twice = store.commit({ ...NOTHING, outbox: [pdu(2), pdu(2)] });
    const [wrong, ...others] = await Promise.allSettled([
      twice,
      store.acknowledge('lemf', 1),
      store.commit({ ...NOTHING, communications: [CALL] }),
    ]);
    expect(wrong).toMatchObject({ status: 'rejected', reason: { code: 'conflict' } });
    expect(others.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    await Promise.all([
      store.acknowledge('lemf', 2),
      store.commit({ ...NOTHING, communications: [{ ...CALL, nextHi2: 9 }] }),
    ]);
    const after = await query(access, 'SELECT number FROM holder');
    // Two by themselves after the one that failed, and one of both.
    expect(Number(after[0]?.['number']) - Number(before[0]?.['number'])).toBe(3);
    expect(store.waiting('lemf').count).toBe(0);
    await store.close();
  });

  it('R-90: what waits of a warrant goes whole, however much it is', async () => {
    const access = await testAccess();
    const store = await open(access);
    const all = Array.from({ length: 10_001 }, (_, n) => pdu(n));
    await store.commit({ ...NOTHING, outbox: [...all, { ...pdu(0), liid: 'L2' }] });
    await store.commit({ ...NOTHING, retired: [{ liid: 'L', xids: [] }] });
    expect([...store.shares('lemf')]).toEqual([{ liid: 'L2', interface: 'hi3', count: 1, octets: 10 }]);
    expect(await query(access, 'SELECT liid FROM outbox')).toEqual([{ liid: 'L2' }]);
    await store.close();
  });

  it('R-90: what is kept of a warrant is in no table’s file any more, once it is erased', async () => {
    const access = await ownDatabase();
    const store = await open(access);
    await store.commit({ ...NOTHING, communications: [CALL] });
    const place = async () =>
      (await query(access, "SELECT pg_relation_filepath('communication') AS file"))[0]?.['file'];
    const before = await place();
    await store.commit({ ...NOTHING, retired: [{ liid: 'L', xids: [] }] });
    await store.scrub();
    expect(await place()).not.toBe(before);
    await store.close();
  });

  it('R-90: nor is what a DF had erased that was killed then, once one starts; where nothing was, tables are left alone', async () => {
    const access = await ownDatabase();
    const store = await open(access);
    await store.commit({ ...NOTHING, communications: [CALL], outbox: [pdu(0)] });
    const place = async () =>
      (await query(access, "SELECT pg_relation_filepath('communication') AS file"))[0]?.['file'];
    const before = await place();
    await store.acknowledge('lemf', 1);
    await store.scrub();
    expect(await place()).toBe(before);
    await store.commit({ ...NOTHING, retired: [{ liid: 'L', xids: [] }] });
    await store.close();
    expect(await place()).toBe(before);
    const next = await open(access);
    const left = () => query(access, 'SELECT name FROM erased');
    await expect.poll(left).toEqual([]);
    const after = await place();
    expect(after).not.toBe(before);
    await next.close();
    const last = await open(access);
    await last.scrub();
    expect(await place()).toBe(after);
    await last.close();
  });

  it('R-94: after the database was put back from a copy, CINs and numbers of notices go on above any that were given', async () => {
    const store = await openAt('epoch');
    const notice = { liid: 'L', next: 2, told: null, endedAt: 5, xids: ['x'], epoch: 0 };
    await store.commit({ ...NOTHING, communications: [CALL], notices: [notice] });
    expect(await store.beginEpoch(1_800_000_000_500)).toBe(1_800_000_000);
    expect(await store.beginEpoch(5_000)).toBe(1_800_000_000);
    const { cinBase, communications, notices, lastCins } = await store.load();
    expect({ cinBase, communications }).toEqual({ cinBase: 1_800_000_000, communications: [] });
    expect(notices).toEqual([{ ...notice, next: 1_800_000_000 }]);
    expect(lastCins).toEqual(new Map([['L', 3]]));
    await store.close();
  });
});
