import { createCipheriv, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concat, fromHex } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { encodeRtcp } from '../../src/media/rtcp.ts';
import { decodeRtp, encodeRtp } from '../../src/media/rtp.ts';
import { derive } from '../../src/media/srtp/kdf.ts';
import {
  ReplayWindow,
  estimateIndex,
  packetIndex,
  REPLAY_WINDOW,
} from '../../src/media/srtp/packet-index.ts';
import { SrtpReceiver, SrtpSender } from '../../src/media/srtp/stream.ts';
import type { SrtpStreamOptions } from '../../src/media/srtp/stream.ts';
import type { SrtpSuite } from '../../src/media/srtp/suites.ts';
import { SRTP_SUITE, suiteByName } from '../../src/media/srtp/suites.ts';
import { SrtpTransform, mkiOf } from '../../src/media/srtp/transform.ts';

const SSRC = 0xdecafbad;
const MKI = fromHex('a1b2c3d4e5f60718');
const SUITES = Object.values<SrtpSuite>(SRTP_SUITE);

function options(suite: SrtpSuite, more: Partial<SrtpStreamOptions> = {}): SrtpStreamOptions {
  const octets = (length: number, from: number) =>
    Uint8Array.from({ length }, (_, i) => (from + 7 * i) & 0xff);
  return {
    suite,
    masterKey: Secret.of(octets(suite.keyLength, 3)),
    masterSalt: Secret.of(octets(suite.saltLength, 99)),
    ssrc: SSRC,
    mki: MKI,
    ...more,
  };
}

function rtp(sequenceNumber: number, payload = Uint8Array.of(1, 2, 3), ssrc = SSRC): Uint8Array {
  const header = {
    marker: false,
    payloadType: 8,
    timestamp: 160 * sequenceNumber,
    csrc: [],
    extension: null,
  };
  return encodeRtp({ ...header, sequenceNumber, ssrc, payload });
}

const bye = encodeRtcp([
  { kind: 'rr', ssrc: SSRC, reports: [] },
  { kind: 'bye', sources: [SSRC], reason: null },
]);

