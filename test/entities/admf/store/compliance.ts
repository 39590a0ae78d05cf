/** What every store of an ADMF must do, whatever it is made of. */
import { expect, it } from 'vitest';
import type { AdmfStore } from '../../../../src/entities/admf/ports.ts';
import { WARRANT_STATES } from '../../../../src/wire/officers/warrants.ts';
import type { HistoryEntry, ProposedChange, WarrantRecord } from '../../../../src/entities/admf/warrants.ts';
import { storeSuite } from '../../../support/store-suite.ts';
import type { StoreBackend } from '../../../support/store-suite.ts';

export const record: WarrantRecord = {
  warrant: {
    liid: 'LIID-1',
    targets: [{ name: 'sipUri', value: 'sip:alice@home1.example' }],
    delivery: 'IRI+CC',
    startTime: 1,
    endTime: 2,
    lemf: { hi2: { host: 'lemf', port: 1 }, hi3: { host: 'lemf', port: 2 } },
    location: true,
    xk: 'lemf.home1.example',
  },
  xid: '29f28e1c-f230-486a-a860-f5a784ab9172',
  state: 'active',
  version: 7,
  from: 1,
  until: null,
  drainUntil: null,
  periods: [{ from: 0.5, until: 0.75, delivery: 'IRI' }],
  authors: ['first', 'second'],
  approvals: ['third'],
  emergency: { lapsesAt: 5 },
  reference: 'own name',
  imported: true,
  pending: {
    change: { kind: 'amend', changes: { endTime: 9, lemf: { hi2: { host: 'other', port: 3 } } } },
    by: 'first',
    reason: 'later',
    at: 1.5,
  },
  undo: null,
  closedAt: null,
  erased: false,
};

/** Another warrant, without what may be left out. */
function other(at: number): WarrantRecord {
  return {
    ...record,
    warrant: {
      liid: `LIID-OTHER-${at}`,
      targets: [{ name: 'telUri', value: 'tel:+15551001' }],
      delivery: 'IRI',
      startTime: 10.5,
      endTime: 20,
      lemf: { hi2: { host: 'lemf', port: 1 } },
    },
    xid: `00000000-0000-4000-8000-${String(at).padStart(12, '0')}`,
    state: 'ending',
    from: 11,
    until: 19.5,
    drainUntil: 21.5,
    periods: [],
    authors: [],
    approvals: [],
    emergency: at % 2 === 0 ? null : { lapsesAt: null },
    reference: null,
    imported: false,
    pending: null,
    undo: record.warrant,
    closedAt: 22,
  };
}

export function admfStoreSuite(backend: StoreBackend<AdmfStore>): void {
  storeSuite('ADMF', backend, (current) => {
    it('gives back warrants, in the order in which they came, and DIDs, after it was opened again', async () => {
      await current.store.saveWarrants([other(2), record], []);
      await current.store.saveWarrants([other(1)], []);
      await current.store.saveDid('LEMF HI2 lemf:1', 'be0e4f71-0c3f-47d6-83b1-d52e08522638');
      await current.reopen();
      expect(await current.store.load()).toEqual({
        warrants: [other(2), record, other(1)],
        dids: new Map([['LEMF HI2 lemf:1', 'be0e4f71-0c3f-47d6-83b1-d52e08522638']]),
      });
    });

    it('keeps a warrant in every state that there is', async () => {
      const all = WARRANT_STATES.map((state, at) => ({ ...other(at), state }));
      await current.store.saveWarrants(all, []);
      await current.reopen();
      expect((await current.store.load()).warrants).toEqual(all);
    });

    it('puts a warrant that it knows in its own place, by LIID', async () => {
      await current.store.saveWarrants([record, other(1)], []);
      const ended: WarrantRecord = { ...record, state: 'ended', drainUntil: 3 };
      await current.store.saveWarrants([ended], []);
      await current.reopen();
      expect((await current.store.load()).warrants).toEqual([ended, other(1)]);
    });

    it('keeps all warrants that are saved together, or none', async () => {
      await current.store.saveWarrants([record], []);
      const changed: WarrantRecord = { ...record, state: 'ending', drainUntil: 3 };
      const sameTask = { ...other(1), xid: record.xid };
      await expect(current.store.saveWarrants([changed, sameTask], [])).rejects.toThrow();
      await current.reopen();
      expect((await current.store.load()).warrants).toEqual([record]);
    });

    it('gives back a proposed change of each kind', async () => {
      const changes: ProposedChange[] = [
        { kind: 'resume' },
        { kind: 'extend', startTime: 5, endTime: 6 },
        { kind: 'extend', startTime: null, endTime: 6 },
        { kind: 'amend', changes: { targets: [], delivery: 'IRI', startTime: 1, location: true, xk: false } },
      ];
      const all = changes.map((change, at) => ({
        ...other(at),
        pending: { change, by: 'a', reason: 'b', at: 1 },
      }));
      await current.store.saveWarrants(all, []);
      await current.reopen();
      expect((await current.store.load()).warrants).toEqual(all);
    });

    it('keeps the history of each LIID in order, and no details of one whose contents are deleted', async () => {
      const entry = (liid: string, at: number): HistoryEntry => ({
        ...{ liid, xid: record.xid, at, by: at === 1 ? 'officer' : null, act: `act-${at}`, state: 'active' },
        ...{ version: at, reason: at === 1 ? 'why' : null, detail: '{"targets":[]}' },
      });
      const { liid } = record.warrant;
      await current.store.saveWarrants([record], [entry(liid, 1), entry('other', 3), entry(liid, 2)]);
      await current.reopen();
      expect(await current.store.history(liid)).toEqual([entry(liid, 1), entry(liid, 2)]);
      await current.store.saveWarrants([{ ...record, erased: true }], [entry(liid, 4)]);
      const left = [1, 2, 4].map((at) => ({ ...entry(liid, at), detail: null }));
      expect(await current.store.history(liid)).toEqual(left);
      expect(await current.store.history('other')).toEqual([entry('other', 3)]);
    });

    it('a DID stands as first given, and for one thing alone', async () => {
      await current.store.saveDid('HI2', 'first');
      await expect(current.store.saveDid('HI2', 'second')).rejects.toThrow();
      await expect(current.store.saveDid('HI3', 'first')).rejects.toThrow();
      await current.reopen();
      expect((await current.store.load()).dids).toEqual(new Map([['HI2', 'first']]));
    });
  });
}
