/** An SRTP stream whose keys change while packets flow. */
import { describe, expect, test } from 'vitest';
import { toHex } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { decodeRtp, encodeRtp } from '../../src/media/rtp.ts';
import { RekeyedStream } from '../../src/media/srtp/rekeyed-stream.ts';
import type { StreamKeys } from '../../src/media/srtp/rekeyed-stream.ts';
import { SRTP_SUITE } from '../../src/media/srtp/suites.ts';
import type { SrtpSuite } from '../../src/media/srtp/suites.ts';
import { mkiOf } from '../../src/media/srtp/transform.ts';
import { ManualClock } from '../support/manual-clock.ts';

const SSRC = { a: 1, b: 2 };
const SUITES = [SRTP_SUITE.aesCm128HmacSha1Tag80, SRTP_SUITE.aeadAes128Gcm];

/** The keys of a generation, seen from one end. */
function keysOf(
  generation: number,
  end: 'a' | 'b',
  suite: SrtpSuite = SRTP_SUITE.aesCm128HmacSha1Tag80,
): StreamKeys {
  const of = (sender: 'a' | 'b') => ({
    suite,
    masterKey: Secret.of(new Uint8Array(suite.keyLength).fill(2 * generation + SSRC[sender])),
    masterSalt: Secret.of(new Uint8Array(suite.saltLength).fill(2 * generation + SSRC[sender])),
    ssrc: SSRC[sender],
    mki: new Uint8Array(8).fill(2 * generation + SSRC[sender]),
  });
  return { send: of(end), receive: of(end === 'a' ? 'b' : 'a') };
}

/** Two ends, and their packets by number. */
function ends(suite?: SrtpSuite, first = 100) {
  const clock = new ManualClock();
  const make = (end: 'a' | 'b') => {
    const stream = new RekeyedStream(clock);
    let sequenceNumber = first;
    return {
      stream,
      keys: (generation: number) => keysOf(generation, end, suite),
      /** The next packet, protected, with the generation of its key. */
      next: () => {
        const plain = encodeRtp({
          marker: false,
          payloadType: 8,
          sequenceNumber: sequenceNumber++ & 0xffff,
          timestamp: 0,
          ssrc: SSRC[end],
          csrc: [],
          extension: null,
          payload: Uint8Array.of(1, 2, 3),
        });
        const octets = stream.protect(plain) ?? new Uint8Array();
        const mki = mkiOf(octets, suite ?? SRTP_SUITE.aesCm128HmacSha1Tag80, 8);
        return { octets, generation: ((mki[0] ?? 0) - SSRC[end]) / 2 };
      },
      /** Number of the packet; `null`: not taken. */
      takes: (octets: Uint8Array): number | null => {
        const opened = stream.unprotect(octets);
        return opened === null ? null : decodeRtp(opened.packet).sequenceNumber;
      },
    };
  };
  const [a, b] = [make('a'), make('b')];
  a.stream.secure(a.keys(0));
  b.stream.secure(b.keys(0));
  return { clock, a, b };
}

