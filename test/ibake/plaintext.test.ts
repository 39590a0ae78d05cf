/** Plaintexts of the containers: each form exactly, points checked, identities those in the clear. */
import { describe, expect, it } from 'vitest';
import { concat, toHex, utf8 } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { curveById, publicPoint } from '../../src/ibake/curves.ts';
import { makeEccpt, payloadOf, sameEccpt } from '../../src/ibake/eccpt.ts';
import { IbakeError } from '../../src/ibake/errors.ts';
import {
  decodePoints,
  decodeSecretKey,
  encodePoints,
  encodeSecretKey,
  idrPayload,
  type PlaintextForm,
} from '../../src/ibake/plaintext.ts';
import { encodeChain } from '../../src/mikey/chain.ts';
import type { Payload } from '../../src/mikey/payload.ts';

const curve = curveById(8)!;
const point = (fill: number, id = 8) => {
  const other = curveById(id)!;
  const secret = Secret.of(new Uint8Array(other.octets).fill(fill, 1));
  return makeEccpt(other, publicPoint(other, secret), new Uint8Array(8).fill(fill));
};
const identities = { idri: utf8('sip:alice@home1.example'), idrr: utf8('sip:bob@home2.example') };
const [eccpti, eccptr] = [point(1), point(2)];
const [pi, pr] = [payloadOf(eccpti), payloadOf(eccptr)];
const [idri, idrr] = [idrPayload(1, identities.idri), idrPayload(2, identities.idrr)];

function codeOf(run: () => unknown): string {
  try {
    run();
    return 'accepted';
  } catch (error) {
    if (error instanceof IbakeError) return error.code;
    throw error;
  }
}

const verdict = (form: PlaintextForm, payloads: readonly Payload[]) =>
  codeOf(() => decodePoints(form, encodeChain(payloads), identities));

const FORMS: readonly (readonly [PlaintextForm, readonly (readonly Payload[])[]])[] = [
  ['I_MESSAGE_1', [[idri, pi, idrr]]],
  [
    'R_MESSAGE_1',
    [
      [idri, pi, idrr, pr],
      [idri, idrr, pr],
    ],
  ],
  [
    'I_MESSAGE_2',
    [
      [idri, pi, idrr, pr],
      [idri, idrr, pr],
    ],
  ],
  ['R_MESSAGE_2', [[idri, pi]]],
];

describe.each(FORMS)('%s', (form, accepted) => {
  it.each(accepted)('is what is sent (%#)', (...payloads) => {
    const points = decodePoints(form, encodeChain(payloads), identities);
    expect(toHex(encodePoints(form, identities, points))).toBe(toHex(encodeChain(payloads)));
  });

  it('in any other order, with anything missing, twice or added: rejected', () => {
    const items = [idri, idrr, pi, pr];
    const lists = (length: number): Payload[][] =>
      length === 0 ? [[]] : lists(length - 1).flatMap((list) => items.map((item) => [...list, item]));
    const tried = [1, 2, 3, 4].flatMap(lists).filter(([first]) => first?.kind === 'idr');
    for (const payloads of tried) {
      // Points of the same form are told apart by their place alone.
      const placed = payloads.map((item) => (item.kind === 'eccpt' ? pi : item));
      const isKnown = accepted.some(
        (list) =>
          list.length === placed.length &&
          list.every(
            (item, i) => item.kind === placed[i]?.kind && (item.kind !== 'idr' || item === placed[i]),
          ),
      );
      expect(verdict(form, payloads), payloads.map(({ kind }) => kind).join(' ')).toBe(
        isKnown ? 'accepted' : 'rejected',
      );
    }
    for (const list of accepted)
      expect(verdict(form, [...list, { kind: 'rand', rand: new Uint8Array(16) }])).toBe('rejected');
  });

  it('with another identity than in the clear, another role or type: rejected', () => {
    for (const list of accepted) {
      for (const change of [{ data: utf8('sip:mallory@home1.example') }, { role: 5 }, { type: 0 }]) {
        list.forEach((item, i) => {
          if (item.kind !== 'idr') return;
          expect(verdict(form, list.with(i, { ...item, ...change }))).toBe('rejected');
        });
      }
    }
  });

  it('cut short anywhere, or followed by an octet: rejected', () => {
    for (const list of accepted) {
      const octets = encodeChain(list);
      for (let length = 0; length < octets.length; length++)
        expect(codeOf(() => decodePoints(form, octets.subarray(0, length), identities))).toBe('rejected');
      expect(codeOf(() => decodePoints(form, concat(octets, Uint8Array.of(0)), identities))).toBe('rejected');
    }
  });
});

