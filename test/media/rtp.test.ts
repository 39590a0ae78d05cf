import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex } from '../../src/bytes/octets.ts';
import type { RtcpPacket } from '../../src/media/rtcp.ts';
import { decodeRtcp, encodeRtcp } from '../../src/media/rtcp.ts';
import { decodeRtp, decodeRtpHeader, encodeRtp, isRtcp } from '../../src/media/rtp.ts';

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const words = fc
  .uint8Array({ maxLength: 40 })
  .map((octets) => octets.slice(0, octets.length - (octets.length % 4)));

const packets = fc.record({
  marker: fc.boolean(),
  payloadType: fc.integer({ min: 0, max: 127 }),
  sequenceNumber: u16,
  timestamp: u32,
  ssrc: u32,
  csrc: fc.array(u32, { maxLength: 15 }),
  extension: fc.option(fc.record({ profile: u16, data: words })),
  payload: fc.uint8Array({ maxLength: 200 }),
});

describe('RFC 3550 section 5.1: RTP', () => {
  test('decode(encode(x)) = x', () => {
    fc.assert(
      fc.property(packets, (packet) => {
        expect(decodeRtp(encodeRtp(packet))).toEqual(packet);
      }),
    );
  });

  test('the fields stand where the diagram puts them', () => {
    const octets = fromHex('919203e8000000a0deadbeef00000001beef000142424242abcdef');
    expect(decodeRtp(octets)).toEqual({
      marker: true,
      payloadType: 0x12,
      sequenceNumber: 1000,
      timestamp: 160,
      ssrc: 0xdeadbeef,
      csrc: [1],
      extension: { profile: 0xbeef, data: fromHex('42424242') },
      payload: fromHex('abcdef'),
    });
    for (let length = 0; length < 24; length++) {
      expect(() => decodeRtpHeader(octets.subarray(0, length))).toThrow();
    }
  });

  test('padding is taken off; padding beyond the payload and another version are refused', () => {
    const padded = fromHex('a008000100000000000000010102030003');
    expect(decodeRtp(padded).payload).toEqual(fromHex('0102'));
    expect(() => decodeRtp(fromHex('a00800010000000000000001010206'))).toThrow();
    expect(() => decodeRtp(fromHex('a00800010000000000000001010200'))).toThrow();
    expect(() => decodeRtp(fromHex('400800010000000000000001'))).toThrow();
    expect(() => encodeRtp({ ...decodeRtp(padded), payloadType: 128 })).toThrow();
    expect(() => encodeRtp({ ...decodeRtp(padded), csrc: new Array<number>(16).fill(1) })).toThrow();
  });
});

const report = fc.record({
  ssrc: u32,
  fractionLost: u8,
  cumulativeLost: fc.integer({ min: -0x800000, max: 0x7fffff }),
  highestSequenceNumber: u32,
  jitter: u32,
  lastSr: u32,
  delaySinceLastSr: u32,
});
const reports = fc.array(report, { maxLength: 5 });
const compounds: fc.Arbitrary<RtcpPacket[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('sr' as const),
      ssrc: u32,
      ntp: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      rtpTimestamp: u32,
      packetCount: u32,
      octetCount: u32,
      reports,
    }),
    fc.record({ kind: fc.constant('rr' as const), ssrc: u32, reports }),
    fc.record({
      kind: fc.constant('bye' as const),
      sources: fc.array(u32, { maxLength: 5 }),
      reason: fc.option(fc.string({ maxLength: 40 })),
    }),
    fc.record({
      kind: fc.constant('unknown' as const),
      type: fc.integer({ min: 202, max: 202 }),
      count: fc.integer({ min: 0, max: 31 }),
      data: words,
    }),
  ),
  { minLength: 1, maxLength: 4 },
);

describe('RFC 3550 section 6: RTCP', () => {
  test('decode(encode(x)) = x; unknown types survive', () => {
    fc.assert(
      fc.property(compounds, (compound) => {
        expect(decodeRtcp(encodeRtcp(compound))).toEqual(compound);
      }),
    );
  });

  test('truncated anywhere it is refused', () => {
    const octets = encodeRtcp([{ kind: 'rr', ssrc: 1, reports: [] }]);
    for (let length = 0; length < octets.length; length++) {
      expect(() => decodeRtcp(octets.subarray(0, length))).toThrow();
    }
  });

  test('padding is for the last packet only', () => {
    expect(decodeRtcp(fromHex('a0c900020000000100000004'))).toEqual([{ kind: 'rr', ssrc: 1, reports: [] }]);
    expect(() => decodeRtcp(fromHex('a0c90002000000010000000480cb0000'))).toThrow();
    expect(() => decodeRtcp(fromHex('a0c900020000000100000005'))).toThrow();
    expect(() => decodeRtcp(fromHex('40c9000100000001'))).toThrow();
  });

  test('RFC 5761: the second octet tells RTCP from RTP', () => {
    expect(isRtcp(encodeRtcp([{ kind: 'bye', sources: [], reason: null }]))).toBe(true);
    expect(isRtcp(fromHex('8008'))).toBe(false);
  });
});
