/** What every store and outbox of a delivery function must do, whatever it is made of. */
import { expect, it } from 'vitest';
import { newSession } from '../../../../src/entities/df/key-session.ts';
import type {
  DfChanges,
  DfStore,
  Outbox,
  OutboxAppend,
  StoredLoss,
} from '../../../../src/entities/df/ports.ts';
import { CALL, NOTHING } from './compliance-values.ts';
import { storeSuite } from '../../../support/store-suite.ts';
import type { StoreBackend } from '../../../support/store-suite.ts';

const LOSS: StoredLoss = {
  ...{ did: 'lemf', liid: 'L', interface: 'hi3', cin: 3, first: 5, last: 9 },
  ...{ pdus: 4, octets: 40, since: 1.5 },
};

function entry(sequenceNumber: number, changes: Partial<OutboxAppend> = {}): OutboxAppend {
  const octets = new Uint8Array(10).fill(sequenceNumber);
  return { did: 'lemf', interface: 'hi3', liid: 'L', cin: 1, sequenceNumber, octets, ...changes };
}

/** @param recalls whether what is committed is given back at once (`DfRecall`) */
export function dfStoreSuite(backend: StoreBackend<DfStore & Outbox>, recalls = true): void {
  storeSuite('delivery function', backend, (current) => {
    it('gives back what was committed, after it was opened again', async () => {
      const changes: DfChanges = {
        streams: [{ key: 's', nextSequenceNumber: 4, lastTime: 1.5 }],
        communications: [CALL],
        keySessions: [{ session: newSession('x', 'c'), lastSeen: 5 }],
        outbox: [entry(0)],
        evicted: [],
        losses: [LOSS],
        toldLosses: [],
        held: [{ id: 1, xid: 'x', correlation: '', octets: Uint8Array.of(1), since: 2 }],
        released: [],
        retired: [],
        givenUp: [],
        forgottenStreams: [],
        notices: [
          { liid: 'L', next: 2, told: null, endedAt: 5, xids: ['x'], epoch: 7 },
          {
            liid: 'M',
            next: 1,
            told: { tasks: ['x 1'], terms: 't', targets: 'sip:a@b', dids: ['d'] },
            endedAt: null,
            xids: ['x'],
            epoch: 0,
          },
        ],
      };
      await current.store.commit(changes);
      await current.reopen();
      const { streams, communications, keySessions, held, notices, losses, outbox } = changes;
      const state = { streams, communications, keySessions, held, notices, losses };
      expect(await current.store.load()).toEqual({ ...state, lastCins: new Map([['L', 3]]) });
      expect(await current.store.pending('lemf', 0, 10)).toEqual([{ ...outbox[0], position: 1 }]);
    });

    it('replaces what it knows', async () => {
      const stream = { key: 's', nextSequenceNumber: 4, lastTime: 1.5 };
      await current.store.commit({ ...NOTHING, streams: [stream] });
      await current.store.commit({ ...NOTHING, streams: [{ ...stream, nextSequenceNumber: 9 }] });
      expect((await current.store.load()).streams).toEqual([{ ...stream, nextSequenceNumber: 9 }]);
    });

    it('forgets streams that are named, before it puts others', async () => {
      const streams = ['a', 'b', 'c'].map((key) => ({ key, nextSequenceNumber: 4, lastTime: 1.5 }));
      await current.store.commit({ ...NOTHING, streams });
      const again = { key: 'b', nextSequenceNumber: 1, lastTime: 2 };
      await current.store.commit({ ...NOTHING, streams: [again], forgottenStreams: ['a', 'b'] });
      expect((await current.store.load()).streams).toEqual([again, streams[2]]);
    });

    it('a change set that fails in part leaves nothing behind', async () => {
      await current.store.commit({ ...NOTHING, outbox: [entry(0)] });
      const broken: DfChanges = {
        ...NOTHING,
        streams: [{ key: 's', nextSequenceNumber: 1, lastTime: 1 }],
        outbox: [entry(1), entry(0)],
      };
      await expect(current.store.commit(broken)).rejects.toThrow();
      expect((await current.store.load()).streams).toEqual([]);
      expect(
        (await current.store.pending('lemf', 0, 10)).map(({ sequenceNumber }) => sequenceNumber),
      ).toEqual([0]);
    });

    it('the outbox is in order, by destination, and empties by acknowledgement', async () => {
      const many = Array.from({ length: 1200 }, (_, n) => entry(n));
      await current.store.commit({ ...NOTHING, outbox: [...many, entry(0, { did: 'other' })] });
      expect(current.store.destinations()).toEqual(['lemf', 'other']);
      expect(current.store.waiting('lemf')).toEqual({ count: 1200, octets: 12_000 });
      const first = await current.store.pending('lemf', 0, 700);
      expect(first.map(({ sequenceNumber }) => sequenceNumber)).toEqual([...Array(700).keys()]);
      const last = first.at(-1)!.position;
      expect((await current.store.pending('lemf', last, 700))[0]?.sequenceNumber).toBe(700);
      await current.store.acknowledge('lemf', last);
      expect(current.store.waiting('lemf').count).toBe(500);
      expect(current.store.waiting('other').count).toBe(1);
      await current.store.acknowledge('lemf', Number.MAX_SAFE_INTEGER);
      expect(current.store.destinations()).toEqual(['other']);
      expect(current.store.waiting('lemf')).toEqual({ count: 0, octets: 0 });
    });

    it('says what waits of whom, after it was opened again too', async () => {
      const others = [entry(0, { liid: 'M' }), entry(0, { interface: 'hi2' }), entry(0, { did: 'other' })];
      await current.store.commit({ ...NOTHING, outbox: [entry(0), entry(1), ...others] });
      const shares = () =>
        [...current.store.shares('lemf')].map((share) => Object.values(share).join(' ')).sort();
      const expected = ['L hi2 1 10', 'L hi3 2 20', 'M hi3 1 10'];
      expect(shares()).toEqual(expected);
      await current.reopen();
      expect(shares()).toEqual(expected);
      await current.store.acknowledge('lemf', 2);
      expect(shares()).toEqual(['L hi2 1 10', 'M hi3 1 10']);
    });

    it('R-56: lets entries go that give way: the newest of a warrant, on one interface', async () => {
      const calls = [entry(0), entry(1), entry(0, { cin: 2 }), entry(1, { cin: 2 }), entry(2)];
      const others = [entry(7, { liid: 'M' }), entry(8, { interface: 'hi2' }), entry(9, { did: 'other' })];
      await current.store.commit({ ...NOTHING, outbox: [...calls, ...others] });
      const newest = await current.store.newest('lemf', 'hi3', 'L', 3);
      expect(newest.map(({ cin, sequenceNumber }) => [cin, sequenceNumber])).toEqual([
        [2, 1],
        [2, 0],
        [1, 2],
      ]);
      expect(newest[0]).toMatchObject({ did: 'lemf', interface: 'hi3', liid: 'L', length: 10 });
      await current.store.commit({ ...NOTHING, evicted: newest.map(({ position }) => position) });
      expect(current.store.waiting('lemf')).toEqual({ count: 4, octets: 40 });
      const left = await current.store.pending('lemf', 0, 10);
      expect(left.map(({ sequenceNumber }) => sequenceNumber)).toEqual([0, 1, 7, 8]);
    });

    it('R-56: keeps what was lost until it is told of', async () => {
      const more = { ...LOSS, pdus: 5, last: 12 };
      const other = { ...LOSS, cin: 4 };
      await current.store.commit({ ...NOTHING, losses: [LOSS, other] });
      await current.store.commit({ ...NOTHING, losses: [more] });
      expect((await current.store.load()).losses).toEqual([more, other]);
      await current.store.commit({ ...NOTHING, toldLosses: [more, other], losses: [LOSS] });
      expect((await current.store.load()).losses).toEqual([LOSS]);
    });

    it('positions are not given again when the outbox has been empty', async () => {
      await current.store.commit({ ...NOTHING, outbox: [entry(0)] });
      await current.store.acknowledge('lemf', 1);
      await current.reopen();
      await current.store.commit({ ...NOTHING, outbox: [entry(1)] });
      expect((await current.store.pending('lemf', 0, 10))[0]?.position).toBe(2);
    });

    it('tells of what was appended, after the commit', async () => {
      const told: string[][] = [];
      const stop = current.store.onAppend((dids) => told.push([...dids]));
      await current.store.commit({ ...NOTHING, outbox: [entry(0), entry(1)] });
      stop();
      await current.store.commit({ ...NOTHING, outbox: [entry(2)] });
      expect(told).toEqual([['lemf']]);
    });

    it('forgets calls, but never the last CIN', async () => {
      await current.store.commit({
        ...NOTHING,
        communications: [CALL, { ...CALL, correlation: 'd', cin: 4, lastSeen: 50 }],
      });
      await current.store.forgetting?.expire(10, 100);
      const state = await current.store.load();
      expect(state.communications.map(({ cin }) => cin)).toEqual([4]);
      await current.store.forgetting?.expire(100, 100);
      expect((await current.store.load()).lastCins).toEqual(new Map([['L', 4]]));
    });

    it('keeps so many streams, those that were heard of last, and gives how many went', async () => {
      const streams = [1, 2, 3].map((at) => ({ key: `s${at}`, nextSequenceNumber: 1, lastTime: at }));
      await current.store.commit({ ...NOTHING, streams });
      expect(await current.store.forgetting?.expire(2, 1)).toBe(1);
      expect((await current.store.load()).streams.map(({ key }) => key)).toEqual(['s3']);
    });

    it.runIf(recalls)('gives by call, at once, what was committed', async () => {
      const other = { ...CALL, liid: 'L2', cin: 7 };
      const away = { ...CALL, correlation: 'd', cin: 4 };
      const stream = { key: 's', nextSequenceNumber: 4, lastTime: 1.5 };
      const kept = (xid: string, correlation: string) => ({
        session: newSession(xid, correlation),
        lastSeen: 5,
      });
      await current.store.commit({
        ...{ ...NOTHING, streams: [stream], communications: [CALL, other, away] },
        keySessions: [kept('x', 'c'), kept('y', 'c'), kept('x', 'd')],
      });
      const { recall } = current.store;
      expect(recall?.stream('s')).toEqual(stream);
      expect(recall?.stream('t')).toBeNull();
      expect(recall?.communications('c')).toEqual([CALL, other]);
      expect(recall?.keySessions('c')).toEqual([kept('x', 'c'), kept('y', 'c')]);
      expect(recall?.keySessions('e')).toEqual([]);
      expect([recall?.callsOf('L'), recall?.keyedCallsOf('x')]).toEqual([
        ['c', 'd'],
        ['c', 'd'],
      ]);
    });

    it('a call that was forgotten in memory alone takes its new CIN along', async () => {
      const old = { ...CALL, nextHi2: 7 };
      const anew = { ...old, cin: 4, nextHi2: 1, nextHi3: 0, lastSeen: 50 };
      await current.store.commit({ ...NOTHING, communications: [old] });
      await current.store.commit({ ...NOTHING, communications: [anew] });
      const state = await current.store.load();
      expect(state.communications).toEqual([anew]);
      expect(state.lastCins).toEqual(new Map([['L', 4]]));
    });

    it('a call that is given up goes with its key management, its CIN stays given, and it may come again', async () => {
      await current.store.commit({
        ...NOTHING,
        communications: [CALL],
        keySessions: ['x', 'y'].map((xid) => ({ session: newSession(xid, 'c'), lastSeen: 5 })),
      });
      const { correlation, liid } = CALL;
      const givenUp = [
        { correlation, liid, cin: 3, xids: ['x'] },
        { correlation: 'never stored', liid, cin: 7, xids: [] },
      ];
      await current.store.commit({ ...NOTHING, givenUp });
      const state = await current.store.load();
      expect(state.communications).toEqual([]);
      expect(state.keySessions.map(({ session }) => session.xid)).toEqual(['y']);
      expect(state.lastCins).toEqual(new Map([['L', 7]]));
      const anew = { ...CALL, cin: 8, standing: 'proven' } as const;
      await current.store.commit({ ...NOTHING, givenUp, communications: [anew] });
      expect((await current.store.load()).communications).toEqual([anew]);
    });

    it('releases what was held', async () => {
      const held = [1, 2, 3].map((id) => ({
        id,
        xid: 'x',
        correlation: '',
        octets: Uint8Array.of(id),
        since: 0,
      }));
      await current.store.commit({ ...NOTHING, held });
      await current.store.commit({ ...NOTHING, released: [1, 3] });
      expect((await current.store.load()).held.map(({ id }) => id)).toEqual([2]);
    });
  });
}
