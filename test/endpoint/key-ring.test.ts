import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { KeyRing } from '../../src/endpoint/key-ring.ts';
import { vectorFile } from '../support/shared.ts';

const DAY = 86_400;
const FROM = 20_000 * DAY;
const URI = 'sip:alice@home1.example';
const K0 = '11'.repeat(32);

const granted = (more: { from?: number; seed?: string | null; slotStart?: number } = {}) => {
  const { from = FROM, seed = K0, slotStart = from } = more;
  return {
    uri: URI,
    from,
    to: from + DAY,
    privateKey: { x: 1n, y: 2n },
    seed: seed === null ? null : { key: Secret.of(fromHex(seed)), slotStart },
  };
};

function slot(j: number): string {
  let key = Buffer.from(K0, 'hex');
  for (let i = 0; i < j; i++) key = createHmac('sha256', key).update('next').digest();
  return key.toString('hex');
}

describe('profile, section 5: slot keys', () => {
  test('each time has the key of its slot, and asking changes nothing', () => {
    const ring = new KeyRing(300);
    ring.add([granted()]);
    for (const j of [0, 3, 95, 1]) {
      expect(toHex(ring.slotKey(URI, FROM + 900 * j + 899).expose())).toBe(slot(j));
    }
    expect(ring.privateKey(URI, FROM)).toEqual({ x: 1n, y: 2n });
    expect(ring.privateKey(URI, FROM + DAY)).toBeNull();
    expect(ring.privateKey('sip:bob@home1.example', FROM)).toBeNull();
  });

  test('the recoverable secrets of the vectors are drawn from the same slot keys', () => {
    const file = vectorFile('exchange-1.json') as {
      time: { unix: number };
      kms: Record<'initiator' | 'responder', { keyLifetime: number; user: { uri: string; liSeed: string } }>;
      recoverableSecrets: { role: number; slot: number; slotKey: string }[];
    };
    for (const [role, kms] of [
      [1, file.kms.initiator],
      [2, file.kms.responder],
    ] as const) {
      const from = Math.floor(file.time.unix / kms.keyLifetime) * kms.keyLifetime;
      const ring = new KeyRing(300);
      const seed = { key: Secret.of(fromHex(kms.user.liSeed)), slotStart: from };
      ring.add([{ ...granted(), uri: kms.user.uri, from, to: from + kms.keyLifetime, seed }]);
      const expected = file.recoverableSecrets.find((secret) => secret.role === role);
      expect(toHex(ring.slotKey(kms.user.uri, file.time.unix).expose())).toBe(expected?.slotKey);
    }
  });

  test('a stolen phone opens no earlier slot: past keys are erased after the skew', () => {
    const ring = new KeyRing(300);
    ring.add([granted()]);
    ring.expire(FROM + 900 + 299);
    expect(toHex(ring.slotKey(URI, FROM + 10).expose())).toBe(slot(0));
    ring.expire(FROM + 900 + 300);
    expect(() => ring.slotKey(URI, FROM + 899)).toThrow(expect.objectContaining({ code: 'no-key' }));
    expect(toHex(ring.slotKey(URI, FROM + 900).expose())).toBe(slot(1));
  });

  test('an open exchange keeps its slot, also over midnight; its end lets it go', () => {
    const ring = new KeyRing(300);
    ring.add([granted(), granted({ from: FROM + DAY })]);
    const begun = FROM + DAY - 5;
    const release = ring.hold(begun);
    ring.expire(FROM + DAY + 4000);
    expect(toHex(ring.slotKey(URI, begun).expose())).toBe(slot(95));
    expect(ring.privateKey(URI, begun)).not.toBeNull();
    release();
    ring.expire(FROM + DAY + 4000);
    expect(ring.privateKey(URI, begun)).toBeNull();
    expect(ring.privateKey(URI, FROM + DAY)).not.toBeNull();
  });

  test('what the KMS gives again does not bring back what was erased', () => {
    const ring = new KeyRing(300);
    ring.add([granted()]);
    ring.expire(FROM + 5000);
    ring.add([granted()]);
    expect(() => ring.slotKey(URI, FROM + 10)).toThrow(expect.objectContaining({ code: 'no-key' }));
  });

  test('keys say how far they reach', () => {
    const ring = new KeyRing(300);
    expect(ring.heldUntil(URI, FROM + 5)).toBe(FROM + 5);
    ring.add([granted(), granted({ from: FROM + DAY }), granted({ from: FROM + 3 * DAY })]);
    expect(ring.heldUntil(URI, FROM + 5)).toBe(FROM + 2 * DAY);
  });

  test('an address of record without a seed draws nothing', () => {
    const ring = new KeyRing(300);
    ring.add([granted({ seed: null })]);
    expect(() => ring.slotKey(URI, FROM)).toThrow(expect.objectContaining({ code: 'no-key' }));
  });
});
