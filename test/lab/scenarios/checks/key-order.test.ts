/** In what order keys were handed over, and in what order packets were sent under them. */
import { describe, expect, test } from 'vitest';
import { Secret } from '../../../../src/bytes/secret.ts';
import { keyOrder } from '../../../../src/lab/scenarios/checks/key-order.ts';
import { encodeRtp } from '../../../../src/media/rtp.ts';
import { SrtpSender } from '../../../../src/media/srtp/stream.ts';
import { SRTP_SUITE } from '../../../../src/media/srtp/suites.ts';
import type { SrtpSuite } from '../../../../src/media/srtp/suites.ts';

const { aesCm128HmacSha1Tag80: CM, aeadAes128Gcm: GCM } = SRTP_SUITE;

/** The nth key. */
function key(nth: number, suite: SrtpSuite = CM) {
  return {
    key: Secret.of(new Uint8Array(suite.keyLength).fill(nth)),
    salt: Secret.of(new Uint8Array(suite.saltLength).fill(nth)),
  };
}

/** Two packets under each of these keys in turn. */
function sent(keys: readonly number[], { ssrc = 7, first = 0, suite = CM } = {}): Uint8Array[] {
  let highest: number | null = null;
  return keys.flatMap((nth, at) => {
    const { key: masterKey, salt: masterSalt } = key(nth, suite);
    const mki = new Uint8Array(8).fill(nth);
    const sender = new SrtpSender({ suite, masterKey, masterSalt, mki, ssrc }, highest);
    const packets = [0, 1].map((more) => {
      const sequenceNumber = (first + 2 * at + more) & 0xffff;
      const head = { marker: false, payloadType: 8, sequenceNumber, timestamp: 0, ssrc };
      return sender.protect(encodeRtp({ ...head, csrc: [], extension: null, payload: Uint8Array.of(nth) }));
    });
    highest = sender.highest;
    return packets;
  });
}

describe('R-43: the order of keys', () => {
  test.each([
    ['as they were used', [1, 2, 3], [1, 2, 3], { used: 3, early: 0 }],
    ['and some were never used', [1, 2, 3, 4], [1, 4], { used: 2, early: 0 }],
    ['one before another that was used earlier', [1, 3, 2, 4], [1, 2, 3, 4], { used: 4, early: 1 }],
    ['the last one first', [3, 1, 2], [1, 2, 3], { used: 3, early: 1 }],
    ['and one is missing', [1, 3], [1, 2, 3], { used: 2, early: 0 }],
    ['none', [], [1, 2], { used: 0, early: 0 }],
  ])('%s', (_, handed, used, expected) => {
    expect(
      keyOrder(
        sent(used),
        handed.map((nth) => key(nth)),
      ),
    ).toEqual(expected);
  });

  test('each stream is judged by itself, across the wrap of its sequence numbers, whatever its suite', () => {
    const packets = [
      ...sent([1, 3], { first: 0xfffe }),
      ...sent([2, 4], { ssrc: 9, suite: GCM }),
      Uint8Array.of(0x80, 200, 0, 1),
      Uint8Array.of(0x80),
    ];
    const keys = [key(1), key(2, GCM), key(3), key(4, GCM)];
    expect(keyOrder(packets, keys)).toEqual({ used: 4, early: 0 });
    expect(keyOrder(packets, keys.toReversed())).toEqual({ used: 4, early: 2 });
  });
});