describe('ECCPT', () => {
  const withPoint = (change: object) => verdict('I_MESSAGE_1', [idri, { ...pi, ...change }, idrr]);

  it('Auth alg and TGK len are ignored, and so is what is reserved', () => {
    expect(withPoint({ authAlg: 2, tgkLen: 32, reserved: 9 })).toBe('accepted');
  });

  it.each([
    ['no SPI', { kv: { kind: 'null' } }],
    ['an interval', { kv: { kind: 'interval', from: new Uint8Array(8), to: new Uint8Array(8) } }],
    ['an SPI of 4 octets', { kv: { kind: 'spi', spi: new Uint8Array(4) } }],
    ['an SPI of 9 octets', { kv: { kind: 'spi', spi: new Uint8Array(9) } }],
    ['a compressed point', { point: concat(Uint8Array.of(2 + (pi.point[64]! & 1)), pi.point.slice(1, 33)) }],
    ['the point at infinity', { point: Uint8Array.of(0) }],
    ['a point off the curve', { point: pi.point.with(64, pi.point[64]! ^ 1) }],
    ['coordinates of p and above', { point: new Uint8Array(65).fill(0xff).with(0, 4) }],
    // secp192r1, sect283r1: in the table, and not used.
    ['curve 1', { curve: 1, point: new Uint8Array(49).fill(1).with(0, 4) }],
    ['curve 9', { curve: 9, point: new Uint8Array(73).fill(1).with(0, 4) }],
    ['a point of curve 8 that says curve 5', { curve: 5, point: new Uint8Array(57).fill(1).with(0, 4) }],
  ])('%s: rejected', (_, change) => {
    expect(withPoint(change)).toBe('rejected');
  });

  it('of a curve that is not in the table: rejected', () => {
    const octets = encodeChain([idri, pi, idrr]);
    octets[encodeChain([idri]).length + 1] = 99;
    expect(codeOf(() => decodePoints('I_MESSAGE_1', octets, identities))).toBe('rejected');
  });

  it('an echo is the same curve, point and SPI', () => {
    expect(sameEccpt(eccpti, makeEccpt(curve, eccpti.point, eccpti.spi))).toBe(true);
    expect(sameEccpt(eccpti, makeEccpt(curve, eccpti.point, eccptr.spi))).toBe(false);
    expect(sameEccpt(eccpti, makeEccpt(curve, eccptr.point, eccpti.spi))).toBe(false);
    expect(sameEccpt(eccpti, { ...eccpti, curve: curveById(11)! })).toBe(false);
  });

  it.each([8, 11, 14])('on curve %d ends its point on a 32-bit boundary', (id) => {
    const { octets, point: octetsOfPoint } = point(3, id);
    // Without the next-payload octet: curve, point, padding, then Auth alg, TGK len, KV, SPI length, SPI.
    const fixed = 4 + 1 + 8;
    expect((1 + octets.length - fixed) % 4).toBe(0);
    expect(octets.length - fixed - 1 - octetsOfPoint.length).toBeLessThan(4);
    expect(octets[octets.length - fixed + 3]).toBe(1);
  });
});

describe('the secret key of deferred delivery', () => {
  const key = () => Secret.of(new Uint8Array(32).fill(5));
  const sk = { kind: 'sk' as const, type: 1, key: key(), kv: { kind: 'null' as const } };
  const read = (payloads: readonly Payload[]) =>
    codeOf(() => decodeSecretKey(encodeChain(payloads), identities.idri));

  it('is IDRi and 32 octets', () => {
    const octets = encodeSecretKey(identities.idri, key());
    expect(toHex(octets)).toBe(toHex(encodeChain([idri, sk])));
    for (let length = 0; length < octets.length; length++)
      expect(codeOf(() => decodeSecretKey(octets.slice(0, length), identities.idri))).toBe('rejected');
    expect(decodeSecretKey(octets, identities.idri).equals(key())).toBe(true);
    expect(octets.every((octet) => octet === 0)).toBe(true);
  });

  it.each<[string, readonly Payload[]]>([
    ['another type', [idri, { ...sk, type: 0 }]],
    ['an SPI', [idri, { ...sk, kv: { kind: 'spi', spi: new Uint8Array(8) } }]],
    ['16 octets', [idri, { ...sk, key: Secret.of(new Uint8Array(16)) }]],
    ['another initiator', [idrPayload(1, identities.idrr), sk]],
    ['no initiator', [idrr, sk]],
    ['a second key', [idri, sk, sk]],
    ['a point', [idri, pi]],
  ])('%s: rejected', (_, payloads) => {
    expect(read(payloads)).toBe('rejected');
  });
});
