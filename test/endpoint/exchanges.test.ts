import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { frozenClock, seededRandom, systemRandom } from '../../src/host/runtime.ts';
import type { Clock, Random } from '../../src/bytes/ports.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { fromHex, toHex } from '../../src/bytes/octets.ts';
import { SRTP_POLICY } from '../../src/ibake/policy.ts';
import { canonicalIdentity } from '../../src/ibake/identity.ts';
import { TimestampSource } from '../../src/ibake/timestamps.ts';
import { bigIntEngine } from '../../src/ibe/bigint-engine.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { HttpsClient } from '../../src/net/https.ts';
import { HttpsKmsClient } from '../../src/endpoint/kms-client.ts';
import type { KmsAnswer } from '../../src/endpoint/ports.ts';
import { SqliteReplayCache } from '../../src/endpoint/replays.ts';
import { readFileSync } from 'node:fs';
import { knownByKey } from '../../src/endpoint/credentials.ts';
import { Districts } from '../../src/endpoint/districts.ts';
import { IbakeAgreement } from '../../src/endpoint/exchanges.ts';
import type { OfferSettings } from '../../src/endpoint/exchanges.ts';
import type { KeyedStream } from '../../src/endpoint/key-exchange.ts';
import { sessionsOf } from '../../src/endpoint/key-exchange.ts';
import { KeyKeeper } from '../../src/endpoint/key-keeper.ts';
import { RequestKeyError } from '../../src/wire/request-key/errors.ts';
import { makeKeyRequest } from '../../src/wire/request-key/request.ts';
import { decodeKeyResponse } from '../../src/wire/request-key/response.ts';
import { PolicyRefusal } from '../../src/endpoint/errors.ts';
import { decodeMessage, encodeMessage } from '../../src/mikey/message.ts';
import type { Payload } from '../../src/mikey/payload.ts';
import { KeyRing } from '../../src/endpoint/key-ring.ts';
import type { TwoKms, UserName } from '../support/two-kms.ts';
import { USERS, startTwoKms } from '../support/two-kms.ts';
import { silent } from '../support/silent.ts';

/** Now, since TLS compares certificates with the system's time. */
const NOW = Date.now();
const clock: Clock = frozenClock(NOW);

