/** The JSON of Xk. */
import fc from 'fast-check';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { fromUtf8 } from '../../../src/bytes/octets.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import type { GetKeysAnswer, GetKeysRequest, XkCryptoSession } from '../../../src/wire/xk/get-keys.ts';
import {
  FAILURE_INDICATIONS,
  XK_CIPHERS,
  XkError,
  decodeGetKeysRequest,
  decodeGetKeysResponse,
  encodeGetKeysRequest,
  encodeGetKeysResponse,
} from '../../../src/wire/xk/get-keys.ts';

const octets = fc.uint8Array({ minLength: 1, maxLength: 40 });
const update = fc.record({ iMessage1: octets, rMessage1: octets });
const request: fc.Arbitrary<GetKeysRequest> = fc.record({
  targetKmsIdentity: fc.string({ minLength: 1 }),
  xid: fc.uuid(),
  iMessage1: octets,
  rMessage1: octets,
  iMessage2: fc.option(octets),
  rMessage2: fc.option(octets),
  updates: fc.array(update, { maxLength: 2 }),
  midCall: fc.boolean(),
});
const sized = (...lengths: number[]) =>
  fc.oneof(...lengths.map((length) => fc.uint8Array({ minLength: length, maxLength: length })));
const secret = (...lengths: number[]) => sized(...lengths).map((value) => Secret.of(value));
const session: fc.Arbitrary<XkCryptoSession> = fc.record({
  csId: fc.integer({ min: 1, max: 255 }),
  sessionKey: secret(16, 32),
  salt: secret(12, 14),
  ssrc: fc.integer({ min: 1, max: 0xffffffff }),
  policy: fc.integer({ min: 0, max: 255 }),
  cipher: fc.constantFrom(...XK_CIPHERS),
  mki: fc.option(sized(8)),
  deferred: fc.boolean(),
  headerUnverified: fc.boolean(),
});
const answer: fc.Arbitrary<GetKeysAnswer> = fc.record({
  verified: fc.boolean(),
  cryptoSessions: fc.array(session, { maxLength: 4 }),
});

/** Keys spelt out, since a `Secret` compares by nothing. */
function open(value: unknown): unknown {
  if (value instanceof Secret) return [...value.expose()];
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(open);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, open(member)]));
}

const GOOD = {
  targetKmsIdentity: 'sip:alice@home1.example',
  xid: '29f28e1c-f230-486a-a860-f5a784ab9172',
  iMessage1: 'AQ==',
  rMessage1: 'Ag==',
  iMessage2: 'Aw==',
};
const GOOD_SESSION = {
  csId: 1,
  sessionKey: 'AAAAAAAAAAAAAAAAAAAAAA==',
  salt: 'AAAAAAAAAAAAAAAAAAA=',
  ssrc: 1,
  policy: 0,
  cipher: 'AES_CM_128_HMAC_SHA1_80',
};

describe('get_keys', () => {
  it('R-4: carries target identity, I_MESSAGE_1, R_MESSAGE_1, I_MESSAGE_2, task and extensions', () => {
    fc.assert(
      fc.property(request, (value) => {
        expect(decodeGetKeysRequest(encodeGetKeysRequest(value))).toEqual(value);
      }),
    );
  });

  it('R-66: carries two updates at most, whatever came before them', () => {
    const one = { iMessage1: 'AQ==', rMessage1: 'Ag==' };
    for (const updates of [[], [one], [one, one]])
      expect(decodeGetKeysRequest({ ...GOOD, updates }).updates).toHaveLength(updates.length);
    expect(() => decodeGetKeysRequest({ ...GOOD, updates: [one, one, one] })).toThrow(XkError);
  });

  it.each([
    ['a text instead of an object', '"x"'],
    ['no JSON', '{'],
    ['null', null],
    ['an array', []],
    ['a missing target', { ...GOOD, targetKmsIdentity: undefined }],
    ['an empty target', { ...GOOD, targetKmsIdentity: '' }],
    ['a missing R_MESSAGE_1', { ...GOOD, rMessage1: undefined }],
    ['an empty message', { ...GOOD, iMessage1: '' }],
    ['base64 with white space', { ...GOOD, iMessage1: 'AQ= =' }],
    ['base64url', { ...GOOD, iMessage1: '_-8=' }],
    ['base64 with unused bits set', { ...GOOD, iMessage1: 'AR==' }],
    ['a message of a megabyte', { ...GOOD, iMessage1: 'AAAA'.repeat(300_000) }],
    ['null for a message', { ...GOOD, iMessage2: null }],
    ['an unknown member', { ...GOOD, verified: true }],
    ['midCall as a text', { ...GOOD, midCall: 'true' }],
    ['one update outside a list', { ...GOOD, updates: { iMessage1: 'AQ==', rMessage1: 'Ag==' } }],
    ['an update without its answer', { ...GOOD, updates: [{ iMessage1: 'AQ==' }] }],
  ])('refuses %s', (_, json) => {
    expect(() => decodeGetKeysRequest(json)).toThrow(XkError);
  });
});