describe('a change of keys', () => {
  test.each(SUITES)('R-43: no packet is lost at the switch, early or late: $name', (suite) => {
    const { a, b } = ends(suite, 0xfffe);
    const onTheWay = [a.next(), a.next()];
    // b answers: it receives under both, and sends under the old.
    b.stream.prepare(b.keys(1));
    expect(a.takes(b.next().octets)).not.toBeNull();
    a.stream.prepare(a.keys(1));
    a.stream.switchOver();
    const switched = [a.next(), a.next()];
    expect([...onTheWay, ...switched].map(({ generation }) => generation)).toEqual([0, 0, 1, 1]);
    // Packet numbers, and so the roll-over counter, go on; packets overtake each other.
    const order = [onTheWay[0], switched[1], onTheWay[1], switched[0]];
    expect(order.map((packet) => b.takes(packet?.octets ?? new Uint8Array()))).toEqual([
      0xfffe, 1, 0xffff, 0,
    ]);
  });

  test('R-43: whoever answered sends under the new key once a packet has come under it, and not before', () => {
    const { a, b } = ends();
    b.stream.prepare(b.keys(1));
    let told = 0;
    b.stream.onSwitched(() => told++);
    expect(b.takes(a.next().octets)).not.toBeNull();
    expect([b.next().generation, told]).toEqual([0, 0]);
    a.stream.prepare(a.keys(1));
    a.stream.switchOver();
    const forged = a.next().octets.slice();
    forged[13] = (forged[13] ?? 0) ^ 1;
    expect(() => b.takes(forged)).toThrow();
    expect([b.next().generation, told]).toEqual([0, 0]);
    expect(b.takes(a.next().octets)).not.toBeNull();
    expect([b.next().generation, told]).toEqual([1, 1]);
    expect(a.takes(b.next().octets)).not.toBeNull();
  });

  test('R-43: a report is a sign of the new key too', () => {
    const { a, b } = ends();
    b.stream.prepare(b.keys(1));
    a.stream.prepare(a.keys(1));
    a.stream.switchOver();
    const report = Uint8Array.of(0x80, 201, 0, 1, 0, 0, 0, SSRC.a);
    expect(toHex(b.stream.unprotectRtcp(a.stream.protectRtcp(report) ?? report) ?? new Uint8Array())).toBe(
      toHex(report),
    );
    expect(b.next().generation).toBe(1);
  });

  test('R-43: packets on their way through several changes arrive; old ones are not taken for ever', () => {
    const { clock, a, b } = ends();
    const sent = [a.next()];
    for (let generation = 1; generation <= 40; generation++) {
      b.stream.prepare(b.keys(generation));
      a.stream.prepare(a.keys(generation));
      a.stream.switchOver();
      sent.push(a.next());
      clock.advance(20);
    }
    expect(sent.every(({ octets }) => b.takes(octets) !== null)).toBe(true);
    expect(() => b.takes(sent[7]?.octets ?? new Uint8Array())).toThrow(/seen before/);
    clock.advance(10_000);
    b.stream.prepare(b.keys(41));
    expect(b.takes(sent[39]?.octets ?? new Uint8Array())).toBeNull();
  });

  test('R-43: an end that has been silent since may still send under the key before', () => {
    const { clock, a, b } = ends();
    b.stream.prepare(b.keys(1));
    a.stream.prepare(a.keys(1));
    a.stream.switchOver();
    clock.advance(3_600_000);
    expect(a.takes(b.next().octets)).not.toBeNull();
  });

  test('R-43: keys that stay in an update are not begun anew: a packet is not taken twice', () => {
    const { a, b } = ends();
    const first = a.next();
    expect(b.takes(first.octets)).not.toBeNull();
    b.stream.prepare(b.keys(0));
    expect(() => b.takes(first.octets)).toThrow(/seen before/);
    expect(b.next().generation).toBe(0);
  });

  test('R-43: a stream that begins with an update sends nothing before the other end is known to have its keys', () => {
    const { a, b } = ends();
    const [from, to] = [new RekeyedStream(new ManualClock()), new RekeyedStream(new ManualClock())];
    to.prepare(b.keys(1));
    expect(to.protect(new Uint8Array(12))).toBeNull();
    from.prepare(a.keys(1));
    from.switchOver();
    const plain = encodeRtp({
      ...{ marker: true, payloadType: 8, sequenceNumber: 5, timestamp: 0, ssrc: SSRC.a },
      ...{ csrc: [], extension: null, payload: Uint8Array.of(1) },
    });
    expect(to.unprotect(from.protect(plain) ?? plain)?.packet).toEqual(plain);
    const back = encodeRtp({
      ...{ marker: true, payloadType: 8, sequenceNumber: 9, timestamp: 0, ssrc: SSRC.b },
      ...{ csrc: [], extension: null, payload: Uint8Array.of(1) },
    });
    expect(from.unprotect(to.protect(back) ?? back)?.packet).toEqual(back);
  });

  test('counts what was sent under the keys in use', () => {
    const { a } = ends();
    for (let i = 0; i < 3; i++) a.next();
    expect(a.stream.sent).toBe(3);
    a.stream.prepare(a.keys(1));
    expect(a.stream.sent).toBe(3);
    a.stream.switchOver();
    expect(a.stream.sent).toBe(0);
  });

  test('nothing is protected or taken before the first keys', () => {
    const stream = new RekeyedStream(new ManualClock());
    expect(stream.protect(new Uint8Array(12))).toBeNull();
    expect(stream.unprotect(new Uint8Array(40))).toBeNull();
  });
});
