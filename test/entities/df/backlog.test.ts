import { describe, expect, it } from 'vitest';
import type { DfTask } from '../../../src/entities/df/ports.ts';
import { byEachEngine } from './delivery-function.ts';
import type { StartDf } from './delivery-function.ts';
import { call, handedOver, LEMF, task, XID } from './support.ts';
import type { PlainRecord } from './support.ts';

const [FLOOD, QUIET, OTHER] = ['LIID-1', 'LIID-2', 'LIID-3'];
const QUIET_XID = '22222222-2222-4222-8222-222222222222';
const OTHER_XID = '33333333-3333-4333-8333-333333333333';
/** Content has 56 of it. */
const BOUND = { count: 64, octets: Infinity };

type Df = Awaited<ReturnType<StartDf>>;

const bothBy =
  (start: StartDf) =>
  (flood: DfTask = task(XID, FLOOD)) =>
    start([flood, task(QUIET_XID, QUIET)], { bound: BOUND });

/** So many packets of a call. */
async function content(df: Df, count: number, xid = XID, callId = `call of ${xid}`): Promise<void> {
  const packet = () => df.poi.x3(Uint8Array.of(1), undefined, xid, callId);
  await df.mediation.accept(Array.from({ length: count }, packet));
}

/** The four messages of a call. */
async function signalling(df: Df, xid = XID): Promise<void> {
  await df.mediation.accept(call().map((step) => df.poi.x2(step, xid)));
}

async function waiting(df: Df, did = LEMF) {
  const records = await handedOver(df.store, did);
  const of = (liid: string, kind: string) =>
    records
      .filter((record) => record.liid === liid && record.kind === kind)
      .map(({ sequenceNumber }) => sequenceNumber);
  return { records, of };
}

const alarms = (records: readonly PlainRecord[], liid: string) =>
  records
    .filter((record) => record.kind === 'li-alarm' && record.liid === liid)
    .map(({ information }) => information);

const upTo = (count: number) => [...Array(count).keys()];

describe('R-56: what is beyond the bound of a destination’s backlog gives way by a rule', () => {
  byEachEngine((start) => {
    const both = bothBy(start);
    it('is the newest content of the warrant that has most, in the turn that brings it, and nobody else’s', async () => {
      const df = await both();
      await content(df, 20, QUIET_XID);
      await content(df, 50);
      await content(df, 50);
      const { of } = await waiting(df);
      expect(of(QUIET, 'cc')).toEqual(upTo(20));
      expect(of(FLOOD, 'cc')).toEqual(upTo(36));
      expect(df.mediation.gaveWay).toEqual({ hi2: 0, hi3: 64 });
    });

    it('makes room for others in what waits already: who floods first has no right to stay', async () => {
      const df = await both();
      await content(df, 100);
      await content(df, 10, QUIET_XID);
      const { of } = await waiting(df);
      expect(of(QUIET, 'cc')).toEqual(upTo(10));
      const flood = of(FLOOD, 'cc');
      expect(flood).toEqual(upTo(flood.length));
      expect(flood.length).toBeGreaterThan(40);
      expect(df.store.waiting(LEMF).count).toBeLessThanOrEqual(
        56 + alarms((await waiting(df)).records, FLOOD).length,
      );
    });

    it('of two who flood, either keeps as much', async () => {
      const df = await start([task(XID, FLOOD), task(QUIET_XID, QUIET), task(OTHER_XID, OTHER)], {
        bound: BOUND,
      });
      for (let round = 0; round < 8; round++) {
        await content(df, 20);
        await content(df, 20, OTHER_XID);
      }
      await content(df, 5, QUIET_XID);
      const { of } = await waiting(df);
      expect(of(QUIET, 'cc')).toHaveLength(5);
      expect(Math.abs(of(FLOOD, 'cc').length - of(OTHER, 'cc').length)).toBeLessThan(8);
    });

    it('content gives way to records before they do, and records have the rest of the bound', async () => {
      const df = await both();
      await content(df, 100);
      await signalling(df);
      await signalling(df, QUIET_XID);
      const { records, of } = await waiting(df);
      for (const liid of [FLOOD, QUIET]) expect(of(liid, 'sip-message')).toEqual(upTo(4));
      expect(of(FLOOD, 'cc').length).toBeGreaterThan(30);
      expect(records.length).toBeLessThanOrEqual(64);
      expect(df.mediation.gaveWay.hi2).toBe(0);
    });

    it('records give way when there is nothing else, the newest of whom has most; notifications never', async () => {
      const df = await start([task(XID, FLOOD), task(QUIET_XID, QUIET)], {
        bound: { count: 12, octets: Infinity },
      });
      await signalling(df, QUIET_XID);
      const invite = call()[0]!;
      await df.mediation.accept(Array.from({ length: 30 }, () => df.poi.x2(invite)));
      await content(df, 3);
      const { records, of } = await waiting(df);
      expect(of(QUIET, 'sip-message')).toEqual(upTo(4));
      expect(of(FLOOD, 'sip-message')).toEqual(upTo(of(FLOOD, 'sip-message').length));
      expect(of(FLOOD, 'cc')).toEqual([]);
      expect(alarms(records, FLOOD)).toEqual(
        [
          `destination ${LEMF}: HI2 gives way to the bound of its backlog`,
          `destination ${LEMF}: HI3 gives way to the bound of its backlog`,
        ].map((text) => text),
      );
    });

    it('at the destination that is full alone: another has everything', async () => {
      const dids = [LEMF, 'other'].map((did) => ({ did, delivers: 'HI2andHI3' as const }));
      const df = await both(task(XID, FLOOD, { destinations: dids }));
      for (let round = 0; round < 3; round++) {
        await content(df, 40);
        const [last] = (await df.store.pending('other', 0, 100)).slice(-1);
        await df.store.acknowledge('other', last?.position ?? 0);
      }
      expect((await waiting(df)).of(FLOOD, 'cc')).toEqual(upTo(56));
      expect(df.store.waiting('other').count).toBe(0);
      expect(df.mediation.gaveWay.hi3).toBe(64);
    });
  });
});