describe.each(SUITES)('SRTP and SRTCP with $name and an 8-octet MKI', (suite) => {
  test('unprotect(protect(x)) = x, and the tag and MKI are where the RFC puts them', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.integer({ min: 0, max: 0xffff }),
        fc.integer({ min: 0, max: 0xffffffff }),
        (payload, sequenceNumber, roc) => {
          const plain = rtp(sequenceNumber % 0x8000, payload);
          const sent = new SrtpSender(options(suite, { roc })).protect(plain);
          expect(sent.length).toBe(plain.length + suite.tagLength + 8);
          expect(mkiOf(sent, suite, 8)).toEqual(MKI);
          expect(new SrtpReceiver(options(suite, { roc })).unprotect(sent)).toEqual(plain);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('SRTCP round trip; indices count from 0', () => {
    const sender = new SrtpSender(options(suite));
    const receiver = new SrtpReceiver(options(suite));
    for (let i = 0; i < 3; i++) expect(receiver.unprotectRtcp(sender.protectRtcp(bye))).toEqual(bye);
    expect(() => receiver.unprotectRtcp(new SrtpSender(options(suite)).protectRtcp(bye))).toThrow(
      expect.objectContaining({ code: 'replay' }),
    );
  });

  test('an altered octet anywhere is refused, save in the MKI, where the packet is another key’s', () => {
    const sent = new SrtpSender(options(suite)).protect(rtp(5));
    const mkiAt = sent.length - 8 - (suite.cipher === 'aes-gcm' ? 0 : suite.tagLength);
    for (let at = 0; at < sent.length; at++) {
      const altered = sent.slice();
      altered[at] = (altered[at] ?? 0) ^ 0x01;
      const receiver = new SrtpReceiver(options(suite));
      if ((at >= mkiAt && at < mkiAt + 8) || (at >= 8 && at < 12)) {
        expect(receiver.unprotect(altered)).toBeNull();
      } else {
        expect(() => receiver.unprotect(altered)).toThrow();
      }
      expect(receiver.unprotect(sent)).toEqual(rtp(5));
    }
  });

  test('a packet truncated anywhere is refused', () => {
    const sent = new SrtpSender(options(suite)).protect(rtp(5));
    const control = new SrtpSender(options(suite)).protectRtcp(bye);
    for (let length = 0; length < sent.length; length++) {
      const receiver = new SrtpReceiver(options(suite));
      let result: unknown = null;
      try {
        result = receiver.unprotect(sent.subarray(0, length));
      } catch {
        result = null;
      }
      expect(result).toBeNull();
    }
    for (let length = 0; length < control.length; length++) {
      let result: unknown = null;
      try {
        result = new SrtpReceiver(options(suite)).unprotectRtcp(control.subarray(0, length));
      } catch {
        result = null;
      }
      expect(result).toBeNull();
    }
  });

  test('keys of a wrong length are refused', () => {
    expect(() => new SrtpSender(options(suite, { masterKey: Secret.of(new Uint8Array(15)) }))).toThrow(
      expect.objectContaining({ code: 'key' }),
    );
    expect(() => new SrtpReceiver(options(suite, { masterSalt: Secret.of(new Uint8Array(13)) }))).toThrow(
      expect.objectContaining({ code: 'key' }),
    );
  });

  test('the name finds the suite', () => expect(suiteByName(suite.name)).toBe(suite));
});

describe('a stream', () => {
  const suite = SRTP_SUITE.aesCm128HmacSha1Tag80;

  test('AES-CM with HMAC-SHA-1, written a second time from RFC 3711 sections 3.1 and 4', () => {
    const roc = 0x01020304;
    const plain = rtp(
      0x1234,
      Uint8Array.from({ length: 50 }, (_, i) => i),
    );
    const { masterKey, masterSalt } = options(suite);
    const key = derive(masterKey.expose(), masterSalt.expose(), 0, 16);
    const salt = BigInt(
      '0x' + Buffer.from(derive(masterKey.expose(), masterSalt.expose(), 2, 14)).toString('hex'),
    );
    const index = (BigInt(roc) << 16n) | 0x1234n;
    const iv = (salt << 16n) ^ (BigInt(SSRC) << 64n) ^ (index << 16n);
    const cipher = createCipheriv('aes-128-ctr', key, Buffer.from(iv.toString(16).padStart(32, '0'), 'hex'));
    const body = concat(plain.subarray(0, 12), cipher.update(plain.subarray(12)));
    const hmac = createHmac('sha1', derive(masterKey.expose(), masterSalt.expose(), 1, 20));
    const tag = hmac
      .update(concat(body, fromHex('01020304')))
      .digest()
      .subarray(0, 10);
    expect(new SrtpSender(options(suite, { roc })).protect(plain)).toEqual(concat(body, MKI, tag));
  });

  test.each([
    {
      suite: SRTP_SUITE.aesCm128HmacSha1Tag80,
      salt: '0ec675ad498afeebb6960b3aabe6',
      key: 'e1f97a0d3e018be0d64fa32c06de4139',
      body: '4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb',
    },
    {
      suite: SRTP_SUITE.aeadAes128Gcm,
      salt: 'a0a1a2a3a4a5a6a7a8a9aaab',
      key: '000102030405060708090a0b0c0d0e0f',
      body: 'c5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392',
    },
  ])(
    'the reference packets of libsrtp, from the master key on: $suite.name',
    ({ suite, key, salt, body }) => {
      const transform = SrtpTransform.of({
        suite,
        masterKey: Secret.of(fromHex(key)),
        masterSalt: Secret.of(fromHex(salt)),
      });
      const plain = fromHex('800f1234decafbadcafebabe' + 'ab'.repeat(16));
      const sent = fromHex('800f1234decafbadcafebabe' + body);
      expect(transform.protectRtp(plain, 0, new Uint8Array())).toEqual(sent);
      expect(transform.unprotectRtp(sent, 0, 0)).toEqual(plain);
    },
  );

  test('the roll-over counter counts on both sides, across loss and reordering at the wrap', () => {
    const sender = new SrtpSender(options(suite));
    const receiver = new SrtpReceiver(options(suite));
    const sequence = [65000, 65533, 65534, 65535, 0, 1, 2, 30000, 60000, 3];
    const sent = sequence.map((seq) => sender.protect(rtp(seq)));
    for (const at of [0, 1, 4, 3, 2, 5, 6, 7, 8, 9]) {
      expect(receiver.unprotect(sent[at]!)).toEqual(rtp(sequence[at]!));
    }
    expect([sender.roc, receiver.roc]).toEqual([2, 2]);
  });

  test('a stream joined in a later round of sequence numbers needs its roll-over counter set', () => {
    const sent = new SrtpSender(options(suite, { roc: 7 })).protect(rtp(100));
    expect(() => new SrtpReceiver(options(suite)).unprotect(sent)).toThrow(
      expect.objectContaining({ code: 'authentication' }),
    );
    expect(new SrtpReceiver(options(suite, { roc: 7 })).unprotect(sent)).toEqual(rtp(100));
  });

  test('rolling through the counters finds the one that verifies, as a recipient of intercepted media does', () => {
    const sent = new SrtpSender(options(suite, { roc: 3 })).protect(rtp(100));
    const transform = SrtpTransform.of(options(suite));
    const hits = [0, 1, 2, 3, 4].filter((roc) => transform.unprotectRtp(sent, roc, 8) !== null);
    expect(hits).toEqual([3]);
  });

  test('a replayed packet is refused, one older than the window too', () => {
    const sender = new SrtpSender(options(suite));
    const receiver = new SrtpReceiver(options(suite));
    const sent = Array.from({ length: REPLAY_WINDOW + 2 }, (_, seq) => sender.protect(rtp(seq)));
    receiver.unprotect(sent[1]!);
    expect(() => receiver.unprotect(sent[1]!)).toThrow(expect.objectContaining({ code: 'replay' }));
    receiver.unprotect(sent[REPLAY_WINDOW]!);
    expect(() => receiver.unprotect(sent[0]!)).toThrow(expect.objectContaining({ code: 'replay' }));
    expect(receiver.unprotect(sent[2]!)).toEqual(rtp(2));
  });

  test('a forged packet far ahead does not move the window or the roll-over counter', () => {
    const receiver = new SrtpReceiver(options(suite));
    const sender = new SrtpSender(options(suite));
    receiver.unprotect(sender.protect(rtp(1)));
    const forged = concat(rtp(30000), MKI, new Uint8Array(10));
    expect(() => receiver.unprotect(forged)).toThrow(expect.objectContaining({ code: 'authentication' }));
    expect(receiver.unprotect(sender.protect(rtp(2)))).toEqual(rtp(2));
  });

  test('a sender never uses an index twice', () => {
    const sender = new SrtpSender(options(suite));
    sender.protect(rtp(10));
    expect(() => sender.protect(rtp(10))).toThrow(expect.objectContaining({ code: 'replay' }));
    expect(() => sender.protect(rtp(9))).toThrow(expect.objectContaining({ code: 'replay' }));
    expect(() => sender.protect(rtp(11, Uint8Array.of(1), 5))).toThrow(
      expect.objectContaining({ code: 'malformed' }),
    );
  });

  test('a master key ends with its last index', () => {
    const sender = new SrtpSender(options(suite, { roc: 0xffffffff }));
    sender.protect(rtp(0xffff));
    expect(() => sender.protect(rtp(0))).toThrow(expect.objectContaining({ code: 'exhausted' }));
  });

  test('packets of another SSRC or another MKI are not mine', () => {
    const sent = new SrtpSender(options(suite)).protect(rtp(1));
    expect(new SrtpReceiver(options(suite, { ssrc: 1 })).unprotect(sent)).toBeNull();
    expect(new SrtpReceiver(options(suite, { mki: new Uint8Array(8) })).unprotect(sent)).toBeNull();
  });

  test('a padded packet stays padded under the cipher', () => {
    const padded = concat(rtp(1), Uint8Array.of(0, 0, 0, 4));
    padded[0] = 0xa0;
    const plain = new SrtpReceiver(options(suite)).unprotect(new SrtpSender(options(suite)).protect(padded));
    expect(plain).toEqual(padded);
    expect(decodeRtp(plain!).payload).toEqual(Uint8Array.of(1, 2, 3));
  });
});

describe('RFC 3711 appendix A: index estimation', () => {
  test('gives the index itself wherever the packet is within 2^15 of the highest', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0x8000, max: 2 ** 48 - 0x8001 }),
        fc.integer({ min: -0x7fff, max: 0x7fff }),
        (highest, difference) => {
          const index = highest + difference;
          expect(estimateIndex(highest, index % 0x10000)).toBe(index);
        },
      ),
    );
  });

  test('goes back to no counter before the first', () => {
    expect(estimateIndex(packetIndex(0, 3), 65530)).toBe(65530);
    expect(estimateIndex(packetIndex(1, 3), 65530)).toBe(65530);
  });

  test('a replay window accepts each index once, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 200 }), (indices) => {
        const window = new ReplayWindow();
        const accepted = new Set<number>();
        for (const index of indices) {
          const tooOld = index <= Math.max(-1, ...accepted) - REPLAY_WINDOW;
          expect(window.fresh(index)).toBe(!accepted.has(index) && !tooOld);
          if (window.fresh(index)) {
            window.accept(index);
            accepted.add(index);
          }
        }
      }),
    );
  });
});
