/** PDUs whose task the DF does not know yet, and those that it cannot work on. */
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../src/bytes/octets.ts';
import type { SetAside, SetAsidePdu } from '../../../src/bytes/ports.ts';
import type { DfTask } from '../../../src/entities/df/ports.ts';
import { settle } from '../../support/manual-clock.ts';
import { start } from './delivery-function.ts';
import { call, handedOver, task, XID, XID_2 } from './support.ts';

describe('PDUs without a task', () => {
  it('PDUs that come before their task wait for it, in order, over a restart', async () => {
    const df = await start([]);
    const steps = call().map((step) => df.poi.x2(step));
    await df.mediation.accept(steps.slice(0, 2));
    await df.kill();
    expect(await handedOver(df.store)).toEqual([]);
    df.tasks.known.set(XID, task(XID, 'LIID-1'));
    await df.mediation.accept(steps.slice(2));
    await df.mediation.tasksChanged();
    await settle();
    const records = (await handedOver(df.store)).filter((record) => record.kind === 'sip-message');
    expect(records.map((record) => record.sip)).toEqual(steps.map(({ pdu }) => toHex(pdu.payload)));
    expect(df.kms.asked).toHaveLength(1);
  });

  it('PDUs whose task never comes are dropped with a report', async () => {
    const { mediation, poi, issues, clock, store } = await start([], { holdMs: 1_000, holdMost: 2 });
    for (let i = 0; i < 3; i++) await mediation.accept([poi.x3(Uint8Array.of(i))]);
    expect(issues.log).toHaveLength(1);
    await clock.pass(120_000);
    expect(issues.log).toHaveLength(3);
    expect((await store.load()).held).toEqual([]);
  });

  it('R-73: what waits for tasks is bounded in octets, and the task of which most waits gives way', async () => {
    const { mediation, poi, issues, tasks, store } = await start([], { holdOctets: 20_000 });
    for (let n = 0; n < 20; n++) await mediation.accept([poi.x3(new Uint8Array(3000), undefined, XID)]);
    for (let n = 0; n < 4; n++) await mediation.accept([poi.x3(Uint8Array.of(n), undefined, XID_2)]);
    const { held } = await store.load();
    expect(held.reduce((sum, pdu) => sum + pdu.octets.length, 0)).toBeLessThanOrEqual(20_000);
    expect(held.filter(({ xid }) => xid === XID_2)).toHaveLength(4);
    expect(mediation.losses.dropped).toBe(24 - held.length);
    // The first, the second, the fourth, the eighth.
    expect(issues.log).toHaveLength(4);
    tasks.known.set(XID_2, task(XID_2, 'LIID-2'));
    await mediation.tasksChanged(XID_2);
    expect((await handedOver(store)).map(({ content }) => content)).toEqual(['00', '01', '02', '03']);
    expect((await store.load()).held.every(({ xid }) => xid === XID)).toBe(true);
  });

  it('R-73: a PDU whose task is known is not asked about others that wait', async () => {
    const df = await start([task(XID, 'LIID-1')]);
    await df.mediation.accept(
      Array.from({ length: 50 }, (_, n) => df.poi.x3(Uint8Array.of(n), undefined, XID_2)),
    );
    const asked: string[] = [];
    const { tasks } = df;
    const find = tasks.find.bind(tasks);
    tasks.find = (xid) => {
      asked.push(xid);
      return find(xid);
    };
    await df.mediation.accept([df.poi.x3(Uint8Array.of(7))]);
    expect(asked).toEqual([XID]);
    expect(await handedOver(df.store)).toHaveLength(1);
  });
});

describe('PDUs that cannot be worked on', () => {
  it('R-68: a PDU that cannot be worked on is set aside, counted and reported, and the rest goes on', async () => {
    const kept: SetAsidePdu[] = [];
    const setAside: SetAside = { keep: (pdu) => Promise.resolve(void kept.push(pdu)) };
    const { mediation, poi, issues, tasks, store } = await start([task(XID, 'LIID-1')], { setAside });
    const known = tasks.find.bind(tasks);
    tasks.find = (xid) => (xid === XID_2 ? unworkable(xid) : known(xid));
    const poison = poi.x3(Uint8Array.of(9), undefined, XID_2);
    await mediation.accept([poi.x3(Uint8Array.of(1)), poison, poi.x3(Uint8Array.of(2))]);
    await mediation.accept([poison]);
    expect((await handedOver(store)).map(({ content }) => content)).toEqual(['01', '02']);
    expect(kept).toMatchObject([{ reference: 'x3', subject: XID_2, octets: poison.octets }]);
    expect(mediation.losses.setAside).toBe(1);
    expect(issues.log).toEqual([expect.stringContaining(`${XID_2}: an X2/X3 PDU was not understood`)]);
  });

  it('R-68: what cannot be set aside is not acknowledged', async () => {
    const setAside: SetAside = { keep: () => Promise.reject(new Error('disk is full')) };
    const { mediation, poi, tasks, store } = await start([], { setAside });
    tasks.find = () => unworkable(XID);
    const pdu = poi.x3(Uint8Array.of(1));
    await expect(mediation.accept([pdu])).rejects.toThrow('disk is full');
    tasks.find = () => task(XID, 'LIID-1');
    await mediation.accept([pdu]);
    expect(await handedOver(store)).toHaveLength(1);
  });
});

/** A task that no PDU can be worked on for. */
function unworkable(xid: string): DfTask {
  return Object.defineProperty({ ...task(xid, 'LIID') }, 'mediations', {
    get: () => {
      throw new Error('nobody foresaw this');
    },
  });
}
