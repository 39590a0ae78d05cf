/** The store of registrations, as every backend must be. */
import { expect, it } from 'vitest';
import type { RegistrationStore, StoredBinding } from '../../../src/entities/cscf/ports.ts';
import { SqliteRegistrationStore } from '../../../src/entities/cscf/store/sqlite.ts';
import { storeSuite } from '../../support/store-suite.ts';

const ALICE = 'sip:alice@home1.example';
const BOB = 'sip:bob@home1.example';

function binding(user: string, expires: number): StoredBinding {
  return {
    contact: `<sip:${user}@phone.example>;+sip.instance="<urn:uuid:1>"`,
    protocol: 'UDP',
    local: { address: '127.0.0.1', port: 5060 },
    remote: { address: '127.0.0.2', port: 5070 },
    source: { address: '127.0.0.2', port: 40_000 },
    reachable: true,
    callId: 'c',
    cseq: 7,
    expires,
  };
}

storeSuite<RegistrationStore>(
  'registrations',
  { name: 'SQLite', open: (place) => SqliteRegistrationStore.open(place) },
  (current) => {
    it('R-74: gives back after a restart what was saved, in order', async () => {
      const kept = [
        binding('alice', 2000),
        { ...binding('a2', 3000), source: null, protocol: 'TCP' as const },
      ];
      current.store.save(ALICE, kept, 1000);
      current.store.save(BOB, [binding('bob', 2000)], 1000);
      await current.reopen();
      expect(current.store.load(1000)).toEqual(
        new Map([
          [ALICE, kept],
          [BOB, [binding('bob', 2000)]],
        ]),
      );
    });

    it('puts what is saved in the place of what was there, of one subscriber alone', async () => {
      current.store.save(ALICE, [binding('alice', 2000)], 1000);
      current.store.save(BOB, [binding('bob', 2000)], 1000);
      current.store.save(ALICE, [], 1000);
      await current.reopen();
      expect([...current.store.load(1000).keys()]).toEqual([BOB]);
    });

    it('keeps all of what is saved at once, or what was there before', async () => {
      current.store.save(ALICE, [binding('alice', 2000)], 1000);
      const unfit = [binding('a2', 3000), binding('a3', NaN)];
      expect(() => current.store.save(ALICE, unfit, 1000)).toThrow();
      await current.reopen();
      expect(current.store.load(1000)).toEqual(new Map([[ALICE, [binding('alice', 2000)]]]));
    });

    it('forgets what has expired when something is saved, whosever it was', async () => {
      current.store.save(ALICE, [binding('alice', 2000), binding('a2', 4000)], 1000);
      current.store.save(BOB, [binding('bob', 9000)], 2000);
      await current.reopen();
      expect(current.store.load(1000)).toEqual(
        new Map([
          [ALICE, [binding('a2', 4000)]],
          [BOB, [binding('bob', 9000)]],
        ]),
      );
    });

    it('gives nothing that has expired', () => {
      current.store.save(ALICE, [binding('alice', 2000), binding('a2', 4000)], 1000);
      expect(current.store.load(2000).get(ALICE)).toEqual([binding('a2', 4000)]);
      expect(current.store.load(4000).size).toBe(0);
    });
  },
);