describe('endpoints, their KMSs over HTTPS, and MIKEY-IBAKE between them', () => {
  let two: TwoKms;
  let alice: IbakeAgreement;
  let bob: IbakeAgreement;
  const clients: HttpsClient[] = [];

  beforeAll(async () => {
    two = await startTwoKms({ clock, random: systemRandom(), logger: silent });
    [alice, bob] = [await endpoint('alice'), await endpoint('bob')];
  });
  afterAll(async () => {
    for (const client of clients) await client.close();
    await two.stop();
  });

  const kmsOf = (user: UserName, homes: TwoKms = two) => {
    const tls = { authorities: readFileSync(homes.pki.authorities, 'utf8') };
    const https = new HttpsClient({ hosts: new HostMap(homes.hosts), tls });
    clients.push(https);
    return new HttpsKmsClient(https, `https://kms.${USERS[user].host}`, clock);
  };
  const credentialOf = (user: UserName) => ({
    name: user,
    psk: Secret.of(fromHex(USERS[user].psk)),
    district: `https://kms.${USERS[user].host}/.well-known/ibe`,
  });

  const endpoint = async (
    user: UserName,
    random: Random = systemRandom(),
    homes = two,
    settings?: OfferSettings,
  ) => {
    const { host, partner } = USERS[user];
    const identity = canonicalIdentity(`sip:${user}@${host}`);
    const kms = kmsOf(user, homes);
    const districts = new Districts(kms, { hosts: [host, partner] }, clock, silent);
    const ring = new KeyRing(300);
    const keeper = new KeyKeeper({
      kms,
      identification: knownByKey(credentialOf(user)),
      addressOfRecord: identity.uri,
      device: identity.uri,
      ring,
      districts,
      skew: 300,
      clock,
      random,
      logger: silent,
    });
    await keeper.refresh();
    keeper.stop();
    const own = {
      addressOfRecord: identity,
      device: identity,
      engine: bigIntEngine(),
      clock,
      random,
      timestamps: new TimestampSource(clock),
      districts,
      keys: ring,
      replays: await SqliteReplayCache.open(':memory:', clock),
      skew: 300,
    };
    return new IbakeAgreement(own, settings);
  };

  const told = ({ csId, ssrc, mki, suite, masterKey, masterSalt }: KeyedStream) =>
    [csId, ssrc, toHex(mki), suite.name, toHex(masterKey.expose()), toHex(masterSalt.expose())].join(' ');

  const exchange = async (alice: IbakeAgreement, bob: IbakeAgreement) => {
    const offer = await alice.initiate('sip:bob@home2.example', [111]);
    const response = await bob.respond(offer.iMessage1, [222], ['mikey']);
    const answer = await offer.answer(response.rMessage1);
    const { rMessage2, result } = await response.confirm(answer.iMessage2);
    const own = await answer.confirm(rMessage2);
    offer.close();
    response.close();
    return { offer, response, answer, rMessage2, alice: own, bob: result };
  };

  test('both ends have the same keys, the same string to read aloud, and each the other’s identity', async () => {
    const done = await exchange(alice, bob);
    expect([done.alice.peer, done.bob.peer]).toEqual(['sip:bob@home2.example', 'sip:alice@home1.example']);
    expect(done.alice.sas).toMatch(/^[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}$/);
    expect(done.alice.sas).toBe(done.bob.sas);
    expect(done.alice.sessions.map(told)).toEqual(done.bob.sessions.map(told));
    const sessions = sessionsOf(done.alice, 0);
    expect([sessions?.fromInitiator.ssrc, sessions?.fromResponder.ssrc]).toEqual([111, 222]);
    expect(sessionsOf(done.alice, 1)).toBeNull();
    done.alice.wipe();
    expect(() => done.alice.sessions[0]?.masterKey.expose()).toThrow();
  });

  test('audio in the second of three m= lines has crypto sessions 3 and 4', async () => {
    const offer = await alice.initiate('sip:bob@home2.example', [0, 111, 0]);
    const response = await bob.respond(offer.iMessage1, [0, 222, 0], ['mikey']);
    const answer = await offer.answer(response.rMessage1);
    const { rMessage2 } = await response.confirm(answer.iMessage2);
    const { sessions } = await answer.confirm(rMessage2);
    expect(sessions.map(({ csId, ssrc }) => [csId, ssrc])).toEqual([
      [3, 111],
      [4, 222],
    ]);
  });

  test('an offer may ask for another suite', async () => {
    const gcm = await endpoint('alice', systemRandom(), two, { policy: SRTP_POLICY.aesGcm256 });
    const done = await exchange(gcm, bob);
    expect(done.alice.sessions.map(told)).toEqual(done.bob.sessions.map(told));
    expect(done.bob.sessions.map(({ suite }) => suite.name)).toEqual([
      'AEAD_AES_256_GCM',
      'AEAD_AES_256_GCM',
    ]);
  });

  test.each([
    ['P-384', { curve: 11 }],
    ['P-521 and MIKEY-1', { curve: 14, prfFunc: 0 }],
  ])('R-40: an offer may be on %s', async (_, settings) => {
    const done = await exchange(await endpoint('alice', systemRandom(), two, settings), bob);
    expect(done.alice.sas).toBe(done.bob.sas);
    expect(done.alice.sessions.map(told)).toEqual(done.bob.sessions.map(told));
  });

  test('R-42: somebody else who answers on another curve is no reason for doubt, but for a new exchange on P-256', async () => {
    const caller = await endpoint('alice', systemRandom(), two, { curve: 11 });
    // Alice’s own phone stands for a device that the call was led to: it cannot open what is for bob.
    const other = await endpoint('alice');
    const offer = await caller.initiate('sip:bob@home2.example', [111]);
    const { rMessage1 } = await other.respond(offer.iMessage1, [222], ['mikey']);
    await expect(offer.answer(rMessage1)).rejects.toMatchObject({ code: 'other-curve' });
    const again = await caller.initiate('sip:bob@home2.example', [111], 8);
    const second = await other.respond(again.iMessage1, [222], ['mikey']);
    await expect(again.answer(second.rMessage1)).resolves.toBeDefined();
  });

  test('R-44: a security policy that is not supported is refused with an error message of this exchange alone', async () => {
    const offer = await alice.initiate('sip:bob@home2.example', [111]);
    const sound = decodeMessage(offer.iMessage1);
    const odd = encodeMessage({
      ...sound,
      payloads: sound.payloads.flatMap((payload): Payload[] =>
        payload.kind === 'ext'
          ? [
              {
                kind: 'sp',
                policyNo: 1,
                protType: 0,
                params: [{ type: 7, value: Uint8Array.of(0) }],
              },
              payload,
            ]
          : [payload],
      ),
    });
    const refused = await bob.respond(odd, [222], ['mikey']).catch((error: unknown) => error);
    if (!(refused instanceof PolicyRefusal)) throw new Error('the policy was not refused');
    expect([refused.code, refused.errorNo]).toEqual(['policy', 10]);
    expect(offer.refusal(refused.octets)).toMatchObject({ errorNo: 10, name: 'Invalid SPpar' });
    const other = await alice.initiate('sip:bob@home2.example', [111]);
    expect(other.refusal(refused.octets)).toBeNull();
    for (const octets of [offer.iMessage1, new Uint8Array(), refused.octets.subarray(0, 9)])
      expect(offer.refusal(octets)).toBeNull();
  });

  test('a replayed I_MESSAGE_1 gets no answer (R-44)', async () => {
    const { offer } = await exchange(alice, bob);
    const again = bob.respond(offer.iMessage1, [5], ['mikey']);
    await expect(again).rejects.toMatchObject({ code: 'key-exchange' });
  });

  test('an I_MESSAGE_1 of another list of protocols, altered, or no message gets no answer', async () => {
    const own = [5];
    const { iMessage1 } = await alice.initiate('sip:bob@home2.example', own);
    const altered = iMessage1.slice();
    altered[altered.length - 1] = altered[altered.length - 1]! ^ 1;
    for (const [message, protocols] of [
      [iMessage1, ['mikey', 'other']],
      [altered, ['mikey']],
      [new Uint8Array(5), ['mikey']],
    ] as const) {
      await expect(bob.respond(message, own, protocols)).rejects.toMatchObject({ code: 'key-exchange' });
    }
    await expect(bob.respond(iMessage1, own, ['mikey'])).resolves.toBeDefined();
  });

  test('altered R_MESSAGE_1, I_MESSAGE_2 and R_MESSAGE_2 are refused, the true ones then still taken', async () => {
    const flipped = (octets: Uint8Array) =>
      octets.map((octet, at) => (at === octets.length - 1 ? octet ^ 1 : octet));
    const refused = (result: Promise<unknown>) =>
      expect(result).rejects.toMatchObject({ code: 'key-exchange' });
    const offer = await alice.initiate('sip:bob@home2.example', [1]);
    const response = await bob.respond(offer.iMessage1, [2], ['mikey']);
    await refused(offer.answer(flipped(response.rMessage1)));
    const answer = await offer.answer(response.rMessage1);
    await refused(response.confirm(flipped(answer.iMessage2)));
    const { rMessage2 } = await response.confirm(answer.iMessage2);
    await refused(answer.confirm(flipped(rMessage2)));
    await expect(answer.confirm(rMessage2)).resolves.toMatchObject({ peer: 'sip:bob@home2.example' });
  });

  test('a callee outside the configured partners cannot be called', async () => {
    const call = alice.initiate('sip:eve@evil.example', [1]);
    await expect(call).rejects.toMatchObject({ code: 'no-key' });
  });

  test('with the same seed of chance and a clock that stands still, the messages are the same again', async () => {
    const run = async () => {
      const homes = await startTwoKms({ clock, random: seededRandom('x', 'kms'), logger: silent });
      const { offer, response, answer, rMessage2 } = await exchange(
        await endpoint('alice', seededRandom('x', 'alice'), homes),
        await endpoint('bob', seededRandom('x', 'bob'), homes),
      );
      await homes.stop();
      return [offer.iMessage1, response.rMessage1, answer.iMessage2, rMessage2].map(toHex);
    };
    expect(await run()).toEqual(await run());
  });

  test('the KMS refuses a request under another key, and its answer to another request is not taken', async () => {
    const kms = kmsOf('alice');
    const dates = { from: null, to: null };
    const wanted = { uris: ['sip:alice@home1.example'], time: NOW, wanted: dates };
    const { psk } = credentialOf('alice');
    const forged = { ...credentialOf('alice'), psk: Secret.of(new Uint8Array(32)) };
    const request = makeKeyRequest(forged, wanted, systemRandom());
    const refusal = octetsOf(await kms.requestKeys(request.octets));
    expect(() => decodeKeyResponse(request, forged.psk, refusal)).toThrow(/refuses: Auth failure/);

    const own = makeKeyRequest(credentialOf('alice'), wanted, systemRandom());
    const answer = octetsOf(await kms.requestKeys(own.octets));
    const other = makeKeyRequest(credentialOf('alice'), wanted, systemRandom());
    expect(() => decodeKeyResponse(other, psk, answer)).toThrow(/to another request/);
    for (const at of [answer.length - 1, 100, 3]) {
      const altered = answer.map((octet, i) => (i === at ? octet ^ 1 : octet));
      expect(() => decodeKeyResponse(own, psk, altered)).toThrow(RequestKeyError);
    }
    for (let length = 0; length < answer.length; length += 97) {
      expect(() => decodeKeyResponse(own, psk, answer.subarray(0, length))).toThrow(RequestKeyError);
    }
    const keys = decodeKeyResponse(own, psk, answer);
    expect(keys.every(({ uri }) => uri === 'sip:alice@home1.example')).toBe(true);
    expect(keys[0]?.seed).not.toBeNull();
  });

  test('a KMS that is not there, or answers with something else, is said to be so', async () => {
    const kms = kmsOf('alice');
    await expect(kms.fetchParameters('https://kms.home1.example/nothing')).rejects.toMatchObject({
      code: 'kms',
    });
    await expect(kms.fetchParameters('https://127.0.0.1:9/')).rejects.toMatchObject({ code: 'kms' });
    await expect(kms.requestKeys(new Uint8Array(3))).rejects.toMatchObject({ code: 'kms' });
  });
});

function octetsOf(answer: KmsAnswer): Uint8Array {
  if (answer.kind === 'later') throw new Error('the KMS has too much to do');
  return answer.octets;
}
