/** Which REQUEST_KEYs are refused, and what that tells whoever sent them (profile, section 4). */
import { beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '../../../src/bytes/octets.ts';
import { RequestKeyError } from '../../../src/wire/request-key/errors.ts';
import type { CommonHeader } from '../../../src/mikey/header.ts';
import { decodeMessage, encodeMessage } from '../../../src/mikey/message.ts';
import type { Payload } from '../../../src/mikey/payload.ts';
import { DATA_TYPE, ID_ROLE, ID_TYPE } from '../../../src/mikey/registry.ts';
import type { RequestOptions } from './support/client.ts';
import {
  AUTH_FAILURE,
  INVALID_DT,
  INVALID_ID,
  INVALID_MAC,
  INVALID_PRF,
  INVALID_TS,
  UNSPECIFIED,
  errorOf,
  request,
} from './support/client.ts';
import { psk, exampleHome, exampleTime } from './support/home.ts';
import { asked, homeWithSubscribers, type Kms } from './support/requesters.ts';

const DAY = 86_400;

const vector = exampleHome();
const alice = vector.user.uri;
const now = exampleTime();
const period = Math.floor(now / DAY) * DAY;

let kms: Kms;

const ask = (options: Partial<RequestOptions> = {}) => asked(kms, options);

beforeEach(async () => {
  kms = await homeWithSubscribers();
});

describe('refused', () => {
  const refusal = async (options: RequestOptions, change?: (octets: Uint8Array) => void) => {
    const octets = request(options);
    change?.(octets);
    return errorOf(await kms.requestKey.answer(octets));
  };

  it('a replayed request gets no second answer (R-44)', async () => {
    const octets = request(ask());
    expect(errorOf(await kms.requestKey.answer(octets))).toBeNull();
    expect(errorOf(await kms.requestKey.answer(octets))).toBe(INVALID_TS);
    expect(kms.audit.of('keys-refused')).toMatchObject([{ credential: 'alice-1', reason: 'replayed' }]);
  });

  it('replayed as long as its T is timely, also over housekeeping', async () => {
    const octets = request(ask({ time: now + 299 }));
    expect(errorOf(await kms.requestKey.answer(octets))).toBeNull();
    kms.clock.advance(598_000);
    await kms.store.expireClaims(kms.clock.now() / 1000);
    expect(errorOf(await kms.requestKey.answer(octets))).toBe(INVALID_TS);
    expect(kms.audit.of('keys-refused')).toMatchObject([{ reason: 'replayed' }]);
  });

  it('the same CSB ID, T and RAND never protect two answers, whatever else differs', async () => {
    const same = { rand: 'ab'.repeat(16), csbId: '01020304' };
    expect(await refusal(ask(same))).toBeNull();
    expect(await refusal(ask({ ...same, wanted: { from: period + DAY } }))).toBe(INVALID_TS);
    expect(await refusal(ask({ ...same, csbId: '01020305' }))).toBeNull();
  });

  it('two copies at once: one answer', async () => {
    const octets = request(ask());
    const answers = await Promise.all([1, 2, 3].map(() => kms.requestKey.answer(octets)));
    expect(answers.map(errorOf).filter((error) => error === null)).toHaveLength(1);
  });

  it('wrong key, unknown user and unknown credential look alike, and leave no claim behind', async () => {
    const wrong = await kms.requestKey.answer(request(ask({ psk: psk(7).expose(), rand: 'aa'.repeat(16) })));
    const unknown = await kms.requestKey.answer(
      request(ask({ uris: ['sip:zoe@home1.example'], rand: 'aa'.repeat(16) })),
    );
    const credential = await kms.requestKey.answer(
      request(ask({ credential: 'nobody', rand: 'aa'.repeat(16) })),
    );
    expect(errorOf(wrong)).toBe(AUTH_FAILURE);
    expect(toHex(unknown)).toBe(toHex(wrong));
    expect(toHex(credential)).toBe(toHex(wrong));
    expect(await refusal(ask({ rand: 'aa'.repeat(16) }))).toBeNull();
  });

  it('one octet of the request altered anywhere: no keys', async () => {
    const options = ask();
    const octets = request(options);
    for (let at = 0; at < octets.length; at++) {
      const altered = octets.slice();
      altered[at] = altered[at]! ^ 0x01;
      const answer = await kms.requestKey.answer(altered).catch((error: unknown) => {
        expect(error).toBeInstanceOf(RequestKeyError);
        return null;
      });
      if (answer !== null) expect(errorOf(answer), `octet ${at}`).not.toBeNull();
    }
    expect(await refusal(options)).toBeNull();
  });

  it('truncated anywhere: malformed', async () => {
    const octets = request(ask());
    for (let length = 0; length < octets.length; length++) {
      await expect(kms.requestKey.answer(octets.subarray(0, length))).rejects.toThrow(RequestKeyError);
    }
  });

  it("an identity that is another's, a tel: alias, an uncanonical form", async () => {
    for (const uri of [
      'sip:carol@home1.example',
      'tel:+15551001',
      'sip:Alice@HOME1.example',
      `${alice};gr=other`,
    ]) {
      expect(await refusal(ask({ uris: [alice, uri] })), uri).toBe(INVALID_ID);
    }
    expect(kms.audit.of('keys-refused')).toHaveLength(4);
    expect(kms.audit.of('keys-issued')).toHaveLength(0);
  });

  it("another device's identity", async () => {
    const uris = ['sip:carol@home1.example;gr=phone', 'sip:carol@home1.example;gr=tablet'];
    expect(await refusal(ask({ uris, psk: psk(3).expose(), credential: 'carol-tablet' }))).toBe(INVALID_ID);
  });

  it('a request for another district', async () => {
    expect(await refusal(ask({ district: 'https://kms.home2.example/.well-known/ibe' }))).toBe(INVALID_ID);
  });

  it('T beyond the skew, either way', async () => {
    expect(await refusal(ask({ time: now - 301 }))).toBe(INVALID_TS);
    expect(await refusal(ask({ time: now + 301 }))).toBe(INVALID_TS);
    expect(await refusal(ask({ time: now - 299 }))).toBeNull();
    expect(await refusal(ask({ time: now + 299 }))).toBeNull();
  });

  const refusalOf = async (
    change: (payloads: readonly Payload[]) => readonly Payload[],
    changed: Partial<CommonHeader> = {},
    options = ask(),
  ) => {
    const { header, payloads } = decodeMessage(request(options));
    const message = { header: { ...header, ...changed }, payloads: [...change(payloads)] };
    return errorOf(await kms.requestKey.answer(encodeMessage(message)));
  };
  const unchanged = (payloads: readonly Payload[]) => payloads;

  it('a message of another kind; one with crypto sessions', async () => {
    expect(await refusalOf(unchanged, { dataType: DATA_TYPE.REQUEST_INIT_PSK })).toBe(INVALID_DT);
    expect(await refusalOf(unchanged, { dataType: DATA_TYPE.REQUEST_KEY_PKE })).toBe(AUTH_FAILURE);
    expect(await refusalOf(unchanged, { dataType: DATA_TYPE.REQUEST_KEY_RESP })).toBe(INVALID_DT);
    const entries = [{ policyNo: 0, ssrc: 1, roc: 0 }];
    const map = { csCount: 1, csIdMapType: 0, csIdMap: { kind: 'srtp-id' as const, entries } };
    expect(await refusalOf(unchanged, map)).toBe(UNSPECIFIED);
  });

  it('R-41: what belongs to certificates beside a pre-shared key', async () => {
    const before = (payload: Payload) => (all: readonly Payload[]) => [
      ...all.slice(0, -1),
      payload,
      ...all.slice(-1),
    ];
    for (const payload of [
      { kind: 'cert' as const, type: 0, data: new Uint8Array(4) },
      { kind: 'chash' as const, hashFunc: 2, hash: new Uint8Array(32) },
      { kind: 'pke' as const, cache: 0, data: new Uint8Array(256) },
    ])
      expect(await refusalOf(before(payload))).toBe(UNSPECIFIED);
  });

  it('a T that is a counter; a V that is not last; an identity twice; two credentials', async () => {
    const counter = (each: Payload) =>
      each.kind === 't' ? { ...each, tsType: 2, value: new Uint8Array(4) } : each;
    expect(await refusalOf((all) => all.map(counter))).toBe(INVALID_TS);
    expect(await refusalOf((all) => [...all.slice(0, -2), ...all.slice(-1), ...all.slice(-2, -1)])).toBe(
      AUTH_FAILURE,
    );
    const twice = (role: number) => (all: readonly Payload[]) =>
      all.flatMap((each) => (each.kind === 'idr' && each.role === role ? [each, each] : [each]));
    expect(await refusalOf(twice(ID_ROLE.IDRi))).toBe(INVALID_ID);
    expect(await refusalOf(twice(ID_ROLE.IDRpsk), {}, ask({ credential: 'alice-1' }))).toBe(INVALID_ID);
  });

  it('a KEMAC in the request; no IDRkms, or two; an identity that is no URI', async () => {
    const isKms = (payload: Payload) => payload.kind === 'idr' && payload.role === ID_ROLE.IDRkms;
    const kemac = {
      ...{ kind: 'kemac' as const, encrAlg: 1, macAlg: 0 },
      ...{ encrData: new Uint8Array(4), mac: new Uint8Array() },
    };
    expect(await refusalOf((all) => [...all.slice(0, -1), kemac, ...all.slice(-1)])).toBe(UNSPECIFIED);
    expect(await refusalOf((all) => all.filter((each) => !isKms(each)))).toBe(INVALID_ID);
    expect(await refusalOf((all) => all.flatMap((each) => (isKms(each) ? [each, each] : [each])))).toBe(
      INVALID_ID,
    );
    const asNai = (each: Payload) => (each.kind === 'idr' ? { ...each, type: ID_TYPE.NAI } : each);
    expect(await refusalOf((all) => all.map(asNai))).toBe(INVALID_ID);
    expect(kms.audit.events).toHaveLength(0);
  });

  it('an unregistered PRF func, a MAC that does not go with it, a short RAND', async () => {
    expect(await refusal(ask(), (octets) => (octets[3] = 0x82))).toBe(INVALID_PRF);
    expect(await refusal(ask({ prfFunc: 0 }), (octets) => (octets[3] = 0x81))).toBe(INVALID_MAC);
    expect(await refusal(ask({ rand: '00'.repeat(15) }))).toBe(UNSPECIFIED);
  });
});
