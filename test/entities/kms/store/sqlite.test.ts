/** The KMS's store: durable, private to its owner, and what is destroyed is gone from the file. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/bytes/secret.ts';
import { decodeDistrictFile } from '../../../../src/entities/kms/district-file.ts';
import { KmsError } from '../../../../src/entities/kms/errors.ts';
import { SqliteKmsStore } from '../../../../src/entities/kms/store/sqlite.ts';
import { exampleHome } from '../support/home.ts';

let folder: string;
let store: SqliteKmsStore;

const file = () => path.join(folder, 'kms.db');

async function reopen(): Promise<void> {
  await store.close();
  store = await SqliteKmsStore.open(file());
}

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'claviger-kms-'));
  store = await SqliteKmsStore.open(file());
});

afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

describe('the store', () => {
  it('is open to its owner only, with its journal', async () => {
    await store.keepLiRoot('2027-03', Secret.of(new Uint8Array(32)));
    const modes = readdirSync(folder).map((name) => [name, statSync(path.join(folder, name)).mode & 0o777]);
    expect(modes.length).toBeGreaterThan(1);
    for (const [name, mode] of modes) expect(mode, String(name)).toBe(0o600);
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
          identities: [
            { uri: 'sip:alice@home1.example', from: 0, until: 86_400 },
            { uri: 'sip:alice@home1.example;gr=x', from: 86_400, until: null },
          ],
        },
      ],
    };
    const seed = { uri: 'sip:alice@home1.example', period: 86_400, serial: 1, credential: 'phone' };
    const warrant = { xid: 'x', targets: ['tel:+1555'], start: 1, end: Infinity };
    const root = Secret.of(new Uint8Array(32).fill(7));
    await store.putSerial(serial);
    await store.keepLiRoot('2027-03', root);
    await store.putSubscriber(subscriber);
    await store.issueSeed(seed);
    await store.putWarrant(warrant);
    expect(await store.claimRequest(Uint8Array.of(1), 100)).toBe(true);
    await reopen();
    const [kept] = await store.serials();
    expect(kept).toMatchObject({ serial: serial.serial, bf: serial.bf });
    expect(kept?.masterSecret.equals(serial.masterSecret)).toBe(true);
    const state = await store.liRoot('2027-03');
    expect(state.state === 'kept' && state.root.equals(root)).toBe(true);
    for (const uri of ['sip:alice@home1.example', 'sip:alice@home1.example;gr=x', 'tel:+1555']) {
      const found = await store.subscriberByIdentity(uri);
      expect(found).toMatchObject({
        ...subscriber,
        devices: [{ identities: subscriber.devices[0]!.identities }],
      });
      expect(found?.devices[0]?.psk.equals(subscriber.devices[0]!.psk)).toBe(true);
    }
    expect((await store.subscriberByCredential('phone'))?.id).toBe('alice');
    expect(await store.subscriberByCredential('other')).toBeNull();
    expect(await store.issuedSeed(seed.uri, seed.period)).toEqual(seed);
    expect(await store.warrant('x')).toEqual(warrant);
    expect(await store.claimRequest(Uint8Array.of(1), 100)).toBe(false);
  });

  it('a serial in use keeps its parameters and its master secret', async () => {
    const { serial } = decodeDistrictFile(exampleHome());
    await store.putSerial(serial);
    await store.putSerial(serial);
    const other = { ...serial, masterSecret: Secret.of(new Uint8Array(32).fill(9)) };
    await expect(store.putSerial(other)).rejects.toThrow(KmsError);
    expect((await store.serials())[0]?.masterSecret.equals(serial.masterSecret)).toBe(true);
  });

  it('a seed stands as first issued', async () => {
    const seed = { uri: 'sip:a@b', period: 0, serial: 1, credential: 'first' };
    await store.issueSeed(seed);
    expect(await store.issueSeed({ ...seed, credential: 'second' })).toEqual(seed);
    expect(await store.issuedSeed('sip:a@b', 1)).toBeNull();
  });

  it('a destroyed root is in no file of the database', async () => {
    const root = Uint8Array.from({ length: 32 }, (_, i) => 0xc0 ^ (i * 7));
    await store.keepLiRoot('2027-03', Secret.of(root.slice()));
    const isOnDisk = () =>
      readdirSync(folder).some((name) => readFileSync(path.join(folder, name)).includes(Buffer.from(root)));
    expect(isOnDisk()).toBe(true);
    expect(await store.destroyLiRootsBefore('2027-04')).toEqual(['2027-03']);
    expect(isOnDisk()).toBe(false);
    expect(await store.destroyLiRootsBefore('2027-04')).toEqual([]);
    expect((await store.keepLiRoot('2027-03', Secret.of(root))).state).toBe('destroyed');
  });

  it('forgets claims when they cannot recur', async () => {
    await store.claimRequest(Uint8Array.of(1), 100);
    await store.expireClaims(100);
    expect(await store.claimRequest(Uint8Array.of(1), 100)).toBe(false);
    await store.expireClaims(101);
    expect(await store.claimRequest(Uint8Array.of(1), 100)).toBe(true);
  });

  it('forgets warrants that can be asked about no longer', async () => {
    await store.putWarrant({ xid: 'ended', targets: ['tel:+1555'], start: 1, end: 100 });
    await store.putWarrant({ xid: 'open', targets: ['tel:+1555'], start: 1, end: Infinity });
    await store.forgetWarrants(100);
    expect((await store.warrant('ended'))?.end).toBe(100);
    await store.forgetWarrants(101);
    expect(await store.warrant('ended')).toBeNull();
    expect((await store.warrant('open'))?.end).toBe(Infinity);
  });

  it('lets so many distinct questions of a group be asked, each as often as wanted', async () => {
    const group = Uint8Array.of(9);
    const ask = (hash: number, of = group) => store.claimQuestion(of, Uint8Array.of(hash), 3, 100);
    expect(await Promise.all([ask(1), ask(2), ask(3)])).toEqual([true, true, true]);
    expect(await ask(4)).toBe(false);
    expect(await ask(2)).toBe(true);
    expect(await ask(4, Uint8Array.of(8))).toBe(true);
  });
});
