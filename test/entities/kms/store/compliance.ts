/** What every store of a KMS must do, whatever it is made of. */
import { expect, it } from 'vitest';
import { Secret } from '../../../../src/bytes/secret.ts';
import { decodeDistrictFile } from '../../../../src/entities/kms/district-file.ts';
import { KmsError } from '../../../../src/entities/kms/errors.ts';
import type { KmsStore } from '../../../../src/entities/kms/ports.ts';
import { storeSuite } from '../../../support/store-suite.ts';
import type { StoreBackend } from '../../../support/store-suite.ts';
import { exampleHome } from '../support/home.ts';

/** What every store of a KMS does; `forgetting` where it does not forget by itself. */
export function kmsStoreSuite(backend: StoreBackend<KmsStore>): void {
  storeSuite('KMS', backend, (current) => {
    it('a destroyed root stays destroyed', async () => {
      await current.store.keepLiRoot('2027-03', Secret.of(new Uint8Array(32).fill(1)));
      await current.store.keepLiRoot('2027-04', Secret.of(new Uint8Array(32).fill(2)));
      expect(await current.store.destroyLiRootsBefore('2027-04')).toEqual(['2027-03']);
      expect(await current.store.destroyLiRootsBefore('2027-04')).toEqual([]);
      const again = await current.store.keepLiRoot('2027-03', Secret.of(new Uint8Array(32).fill(3)));
      expect(again.state).toBe('destroyed');
      await current.reopen();
      expect((await current.store.liRoot('2027-03')).state).toBe('destroyed');
      expect((await current.store.liRoot('2027-04')).state).toBe('kept');
      expect((await current.store.liRoot('2027-05')).state).toBe('absent');
    });

    it('keeps serials, roots, subscribers, claims, seeds and warrants over a restart', async () => {
      const { serial } = decodeDistrictFile(exampleHome());
      const subscriber = {
        id: 'alice',
        publicIdentities: ['sip:alice@home1.example', 'sip:a@home1.example'],
        aliases: ['tel:+1555'],
        devices: [
          {
            credential: 'phone',
            psk: Secret.of(new Uint8Array(32).fill(3)),
            certified: false,
            identities: [
              { uri: 'sip:alice@home1.example', from: 0, until: 86_400 },
              { uri: 'sip:alice@home1.example;gr=x', from: 86_400, until: null },
            ],
          },
        ],
      };
      const seed = { uri: 'sip:alice@home1.example', period: 86_400, serial: 1, credential: 'phone' };
      const targets = ['tel:+1555'];
      const warrant = {
        xid: 'x',
        periods: [
          { targets, start: 1, end: 5 },
          { targets, lemf: { name: 'lemf.home1.example', liid: 'LIID-1' }, start: 5, end: 7 },
          { targets: [...targets, 'sip:a@home1.example'], start: 7.25, end: Infinity },
        ],
      };
      const root = Secret.of(new Uint8Array(32).fill(7));
      await current.store.putSerial(serial);
      await current.store.keepLiRoot('2027-03', root);
      await current.store.putSubscriber(subscriber, 1000);
      await current.store.issueSeed(seed);
      await current.store.putWarrant(warrant);
      expect(await current.store.claimRequest(Uint8Array.of(1), 100)).toBe(true);
      await current.reopen();
      const [kept] = await current.store.serials();
      expect(kept).toMatchObject({ serial: serial.serial, bf: serial.bf });
      expect(kept?.masterSecret.equals(serial.masterSecret)).toBe(true);
      const state = await current.store.liRoot('2027-03');
      expect(state.state === 'kept' && state.root.equals(root)).toBe(true);
      for (const uri of ['sip:alice@home1.example', 'sip:alice@home1.example;gr=x', 'tel:+1555']) {
        const found = await current.store.subscriberByIdentity(uri);
        expect(found).toMatchObject({
          ...subscriber,
          devices: [{ identities: subscriber.devices[0]!.identities }],
        });
        expect(found?.devices[0]?.psk?.equals(subscriber.devices[0]!.psk)).toBe(true);
      }
      expect((await current.store.subscriberByCredential('phone'))?.id).toBe('alice');
      expect(await current.store.subscriberByCredential('other')).toBeNull();
      expect(await current.store.issuedSeed(seed.uri, seed.period)).toEqual(seed);
      expect(await current.store.warrant('x')).toEqual(warrant);
      expect(await current.store.claimRequest(Uint8Array.of(1), 100)).toBe(false);
    });

    it('a serial in use keeps its parameters and its master secret', async () => {
      const { serial } = decodeDistrictFile(exampleHome());
      await current.store.putSerial(serial);
      await current.store.putSerial(serial);
      const other = { ...serial, masterSecret: Secret.of(new Uint8Array(32).fill(9)) };
      await expect(current.store.putSerial(other)).rejects.toThrow(KmsError);
      expect((await current.store.serials())[0]?.masterSecret.equals(serial.masterSecret)).toBe(true);
    });

    it('a seed stands as first issued', async () => {
      const seed = { uri: 'sip:a@b', period: 0, serial: 1, credential: 'first' };
      await current.store.issueSeed(seed);
      expect(await current.store.issueSeed({ ...seed, credential: 'second' })).toEqual(seed);
      expect(await current.store.issuedSeed('sip:a@b', 1)).toBeNull();
    });

    it('forgets claims when they cannot recur', async () => {
      await current.store.claimRequest(Uint8Array.of(1), 100);
      await current.store.forgetting?.expireClaims(100);
      expect(await current.store.claimRequest(Uint8Array.of(1), 100)).toBe(false);
      await current.store.forgetting?.expireClaims(101);
      expect(await current.store.claimRequest(Uint8Array.of(1), 100)).toBe(true);
    });

    it('forgets warrants that can be asked about no longer', async () => {
      const targets = ['tel:+1555'];
      const [first, second] = [
        { targets, start: 1, end: 100 },
        { targets, start: 200, end: Infinity },
      ];
      await current.store.putWarrant({ xid: 'ended', periods: [first] });
      await current.store.putWarrant({ xid: 'open', periods: [first, second] });
      await current.store.forgetting?.forgetWarrants(100);
      expect((await current.store.warrant('ended'))?.periods).toEqual([first]);
      expect((await current.store.warrant('open'))?.periods).toEqual([first, second]);
      await current.store.forgetting?.forgetWarrants(101);
      expect(await current.store.warrant('ended')).toBeNull();
      expect((await current.store.warrant('open'))?.periods).toEqual([second]);
    });

    it('R-76: knows who held what when, also when a name moves, moves back, or its holder goes', async () => {
      const { store } = current;
      const named = (id: string, aliases: string[]) => ({
        id,
        publicIdentities: [`sip:${id}@home1.example`],
        aliases,
        devices: [],
      });
      const held = async (uri: string) =>
        (await current.store.holdings(uri))
          .filter((holding) => holding.uri === uri)
          .map(({ subscriber, from, until }) => [subscriber, from, until]);
      const number = 'tel:+1555';
      await store.putSubscribers([named('alice', [number]), named('bob', [])], 100);
      await store.putSubscribers([named('bob', [number]), named('alice', [])], 200);
      await store.putSubscribers([named('bob', [number]), named('alice', [])], 250);
      await current.reopen();
      await current.store.putSubscribers([named('alice', [number])], 300);
      const moves = [
        ['alice', 100, 200],
        ['bob', 200, 300],
        ['alice', 300, Infinity],
      ];
      expect(await held(number)).toEqual(moves);
      expect(await held('sip:bob@home1.example')).toEqual([['bob', 100, 300]]);
      expect(await current.store.subscriber('bob')).toBeNull();
      expect((await current.store.subscriberByIdentity(number))?.id).toBe('alice');
      // All that the holders have held comes with it.
      const all = await current.store.holdings(number);
      expect(all.filter(({ kind }) => kind === 'public').map(({ uri }) => uri)).toEqual([
        'sip:alice@home1.example',
        'sip:bob@home1.example',
      ]);
      // What two claim is nobody's, and nothing changes.
      const twice = [named('alice', [number]), named('bob', [number])];
      await expect(current.store.putSubscribers(twice, 400)).rejects.toThrow(KmsError);
      expect(await held(number)).toEqual(moves);
      await current.store.forgetting?.forgetHoldings(200);
      expect(await held(number)).toEqual(moves);
      await current.store.forgetting?.forgetHoldings(201);
      expect(await held(number)).toEqual(moves.slice(1));
    });

    it('lets so many distinct questions of a group be asked, each as often as wanted', async () => {
      const group = Uint8Array.of(9);
      const ask = (hash: number, of = group, now = 100) =>
        current.store.claimQuestion(of, Uint8Array.of(hash), { limit: 3, refill: 10, now });
      expect(await Promise.all([ask(1), ask(2), ask(3)])).toEqual([true, true, true]);
      expect(await ask(4)).toBe(false);
      expect(await ask(2)).toBe(true);
      expect(await ask(4, Uint8Array.of(8))).toBe(true);
      // Places come back one by one; what has lost its place needs another.
      await current.reopen();
      expect([await ask(4, group, 109), await ask(4, group, 111), await ask(5, group, 111)]).toEqual([
        false,
        true,
        false,
      ]);
      expect([await ask(1, group, 119), await ask(1, group, 121), await ask(4, group, 121)]).toEqual([
        false,
        true,
        true,
      ]);
    });
  });
}
