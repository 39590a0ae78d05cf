import { describe, expect, it } from 'vitest';
import { concat, utf8 } from '../../../src/bytes/octets.ts';
import { rtpOf } from '../../../src/entities/lemf/content.ts';
import { suiteOf, suitesFor } from '../../../src/entities/lemf/policy.ts';
import { g711Law, readSdp, receiverText } from '../../../src/entities/lemf/sdp.ts';
import type { CcContents } from '../../../src/wire/hi/ps-pdu.ts';
import { SRTP_SUITE } from '../../../src/media/srtp/suites.ts';
import { encodeRtp } from '../../../src/media/rtp.ts';

const rtp = encodeRtp({
  marker: false,
  payloadType: 8,
  sequenceNumber: 1,
  timestamp: 2,
  ssrc: 3,
  csrc: [],
  extension: null,
  payload: new Uint8Array(160),
});
const udp = concat(Uint8Array.of(0x9c, 0x40, 0x9c, 0x42, 0, 8 + rtp.length, 0, 0), rtp);
const ipv4 = (payload: Uint8Array, more: { fragment?: number; protocol?: number } = {}) => {
  const length = 20 + payload.length;
  const fragment = more.fragment ?? 0;
  const { protocol = 17 } = more;
  const head = [0x45, 0, length >> 8, length & 255, 0, 0, fragment >> 8, fragment & 255, 64, protocol, 0, 0];
  return concat(Uint8Array.from([...head, 127, 0, 0, 1, 127, 0, 0, 1]), payload);
};
const ipv6 = concat(
  Uint8Array.of(0x60, 0, 0, 0, udp.length >> 8, udp.length & 255, 17, 64),
  new Uint8Array(32),
  udp,
);

const ipmm = (packet: Uint8Array, frameType?: number, protocol?: number): CcContents => ({
  kind: 'ipmm',
  cc: {
    objectId: '5.5.17.2',
    packet,
    ...(frameType === undefined ? {} : { frameType }),
    ...(protocol === undefined ? {} : { protocol }),
  },
});
const voip = (payload: Uint8Array): CcContents => ({
  kind: 'voip',
  cc: {
    domainId: '0.4.0.2.2.4.12.15.1',
    correlationNumber: Uint8Array.of(1),
    sequenceNumber: 0,
    direction: 1,
    payload,
  },
});

describe('RTP in a CC payload', () => {
  it.each([
    ['RTP frame', ipmm(rtp, 2, 0)],
    ['no frame type', ipmm(rtp)],
    ['UDP frame', ipmm(udp, 1)],
    ['IPv4 packet', ipmm(ipv4(udp), 0)],
    ['IPv4 packet with link padding', ipmm(concat(ipv4(udp), new Uint8Array(6)), 0)],
    ['IPv6 packet', ipmm(ipv6, 0)],
    ['Voip-CC-PDU with RTP', voip(rtp)],
    ['Voip-CC-PDU with an IP packet', voip(ipv4(udp))],
  ])('%s', (_, contents) => {
    expect(rtpOf({ contents })).toMatchObject({ header: { ssrc: 3 }, packet: rtp });
  });

  it('R-95: the path of an IPv6 packet has its addresses as descriptions have them', () => {
    const packet = ipv6.slice();
    packet.set([0x20, 0x01, 0x0d, 0xb8], 8);
    packet.set([1], 39);
    expect(rtpOf({ contents: ipmm(packet, 0) })?.path).toBe('[2001:db8::]:40000>[::1]:40002');
    expect(receiverText({ address: '0:0:0:0:0:0:0:1', port: 40_002 })).toBe('[::1]:40002');
    expect(receiverText({ address: '10.0.0.1', port: 40_002 })).toBe('10.0.0.1:40002');
  });

  it.each([
    ['RTCP', ipmm(Uint8Array.of(0x80, 200, 0, 1, 0, 0, 0, 3), 2)],
    ['a fragment', ipmm(ipv4(udp, { fragment: 0x2000 }), 0)],
    ['TCP', ipmm(ipv4(udp, { protocol: 6 }), 0)],
    ['MSRP', ipmm(rtp, 2, 1)],
    ['a frame type that holds no RTP', ipmm(rtp, 3)],
    ['another alternative', { kind: 'other', tag: 2, element: rtp } as const],
  ])('none in %s', (_, contents) => expect(rtpOf({ contents })).toBeNull());

  it('truncated anywhere: none, or a shorter packet, never an exception', () => {
    for (const [packet, frameType] of [
      [ipv4(udp), 0],
      [ipv6, 0],
      [udp, 1],
      [rtp, 2],
    ] as const) {
      for (let length = 0; length < packet.length; length++) {
        expect(() => rtpOf({ contents: ipmm(packet.subarray(0, length), frameType) })).not.toThrow();
      }
    }
  });
});

describe('security policies (RFC 3830 6.10.1, RFC 7714 14.3)', () => {
  const params = (...pairs: [number, number][]) => ({
    params: pairs.map(([type, value]) => ({ type, value: Uint8Array.of(value) })),
  });
  it.each([
    ['nothing said', params(), SRTP_SUITE.aesCm128HmacSha1Tag80],
    ['AES-CM-256', params([0, 1], [1, 32]), SRTP_SUITE.aesCm256HmacSha1Tag80],
    ['AES-GCM-128', params([0, 6], [1, 16], [20, 16], [10, 0]), SRTP_SUITE.aeadAes128Gcm],
    ['AES-GCM-256', params([0, 6], [1, 32], [20, 16]), SRTP_SUITE.aeadAes256Gcm],
    ['no encryption', params([7, 0]), null],
    ['no authentication', params([10, 0]), null],
    ['AES-F8', params([0, 2]), null],
    ['a key of 24 octets', params([1, 24]), null],
    ['a MAC that is none of ours', params([2, 9]), null],
  ])('%s', (_, policy, suite) => expect(suiteOf(policy)).toBe(suite));

  it('without a policy, the lengths of key and salt leave one suite', () => {
    expect(suitesFor(16, 14)).toEqual([SRTP_SUITE.aesCm128HmacSha1Tag80]);
    expect(suitesFor(32, 12)).toEqual([SRTP_SUITE.aeadAes256Gcm]);
    expect(suitesFor(5, 5)).toEqual([]);
  });
});

describe('SDP as a LEMF reads it', () => {
  it('finds every m= line with its codecs, and every MIKEY message, wherever they are', () => {
    const sdp = readSdp(
      utf8(
        [
          '--boundary',
          'v=0',
          'a=key-mgmt:mikey AQID',
          'm=audio 4000/2 RTP/SAVP 0 8 97',
          'a=rtpmap:97 PCMA/8000',
          'a=key-mgmt:mikey not-base64!',
          'm=video 0 RTP/SAVP 99',
          'a=key-mgmt: mikey BAUG',
          'nonsense',
        ].join('\r\n'),
      ),
    );
    expect(sdp.mikey).toEqual([Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6)]);
    expect(sdp.media.map(({ media, port }) => [media, port])).toEqual([
      ['audio', 4000],
      ['video', 0],
    ]);
    expect([...(sdp.media[0]?.codecs ?? [])]).toEqual([
      [0, 'PCMU/8000'],
      [8, 'PCMA/8000'],
      [97, 'PCMA/8000'],
    ]);
  });

  it.each([
    ['PCMA/8000', 'pcma'],
    ['pcmu/8000/1', 'pcmu'],
    ['PCMA/16000', null],
    ['PCMA/8000/2', null],
    ['telephone-event/8000', null],
  ])('%s', (codec, law) => expect(g711Law(codec)).toBe(law));
});