describe('R-56: no number is left out without a report that says so', () => {
  byEachEngine((start) => {
    const both = bothBy(start);
    const started = `destination ${LEMF}: HI3 gives way to the bound of its backlog`;
    const exact = (numbers: string, pdus: number, octets: number) =>
      `destination ${LEMF}: HI3 of CIN 1, numbers ${numbers}: ${pdus} PDUs of ${octets} octets gave way to the bound of its backlog`;
    /** Octets of what was lost, by the book. */
    const lostOctets = async (df: Df) =>
      (await df.store.load()).losses.reduce((sum, { octets }) => sum + octets, 0);

    it('at once that it begins, and a minute later exactly what, to the LEMF and to the ADMF', async () => {
      const df = await both();
      await content(df, 100);
      expect(alarms((await waiting(df)).records, FLOOD)).toEqual([started]);
      const octets = await lostOctets(df);
      await df.clock.pass(121_000);
      const report = exact('56 to 99', 44, octets);
      expect(alarms((await waiting(df)).records, FLOOD)).toEqual([started, report]);
      expect(df.issues.log).toEqual([`${XID}: ${started}`, `${XID}: ${report}`]);
      expect((await df.store.load()).losses).toEqual([]);
    });

    it('and goes on, with the numbers that are free again when there is room', async () => {
      const df = await both();
      await content(df, 60);
      await df.store.acknowledge(LEMF, Number.MAX_SAFE_INTEGER);
      await content(df, 10);
      expect((await waiting(df)).of(FLOOD, 'cc')).toEqual(upTo(10).map((number) => 60 + number));
    });

    it('nor by a process that is killed between the loss and the report', async () => {
      const df = await both();
      await content(df, 100);
      const octets = await lostOctets(df);
      await df.kill();
      await content(df, 1);
      const more = (await lostOctets(df)) - octets;
      expect(more).toBeGreaterThan(0);
      await df.clock.pass(121_000);
      expect(alarms((await waiting(df)).records, FLOOD)).toContain(exact('56 to 100', 45, octets + more));
    });

    it('of many calls, those beyond some together: what there is to be told is bounded', async () => {
      const df = await both();
      await content(df, 60);
      for (let n = 0; n < 40; n++) await content(df, 1, XID, `another ${n}`);
      const { losses } = await df.store.load();
      expect(losses).toHaveLength(33);
      expect(losses.reduce((sum, { pdus }) => sum + pdus, 0)).toBe(44);
      await df.clock.pass(121_000);
      expect(alarms((await waiting(df)).records, FLOOD).join('\n')).toMatch(/HI3 of CINs 33 to 41: 9 PDUs/);
    });

    it('of a warrant that has ended meanwhile, to the destination itself', async () => {
      const df = await both();
      await content(df, 60);
      df.tasks.known.delete(XID);
      await df.clock.pass(121_000);
      expect(alarms((await waiting(df)).records, FLOOD)).toHaveLength(2);
    });
  });
});