describe('get_keys_response', () => {
  it('R-6: carries crypto session ID, session key and salt of each crypto session', () => {
    fc.assert(
      fc.property(answer, (value) => {
        const json = fromUtf8(encodeGetKeysResponse(value).expose());
        expect(open(decodeGetKeysResponse(json))).toEqual(open(value));
      }),
    );
  });

  it.each(FAILURE_INDICATIONS)('failure indication %s, plain and in problem details', (failureIndication) => {
    const json = fromUtf8(encodeGetKeysResponse({ failureIndication }).expose());
    expect(decodeGetKeysResponse(json)).toEqual({ failureIndication });
    const problem = { type: 'about:blank', title: 'x', status: 403, failureIndication };
    expect(decodeGetKeysResponse(problem)).toEqual({ failureIndication });
  });

  it.each([
    ['a failure outside the closed list', { failureIndication: 'wrong-password' }],
    ['a failure together with keys', { failureIndication: 'not-authorised', cryptoSessions: [] }],
    ['no verdict', { cryptoSessions: [] }],
    ['an SK', { verified: true, cryptoSessions: [], deferredKey: 'A'.repeat(43) + '=' }],
    [
      'content left with a mailbox as verified',
      { verified: true, cryptoSessions: [{ ...GOOD_SESSION, deferred: true }] },
    ],
    [
      'a crypto session that is not verified, of the call itself',
      { verified: true, cryptoSessions: [{ ...GOOD_SESSION, verified: false }] },
    ],
    ['a private key among the members', { verified: true, cryptoSessions: [], privateKey: 'AQ==' }],
    ['CS ID 0', { verified: true, cryptoSessions: [{ ...GOOD_SESSION, csId: 0 }] }],
    ['SSRC 0', { verified: true, cryptoSessions: [{ ...GOOD_SESSION, ssrc: 0 }] }],
    [
      'a key of 15 octets',
      { verified: true, cryptoSessions: [{ ...GOOD_SESSION, sessionKey: 'A'.repeat(20) }] },
    ],
    ['an unknown cipher', { verified: true, cryptoSessions: [{ ...GOOD_SESSION, cipher: 'NULL' }] }],
    ['an MKI of 4 octets', { verified: true, cryptoSessions: [{ ...GOOD_SESSION, mki: '01020304' }] }],
  ])('refuses %s', (_, json) => {
    expect(() => decodeGetKeysResponse(json)).toThrow(XkError);
  });

  it('no key is in an error, nor in what inspection shows', () => {
    const json = JSON.stringify({
      verified: 1,
      cryptoSessions: [{ ...GOOD_SESSION, sessionKey: 'U0VDUkVU' }],
    });
    for (const text of [json, json.slice(0, -1)]) {
      try {
        decodeGetKeysResponse(text);
        expect.unreachable();
      } catch (error) {
        expect(inspect(error)).not.toContain('U0VDUkVU');
      }
    }
    const good = decodeGetKeysResponse({ verified: true, cryptoSessions: [GOOD_SESSION] });
    expect(inspect(good, { depth: 5 })).toContain('[secret]');
  });
});
