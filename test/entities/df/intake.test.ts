import { describe, expect, it } from 'vitest';
import { byEachEngine, numbersOf } from './delivery-function.ts';
import { call, encodeForTest, handedOver, task, TestPoi, vector, XID } from './support.ts';

describe('Loss and copies', () => {
  byEachEngine((start) => {
    it('what a POI sends again after a reconnect is known and dropped', async () => {
      const { mediation, poi, store } = await start();
      const pdus = [1, 2, 3, 4].map((n) => poi.x3(Uint8Array.of(n)));
      await mediation.accept(pdus.slice(0, 3));
      await mediation.accept(pdus.slice(1));
      expect((await handedOver(store)).map((record) => record.content)).toEqual(['01', '02', '03', '04']);
    });

    it('killed anywhere, the DF loses and doubles nothing: numbers are 0…n−1', async () => {
      const df = await start();
      const steps = call().map((step) => df.poi.x2(step));
      const media = Array.from({ length: 40 }, (_, n) => df.poi.x3(Uint8Array.of(n)));
      const all = [...steps.slice(0, 3), ...media.slice(0, 20), steps[3]!, ...media.slice(20)];
      let acknowledged = 0;
      for (const size of [1, 2, 3, 5, 1, 7, 4, 9, 12]) {
        await df.mediation.accept(all.slice(acknowledged, acknowledged + size));
        await df.settled();
        if (size % 2 === 1) acknowledged += size - 1;
        await df.kill();
      }
      await df.mediation.accept(all.slice(acknowledged));
      await df.settled();
      const records = await handedOver(df.store);
      expect(numbersOf(records, 'hi3')).toEqual([...Array(40).keys()]);
      const iri = 4 + vector().keys.cryptoSessions.length;
      expect(numbersOf(records, 'hi2')).toEqual([...Array(iri).keys()]);
      expect(new Set(records.map((record) => record.cin))).toEqual(new Set([1]));
    });

    it('R-56: PDUs that a POI lost show as a report', async () => {
      const { mediation, poi, issues, store } = await start();
      const pdus = [1, 2, 3, 4].map((n) => poi.x3(Uint8Array.of(n)));
      await mediation.accept([pdus[0]!, pdus[3]!]);
      expect(issues.log).toEqual([expect.stringContaining('2 PDUs were lost')]);
      expect(numbersOf(await handedOver(store), 'hi3')).toEqual([0, 1]);
    });

    it('a POI that has restarted, and counts from 0 again, loses nothing', async () => {
      const { mediation, poi, clock, store } = await start();
      await mediation.accept([poi.x3(Uint8Array.of(1)), poi.x3(Uint8Array.of(2))]);
      await clock.pass(5_000);
      await mediation.accept([new TestPoi(clock).x3(Uint8Array.of(3))]);
      expect((await handedOver(store)).map((record) => record.content)).toEqual(['01', '02', '03']);
    });

    it('events that a POI reports late are no sign of a restart: sent again, they are copies', async () => {
      const { mediation, poi, clock, store } = await start();
      const early = { now: () => clock.now() - 3_000, after: clock.after.bind(clock) };
      const [first] = [poi.x3(Uint8Array.of(1))];
      const late = new TestPoi(early);
      late.x3(Uint8Array.of(0));
      const second = late.x3(Uint8Array.of(2));
      await mediation.accept([first, second]);
      await mediation.accept([first, second]);
      expect((await handedOver(store)).map((record) => record.content)).toEqual(['01', '02']);
    });

    it('streams of several POIs are apart', async () => {
      const { mediation, poi, clock, store } = await start();
      const other = new TestPoi(clock, 'pcscf.home1.example');
      await mediation.accept([poi.x3(Uint8Array.of(1)), other.x3(Uint8Array.of(2))]);
      expect(await handedOver(store)).toHaveLength(2);
    });

    it('a POI that speaks in another’s name cannot make the other’s PDUs pass for copies', async () => {
      const { mediation, poi, clock, store } = await start();
      const impostor = new TestPoi(clock, poi.nfId, 'gateway.home1.example');
      await clock.pass(1);
      await mediation.accept([0, 1, 2].map((n) => impostor.x3(Uint8Array.of(0xf0 + n))));
      await mediation.accept([poi.x3(Uint8Array.of(1)), poi.x3(Uint8Array.of(2))]);
      const contents = (await handedOver(store)).map((record) => record.content);
      expect(contents).toEqual(['f0', 'f1', 'f2', '01', '02']);
    });

    it('a batch that cannot be stored is taken whole when it comes again', async () => {
      const df = await start();
      const commit = df.store.commit.bind(df.store);
      df.store.commit = () => Promise.reject(new Error('disk is full'));
      const batch = [...call().map((step) => df.poi.x2(step)), df.poi.x3(Uint8Array.of(1))];
      await expect(df.mediation.accept(batch)).rejects.toThrow('disk is full');
      df.store.commit = commit;
      await df.mediation.accept(batch);
      await df.settled();
      const records = await handedOver(df.store);
      expect(numbersOf(records, 'hi2')).toEqual([...Array(4 + vector().keys.cryptoSessions.length).keys()]);
      expect(numbersOf(records, 'hi3')).toEqual([0]);
    });

    it('R-23: a record that cannot be encoded takes no number and stops nothing', async () => {
      let broken = true;
      const { mediation, poi, store, issues } = await start([task(XID, 'LIID-1')], {
        encode: (record, number) => {
          if (broken) throw new Error('too long');
          return encodeForTest(record, number);
        },
      });
      await mediation.accept([poi.x3(Uint8Array.of(1))]);
      broken = false;
      await mediation.accept([poi.x3(Uint8Array.of(2))]);
      expect(numbersOf(await handedOver(store), 'hi3')).toEqual([0]);
      expect(issues.log).toHaveLength(1);
    });

    it('a call not heard of for longer than the session memory is forgotten; its CIN is not given again', async () => {
      const df = await start([task(XID, 'LIID-1')], { sessionMemoryMs: 3_600_000 });
      await df.mediation.accept(call().map((step) => df.poi.x2(step)));
      await df.clock.pass(3_600_000 + 180_000);
      expect(await df.store.load()).toMatchObject({ streams: [], communications: [], keySessions: [] });
      await df.kill();
      await df.mediation.accept([df.poi.x3(Uint8Array.of(1))]);
      expect((await handedOver(df.store)).at(-1)?.cin).toBe(2);
    });
  });
});
