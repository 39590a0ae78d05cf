/**
 * REQUEST_KEY with certificates (RFC 6267 4.2.1.1.2, profile 4), judged by a client that shares no code with the KMS: who gets
 * keys, and what is refused how.
 */
import { createHash, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { equalOctets } from '../../../src/bytes/octets.ts';
import type { CertificateTrust } from '../../../src/entities/kms/authentication.ts';
import { judgedCertificate } from '../../../src/entities/kms/start-certification.ts';
import { RequestKeyService } from '../../../src/entities/kms/request-key.ts';
import type { QuotaLimits } from '../../../src/bytes/quotas.ts';
import type { LabAuthority } from '../../../src/lab/pki/authority.ts';
import type { PrivateKeyGenerator } from '../../../src/entities/kms/ports.ts';
import { RevocationLists } from '../../../src/net/revocation.ts';
import { RequestKeyError } from '../../../src/wire/request-key/errors.ts';
import { makeCertifiedKeyRequest } from '../../../src/wire/request-key/request.ts';
import { decodeKeyResponse } from '../../../src/wire/request-key/response.ts';
import {
  authorityAt,
  cert,
  certifiedRequest,
  chash,
  holderOf,
  idr,
  replacing,
  signedBy,
  TYPE,
} from './support/certified.ts';
import type { CertifiedRequest, Holder } from './support/certified.ts';
import {
  AUTH_FAILURE,
  INVALID_CERT,
  INVALID_DT,
  INVALID_HA,
  INVALID_ID,
  INVALID_TS,
  UNSPECIFIED,
  errorOf,
  open,
  request,
} from './support/client.ts';
import { exampleHome, exampleTime, home, psk } from './support/home.ts';
import type { Kms } from './support/requesters.ts';

const DAY_MS = 86_400_000;

const { user, district } = exampleHome();
const alice = user.uri;
const carol = 'sip:carol@home1.example';
const now = exampleTime();

let authority: LabAuthority;
let kmsHolder: Holder;
let alicePem: { certificate: string; privateKey: string };
let aliceHolder: Holder;
let carolHolder: Holder;
/** Certificates of the same key as alice's. */
let expired: Holder;
let notYet: Holder;
let revoked: Holder;
let lists: RevocationLists;
let issueFor: (uris: readonly string[]) => Promise<Holder>;

beforeAll(async () => {
  const made = await authorityAt(now);
  authority = made.authority;
  kmsHolder = holderOf(await made.issue({ commonName: 'kms', use: 'encryption' }));
  issueFor = async (uris) => holderOf(await made.issue({ use: 'signing', uris }));
  alicePem = await made.issue({ use: 'signing', uris: [alice] });
  aliceHolder = holderOf(alicePem);
  carolHolder = await issueFor([`${carol};gr=phone`]);
  const renewed = async (from: number, to: number): Promise<Holder> =>
    holderOf({
      ...alicePem,
      certificate: await authority.renew(alicePem.certificate, { from, to }, 'alice'),
    });
  expired = await renewed(now * 1000 - 9 * DAY_MS, now * 1000 - 1000);
  notYet = await renewed(now * 1000 + 60_000, now * 1000 + DAY_MS);
  revoked = await renewed(now * 1000 - DAY_MS, now * 1000 + DAY_MS);
  const list = await authority.list(null, [revoked.certificate.toString()], made.around);
  lists = RevocationLists.read(
    [{ name: 'crl.pem', octets: new Uint8Array(Buffer.from(list)) }],
    [new X509Certificate(authority.certificate)],
    now * 1000,
  );
});

/** Private keys for nothing: what is tested is who gets any. */
const generator: PrivateKeyGenerator = {
  extract: () => Promise.resolve({ x: BigInt(user.Sid[0]), y: BigInt(user.Sid[1]) }),
};

function trust(keys: readonly Holder[] = [kmsHolder], of = authority): CertificateTrust {
  const hashed = keys.map(({ certificate, privateKey }) => ({ hash: hashOf(certificate), privateKey }));
  const known = { authorities: [new X509Certificate(of.certificate)], revocation: lists };
  return {
    judge: (chain, time) => judgedCertificate(chain, known, time),
    keyFor: (hash): KeyObject | null => {
      const key = hash === null ? hashed[0] : hashed.find((each) => equalOctets(each.hash, hash));
      return key?.privateKey ?? null;
    },
  };
}

const hashOf = ({ raw }: X509Certificate): Buffer => createHash('sha256').update(raw).digest();

let kms: Kms;
let nonce = 0;

beforeEach(async () => {
  kms = await home(now, exampleHome(), generator, false, trust());
  await kms.enrol({
    ...{ id: 'alice', publicIdentities: [alice], aliases: [] },
    devices: [{ credential: 'alice-1', psk: psk(1), certified: true, identity: alice }],
  });
  await kms.enrol({
    ...{ id: 'carol', publicIdentities: [carol], aliases: [] },
    devices: [
      { credential: 'carol-phone', certified: true, identity: `${carol};gr=phone` },
      { credential: 'carol-tablet', psk: psk(3), identity: `${carol};gr=tablet` },
    ],
  });
});

function ask(options: Partial<CertifiedRequest> = {}): CertifiedRequest {
  nonce += 1;
  return {
    ...{ by: aliceHolder, kms: kmsHolder.certificate, uris: [alice], district },
    time: kms.clock.now() / 1000,
    rand: nonce.toString(16).padStart(32, '0'),
    envelope: new Uint8Array(32).fill(nonce),
    ...options,
  };
}

const answerTo = (options: CertifiedRequest, service = kms.requestKey): Promise<Uint8Array> =>
  service.answer(certifiedRequest(options));

async function refusal(options: Partial<CertifiedRequest>): Promise<number | null> {
  const error = errorOf(await answerTo(ask(options)));
  expect(kms.audit.of('keys-issued')).toHaveLength(0);
  return error;
}

describe('R-41: a device with a certificate', () => {
  it.each([1, 0] as const)(
    'gets key and seed of its identity under its envelope key, PRF func %s',
    async (prfFunc) => {
      const options = ask({ prfFunc });
      const issued = open(await answerTo(options), { ...options, psk: options.envelope });
      expect(issued.map(({ uri, type }) => [uri, type])).toEqual([
        [alice, 7],
        [alice, 15],
        [alice, 7],
        [alice, 15],
      ]);
      expect(kms.audit.of('keys-issued')).toMatchObject([
        { credential: 'alice-1', by: 'certificate' },
        { credential: 'alice-1', by: 'certificate' },
      ]);
    },
  );

  it('gets the seeds of its own device identity alone', async () => {
    const phone = `${carol};gr=phone`;
    const options = ask({ by: carolHolder, uris: [carol, phone] });
    const issued = open(await answerTo(options), { ...options, psk: options.envelope });
    expect(new Set(issued.filter(({ type }) => type === 15).map(({ uri }) => uri))).toEqual(new Set([phone]));
    expect(await refusal({ by: carolHolder, uris: [`${carol};gr=tablet`] }).catch(() => INVALID_ID)).toBe(
      INVALID_ID,
    );
  });

  it('and a pre-shared key gets them by either', async () => {
    const options = {
      ...{ psk: psk(1).expose(), uris: [alice], district, time: now, rand: 'ee'.repeat(16) },
    };
    expect(open(await kms.requestKey.answer(request(options)), options)).toHaveLength(4);
    expect(errorOf(await answerTo(ask()))).toBeNull();
  });

  it('may mean one of several keys of the KMS by CHASH; without, the one in use', async () => {
    const other = carolHolder;
    kms = await home(now, exampleHome(), generator, false, trust([other, kmsHolder]));
    const devices = [{ credential: 'alice-1', certified: true, identity: alice }];
    await kms.enrol({ id: 'alice', publicIdentities: [alice], aliases: [], devices });
    const without = replacing(TYPE.chash);
    expect(errorOf(await answerTo(ask()))).toBeNull();
    expect(errorOf(await answerTo(ask({ kms: other.certificate, change: without })))).toBeNull();
    expect(errorOf(await answerTo(ask({ change: without })))).toBe(AUTH_FAILURE);
  });

  it('makes such requests, and opens the answer by the envelope key of that request alone', async () => {
    const credential = {
      ...{ chain: [aliceHolder.certificate], privateKey: aliceHolder.privateKey, district },
      kms: kmsHolder.certificate,
    };
    const wanted = { uris: [alice], time: now * 1000, wanted: { from: null, to: null } };
    const sent = makeCertifiedKeyRequest(credential, wanted, kms.random);
    const answer = await kms.requestKey.answer(sent.octets);
    expect(decodeKeyResponse(sent, sent.envelope, answer).map(({ uri }) => uri)).toEqual([alice, alice]);
    expect(() => decodeKeyResponse(sent, psk(1), answer)).toThrow(/does not verify/);
    const again = makeCertifiedKeyRequest(credential, wanted, kms.random);
    expect(again.envelope.equals(sent.envelope)).toBe(false);
    expect(() => decodeKeyResponse(again, again.envelope, answer)).toThrow(/to another request/);
  });
});

describe('R-41: refused, and nothing issued', () => {
  it('a signature of another key, of another algorithm, or with one bit changed', async () => {
    expect(await refusal({ signed: signedBy(carolHolder.privateKey) })).toBe(AUTH_FAILURE);
    expect(await refusal({ signType: 0 })).toBe(AUTH_FAILURE);
    const flipped = (covered: Buffer): Buffer => {
      const signature = signedBy(aliceHolder.privateKey)(covered);
      signature[100]! ^= 1;
      return signature;
    };
    expect(await refusal({ signed: flipped })).toBe(AUTH_FAILURE);
    expect(kms.audit.events).toHaveLength(0);
  });

  it.each([
    ['expired', () => expired],
    ['not-yet-valid', () => notYet],
    ['revoked', () => revoked],
    ['unsuitable', () => kmsHolder],
  ] as const)('a certificate that is %s, with its record', async (reason, holder) => {
    expect(await refusal({ by: holder() })).toBe(INVALID_CERT);
    const { fingerprint256: fingerprint } = holder().certificate;
    expect(kms.audit.events).toEqual([{ kind: 'certificate-refused', fingerprint, reason }]);
    expect(kms.requestKey.certificatesRefused[reason]).toBe(1);
  });

  it('a certificate of an authority that is not known, and no more than twenty records of such', async () => {
    const { authority: stranger } = await authorityAt(now);
    kms = await home(now, exampleHome(), generator, false, trust([kmsHolder], stranger));
    for (let n = 0; n < 30; n++) expect(await refusal({})).toBe(INVALID_CERT);
    expect(kms.audit.of('certificate-refused')).toHaveLength(20);
    expect(kms.audit.of('certificate-refused')[0]).toMatchObject({ reason: 'untrusted' });
  });

  it('certificates at all, where the KMS takes none', async () => {
    kms = await home(now, exampleHome(), generator);
    expect(await refusal({})).toBe(INVALID_CERT);
  });

  it("another subscriber's identity, by whoever has a certificate of their own", async () => {
    expect(await refusal({ by: carolHolder })).toBe(INVALID_ID);
    expect(await refusal({ by: carolHolder, uris: [carol, alice] })).toBe(INVALID_ID);
    expect(kms.audit.of('keys-refused')).toMatchObject([
      { credential: 'carol-phone', reason: 'foreign-identity' },
      { credential: 'carol-phone', reason: 'foreign-identity' },
    ]);
  });

  it("another subscriber's certificate, without its key", async () => {
    expect(await refusal({ by: { ...carolHolder, certificate: aliceHolder.certificate } })).toBe(
      AUTH_FAILURE,
    );
  });

  it('a device that has a pre-shared key alone', async () => {
    const devices = [{ credential: 'alice-1', psk: psk(1), identity: alice }];
    await kms.enrol({ id: 'alice', publicIdentities: [alice], aliases: [], devices });
    expect(await refusal({})).toBe(AUTH_FAILURE);
  });

  it('two devices by one certificate', async () => {
    const both = await issueFor([alice, `${carol};gr=phone`]);
    expect(await refusal({ by: both })).toBe(AUTH_FAILURE);
  });

  it('a device that has a certificate alone, by whatever pre-shared key', async () => {
    const zeros = { psk: new Uint8Array(32), uris: [carol], district, time: now, credential: 'carol-phone' };
    expect(errorOf(await kms.requestKey.answer(request(zeros)))).toBe(AUTH_FAILURE);
  });

  it.each([
    ['a wrong CHASH', () => replacing(TYPE.chash, chash(2, hashOf(aliceHolder.certificate))), INVALID_CERT],
    ['a CHASH of SHA-1', () => replacing(TYPE.chash, chash(0, Buffer.alloc(20))), INVALID_HA],
    [
      'two CHASHs',
      () =>
        replacing(TYPE.chash, ...Array.from({ length: 2 }, () => chash(2, hashOf(kmsHolder.certificate)))),
      UNSPECIFIED,
    ],
    ['no certificate', () => replacing(TYPE.cert), INVALID_CERT],
    ['the URL of one', () => replacing(TYPE.cert, cert(aliceHolder.certificate, 1)), INVALID_CERT],
    [
      'six',
      () => replacing(TYPE.cert, ...Array.from({ length: 6 }, () => cert(aliceHolder.certificate))),
      INVALID_CERT,
    ],
    ['one in PEM', () => replacing(TYPE.cert, pem(aliceHolder)), INVALID_CERT],
    ['no PKE', () => replacing(TYPE.pke), UNSPECIFIED],
    [
      'a PKE of noise',
      () =>
        replacing(TYPE.pke, [TYPE.pke, Buffer.concat([Buffer.from([1, 0]), Buffer.alloc(256, 7)])] as [
          number,
          Buffer,
        ]),
      AUTH_FAILURE,
    ],
    ['an envelope key that is to be kept', () => cached, UNSPECIFIED],
    [
      'a pre-shared key named beside it',
      () => (all: [number, Buffer][]) => [...all, idr(4, Buffer.from('alice-1'))] as [number, Buffer][],
      UNSPECIFIED,
    ],
    [
      'V beside SIGN',
      () => (all: [number, Buffer][]) =>
        [...all, [TYPE.v, Buffer.concat([Buffer.from([2]), Buffer.alloc(32)])]] as [number, Buffer][],
      UNSPECIFIED,
    ],
    [
      'KEMAC',
      () => (all: [number, Buffer][]) =>
        [...all, [TYPE.kemac, Buffer.from([0, 0, 0, 0])]] as [number, Buffer][],
      UNSPECIFIED,
    ],
  ])('%s', async (_, change, error) => {
    expect(await refusal({ change: change() })).toBe(error);
  });

  it('an envelope key that is too short or too long', async () => {
    expect(await refusal({ envelope: new Uint8Array(15) })).toBe(AUTH_FAILURE);
    expect(await refusal({ envelope: new Uint8Array(65) })).toBe(AUTH_FAILURE);
  });

  it('what is of the one kind in a message of the other', async () => {
    expect(await refusal({ dataType: 19 })).toBe(AUTH_FAILURE);
    expect(await refusal({ dataType: 12 })).toBe(INVALID_DT);
  });

  it('a replay, and one outside the skew (R-44)', async () => {
    const octets = certifiedRequest(ask());
    expect(errorOf(await kms.requestKey.answer(octets))).toBeNull();
    expect(errorOf(await kms.requestKey.answer(octets))).toBe(INVALID_TS);
    expect(errorOf(await answerTo(ask({ time: now - 301 })))).toBe(INVALID_TS);
    expect(kms.requestKey.refused.skew).toBe(1);
  });

  it("an envelope key that was another's: its keystream never protects a second answer", async () => {
    const first = ask({ csbId: '01020304' });
    const { rand, time, envelope } = first;
    const taken = { rand, time, envelope, csbId: '01020304' };
    expect(errorOf(await answerTo(first))).toBeNull();
    const answer = await answerTo(ask({ ...taken, by: carolHolder, uris: [carol] }));
    expect(errorOf(answer)).toBe(INVALID_TS);
    expect(
      errorOf(await answerTo(ask({ ...taken, by: carolHolder, uris: [carol], csbId: '01020305' }))),
    ).toBeNull();
  });

  it('octets cut off wherever it may be, and any octet changed', async () => {
    const octets = certifiedRequest(ask());
    const told = (changed: Uint8Array): Promise<unknown> =>
      kms.requestKey.answer(changed).then(errorOf, (error: unknown) => error);
    for (let length = 0; length < octets.length; length += 7) {
      const outcome = await told(octets.subarray(0, length));
      expect(outcome instanceof RequestKeyError || typeof outcome === 'number').toBe(true);
    }
    for (let at = 0; at < octets.length; at += 29) {
      const changed = octets.slice();
      changed[at]! ^= 0x10;
      const outcome = await told(changed);
      expect(outcome instanceof RequestKeyError || typeof outcome === 'number').toBe(true);
    }
    expect(kms.audit.of('keys-issued')).toHaveLength(0);
    expect(errorOf(await kms.requestKey.answer(octets))).toBeNull();
  });
});

describe('R-41, R-67: a request with a certificate', () => {
  it('costs and says the same until its signature verifies, whether there is such a user or not', async () => {
    const nobody = await issueFor(['sip:nobody@home1.example']);
    const workOf = async (by: Holder): Promise<unknown[]> => {
      const asked = vi.spyOn(kms.store, 'subscriberByIdentity');
      const forged = { by, signed: signedBy(kmsHolder.privateKey) };
      expect(await refusal(forged)).toBe(AUTH_FAILURE);
      const { length } = asked.mock.calls;
      asked.mockRestore();
      return [length, kms.audit.events.length];
    };
    expect(await workOf(aliceHolder)).toEqual([1, 0]);
    expect(await workOf(nobody)).toEqual([1, 0]);
    expect(await refusal({ by: nobody, uris: ['sip:nobody@home1.example'] })).toBe(AUTH_FAILURE);
  });

  it('counts to the share of its subscriber, with those under a pre-shared key', async () => {
    const share: QuotaLimits = { each: 8, all: 8, pace: { burst: 3, seconds: 10 } };
    const { district: own, store, audit, clock, random, material } = kms;
    const settings = { district: own, skew: 300, nextPeriods: 1, mailboxRetention: 0, share };
    const service = new RequestKeyService(settings, {
      ...{ store, audit, clock, random, material },
      certificates: trust(),
    });
    const shared = { psk: psk(1).expose(), uris: [alice], district, time: now, rand: 'dd'.repeat(16) };
    expect(errorOf(await service.answer(request(shared)))).toBeNull();
    for (let n = 0; n < 2; n++) expect(errorOf(await answerTo(ask(), service))).toBeNull();
    await expect(answerTo(ask(), service)).rejects.toMatchObject({ code: 'share' });
    expect(errorOf(await answerTo(ask({ by: carolHolder, uris: [carol] }), service))).toBeNull();
  });
});

/* ---------------------------------------------------------------- helpers */

function pem({ certificate }: Holder): [number, Buffer] {
  const text = Buffer.from(certificate.toString());
  return [TYPE.cert, Buffer.concat([Buffer.from([0, text.length >> 8, text.length & 0xff]), text])];
}

/** C of PKE: Cache. */
function cached(payloads: [number, Buffer][]): [number, Buffer][] {
  return payloads.map(([type, body]) => {
    const changed = Buffer.from(body);
    if (type === TYPE.pke) changed[0]! |= 0x40;
    return [type, changed];
  });
}
