/** Sets of REQUEST_KEY (RFC 6267 section 4.2.1, profile section 4): a device asks its KMS for private keys and seeds. */
import { equalOctets, toBase64, toHex } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import type { CertificateTrust } from '../../src/entities/kms/authentication.ts';
import { judgedCertificate } from '../../src/entities/kms/start-certification.ts';
import { encodeIssuedKeys, type IssuedKey } from '../../src/wire/request-key/issued-keys.ts';
import { coveredBy } from '../../src/wire/request-key/protection.ts';
import {
  makeCertifiedKeyRequest,
  makeKeyRequest,
  type SentKeyRequest,
} from '../../src/wire/request-key/request.ts';
import { decodeKeyResponse } from '../../src/wire/request-key/response.ts';
import { certificateHash } from '../../src/wire/request-key/signature.ts';
import { deriveMessageKey } from '../../src/mikey/kdf.ts';
import { decodeMessage, encodeMessage } from '../../src/mikey/message.ts';
import { engineGenerator, home } from '../entities/kms/support/home.ts';
import { identityAt } from '../ibake/support/network.ts';
import { ABOUT } from './about.ts';
import { certified, type Certified, type Holder } from './certificates.ts';
import type { RequestKeyForm } from './form.ts';
import { octetsOf, oaep, pss } from './seeded-rsa.ts';
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
  const request = makeKeyRequest({ name: CREDENTIAL, psk: psk(), district }, wanted(time), alice.random);
  const answer = await kms.requestKey.answer(request.octets);
  const authKey = keyOf(request, psk(), 'auth', MAC);
  return {
    ...headOf('request-key-psk', seed, alice, request, time),
    ...{ credential: CREDENTIAL, psk: toHex(key) },
    messages: {
      REQUEST_KEY_INIT: { message: toBase64(request.octets), ...macOf(request.octets), authKey },
      REQUEST_KEY_RESP: answerForm(request, psk(), answer),
    },
    issued: issuedIn(alice, request, psk(), answer),
  };
}

/** The same phone with a certificate: what OpenSSL would draw for OAEP and PSS follows from the seed, too. */
export async function requestKeyPkeSet(seed: string): Promise<RequestKeyForm> {
  const world = new World(seed, 'request-key-pke');
  const alice = world.party('alice', 'own', DEVICE);
  const time = world.clock.now() / 1000;
  const parties = await certified((octets) => world.octets(octets), time * 1000, DEVICE);
  const { device, kms: own } = parties;
  const kms = await kmsOf(alice, time, trustOf(parties));
  await kms.enrol({
    ...{ id: 'alice', publicIdentities: [ALICE], aliases: [] },
    devices: [{ credential: CREDENTIAL, certified: true, identity: DEVICE }],
  });
  const { district } = alice.home;
  const made = makeCertifiedKeyRequest(
    { chain: [device.certificate], privateKey: device.privateKey, kms: own.certificate, district },
    wanted(time),
    alice.random,
  );
  const [oaepSeed, pssSalt] = [world.octets(32), world.octets(32)];
  const octets = made.envelope.expose().slice();
  const envelope = () => Secret.of(octets.slice());
  const request = {
    ...made,
    octets: protectedAnew(made, parties, oaep(own.certificate.publicKey, octets, oaepSeed), pssSalt),
  };
  const answer = await kms.requestKey.answer(request.octets);
  return {
    ...headOf('request-key-pke', seed, alice, request, time),
    credential: CREDENTIAL,
    certified: {
      certificates: eachOf(parties, ({ certificate }) => toBase64(certificate.raw)),
      privateKeys: eachOf(parties, ({ privateKey }) =>
        toBase64(privateKey.export({ type: 'pkcs8', format: 'der' })),
      ),
      ...{ envelopeKey: toHex(octets), oaepSeed: toHex(oaepSeed), pssSalt: toHex(pssSalt) },
    },
    messages: {
      REQUEST_KEY_INIT: { message: toBase64(request.octets) },
      REQUEST_KEY_RESP: answerForm(request, envelope(), answer),
    },
    issued: issuedIn(alice, request, envelope(), answer),
  };
}

/* ---------------------------------------------------------------- helpers */

const wanted = (time: number) => ({
  ...{ uris: [ALICE, DEVICE], time: time * 1000, wanted: { from: null, to: null } },
});

/** What the KMS judges certificates by: those of the authority, and its own key. */
function trustOf({ authority, kms }: Certified): CertificateTrust {
  const known = { authorities: [authority.certificate] };
  return {
    judge: (chain, now) => judgedCertificate(chain, known, now),
    keyFor: (hash) =>
      hash === null || equalOctets(hash, certificateHash(kms.certificate)) ? kms.privateKey : null,
  };
}

/** The request with this PKE, and with a signature under this salt. */
function protectedAnew(
  request: SentKeyRequest,
  { device: { privateKey } }: Certified,
  data: Uint8Array,
  salt: Uint8Array,
): Uint8Array {
  const { header, payloads } = decodeMessage(request.octets);
  const octets = encodeMessage({
    header,
    payloads: payloads.map((payload) => (payload.kind === 'pke' ? { ...payload, data } : payload)),
  });
  const length = octetsOf(privateKey);
  octets.set(pss(privateKey, coveredBy(request, octets, length), salt), octets.length - length);
  return octets;
}

function eachOf(
  { device, kms, authority }: Certified,
  form: (holder: Holder) => string,
): Readonly<Record<keyof Certified, string>> {
  return { device: form(device), kms: form(kms), authority: form(authority) };
}

/** A KMS with the home's secrets. */
function kmsOf({ home: own, device }: Party, time: number, trust: CertificateTrust | null = null) {
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
  return home(time, vector, engineGenerator(), true, trust);
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

function keyOf(request: SentKeyRequest, key: Secret, kind: 'auth' | 'encr' | 'salt', octets: number): string {
  return toHex(deriveMessageKey(kind, key, request, octets).expose());
}

/** @param key the pre-shared one, or the envelope key */
function answerForm(request: SentKeyRequest, key: Secret, answer: Uint8Array) {
  const issued = decodeKeyResponse(request, key, answer);
  return {
    ...{ message: toBase64(answer), ...macOf(answer), authKey: keyOf(request, key, 'auth', MAC) },
    ...{ encrKey: keyOf(request, key, 'encr', 16), saltKey: keyOf(request, key, 'salt', 14) },
    plaintext: toHex(encodeIssuedKeys(issued)),
  };
}

function issuedIn(alice: Party, request: SentKeyRequest, key: Secret, answer: Uint8Array) {
  return decodeKeyResponse(request, key, answer).map((each) => issuedForm(alice, each));
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
