/** Sets of REQUEST_KEY (RFC 6267 section 4.2.1, profile section 4): a device asks its KMS for private keys and seeds. */
import { toBase64, toHex } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { encodeIssuedKeys, type IssuedKey } from '../../src/wire/request-key/issued-keys.ts';
import { makeKeyRequest, type SentKeyRequest } from '../../src/wire/request-key/request.ts';
import { decodeKeyResponse } from '../../src/wire/request-key/response.ts';
import { deriveMessageKey } from '../../src/mikey/kdf.ts';
import { engineGenerator, home } from '../entities/kms/support/home.ts';
import { identityAt } from '../ibake/support/network.ts';
import { ABOUT } from './about.ts';
import type { RequestKeyForm } from './form.ts';
import { homeForm, pairOf, World, type Party } from './world.ts';

const DEVICE = 'sip:alice@home1.example;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6';
const ALICE = 'sip:alice@home1.example';
const CREDENTIAL = 'alice-phone';
const MAC = 32;

/** Alice's phone, with a pre-shared key, for the period that has begun and the next. */
export async function requestKeyPskSet(seed: string): Promise<RequestKeyForm> {
  const world = new World(seed, 'request-key-psk');
  const alice = world.party('alice', 'own', DEVICE);
  const time = world.clock.now() / 1000;
  const key = world.octets(32);
  const psk = () => Secret.of(key.slice());
  const kms = await kmsOf(alice, time);
  await kms.enrol({
    ...{ id: 'alice', publicIdentities: [ALICE], aliases: [] },
    devices: [{ credential: CREDENTIAL, psk: psk(), identity: DEVICE }],
  });
  const { district } = alice.home;
  const request = makeKeyRequest(
    { name: CREDENTIAL, psk: psk(), district },
    { uris: [ALICE, DEVICE], time: time * 1000, wanted: { from: null, to: null } },
    alice.random,
  );
  const answer = await kms.requestKey.answer(request.octets);
  const issued = decodeKeyResponse(request, psk(), answer);
  const keyOf = (kind: 'auth' | 'encr' | 'salt', octets: number) =>
    toHex(deriveMessageKey(kind, psk(), request, octets).expose());
  return {
    ...headOf('request-key-psk', seed, alice, request, time),
    ...{ credential: CREDENTIAL, psk: toHex(key) },
    messages: {
      REQUEST_KEY_INIT: {
        message: toBase64(request.octets),
        ...macOf(request.octets),
        authKey: keyOf('auth', MAC),
      },
      REQUEST_KEY_RESP: {
        ...{ message: toBase64(answer), ...macOf(answer), authKey: keyOf('auth', MAC) },
        ...{ encrKey: keyOf('encr', 16), saltKey: keyOf('salt', 14) },
        plaintext: toHex(encodeIssuedKeys(issued)),
      },
    },
    issued: issued.map((each) => issuedForm(alice, each)),
  };
}

/* ---------------------------------------------------------------- helpers */

/** A KMS with the home's secrets. */
function kmsOf({ home: own, device }: Party, time: number) {
  const { district, serial, keyLifetime, liRoot } = own;
  const users = homeForm(own, [{ uri: device, seed: true }], time);
  const [user] = users.users ?? [];
  const { uri = '', identityDER = '', Sid = ['', ''], liSeed = '' } = user ?? {};
  const { users: _, ...file } = users;
  const vector = {
    ...file,
    ...{ district, serial, keyLifetime, liRootKey: toHex(liRoot) },
    user: { uri, identityDER, Sid, liSeed },
  };
  return home(time, vector, engineGenerator(), true);
}

function headOf(variant: string, seed: string, alice: Party, request: SentKeyRequest, time: number) {
  const { csbId, rand, prfFunc, t } = request;
  const users = [
    { uri: DEVICE, seed: true },
    { uri: ALICE, seed: false },
  ];
  return {
    ...{ about: ABOUT, variant, seed },
    time: { unix: Math.floor(time), T: toHex(t.value) },
    ...{ csbId, rand: toHex(rand), prfFunc },
    kms: { own: homeForm(alice.home, users, time) },
  };
}

function macOf(octets: Uint8Array) {
  return { mac: toHex(octets.subarray(octets.length - MAC)) };
}

function issuedForm({ home: own }: Party, { uri, from, to, privateKey, seed }: IssuedKey) {
  return {
    ...{ uri, from, to, identityDER: toHex(identityAt(own, uri, from)), Sid: pairOf(privateKey) },
    ...(seed === null
      ? {}
      : {
          seed: {
            key: toHex(seed.key.expose()),
            ...(seed.slotStart === null ? {} : { slotStart: seed.slotStart }),
          },
        }),
  };
}
