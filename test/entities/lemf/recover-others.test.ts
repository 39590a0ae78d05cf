import { describe, expect, it } from 'vitest';
import { concat, toHex } from '../../../src/bytes/octets.ts';
import type { HandoverRecord } from '../../../src/entities/df/records.ts';
import { recover } from './recovered.ts';
import { decodeG711 } from '../../../src/media/g711.ts';
import { readRtpDump } from '../../../src/media/rtpdump.ts';
import { decodeWav } from '../../../src/media/wav.ts';
import { IPMM_IRI_OBJECT } from '../../../src/wire/hi/ipmm-iri.ts';
import { encodePsPdu } from '../../../src/wire/hi/ps-pdu.ts';
import { header } from '../../wire/hi/samples.ts';
import { InterceptedCall } from './call.ts';
import {
  AUDIO,
  content,
  crypto,
  invite,
  lengths,
  message,
  nth,
  only,
  plain,
  range,
  rtp,
  runAll,
  sdp,
  sealed,
  speech,
} from './others.ts';
import { encodeRtp } from '../../../src/media/rtp.ts';

describe('streams are told apart by direction, source and key, never by SSRC alone', () => {
  it('R-79: both ends chose one SSRC, in the clear: two streams', () => {
    const both = range(0, 50).flatMap((n) => [content('target', nth(n)), content('other', nth(n + 7))]);
    const recovery = runAll([...plain, ...both]);
    expect(only(recovery)).toMatchObject({ recovered: true });
    expect(lengths(recovery)).toEqual([8000, 8000]);
  });

  it('R-79: both ends chose one SSRC, encrypted: each is opened by its own key', () => {
    const offers = invite(sdp(...AUDIO, crypto(1)), sdp(...AUDIO, crypto(2)));
    const [a, b] = [sealed(1, 9, 0, 50), sealed(2, 9, 0, 50)];
    const both = range(0, 50).flatMap((n) => [content('target', a[n]!), content('other', b[n]!)]);
    const recovery = runAll([...offers, ...both]);
    expect(only(recovery)).toMatchObject({ recovered: true });
    expect(lengths(recovery)).toEqual([8000, 8000]);
  });

  it('R-79: both ends chose one SSRC, and the key of one never came: that is not recovered', () => {
    const offers = invite(sdp(...AUDIO, crypto(1)), sdp(...AUDIO, crypto(2)));
    const both = [
      ...sealed(1, 9, 0, 50).map((o) => content('target', o)),
      ...sealed(3, 9, 0, 50).map((o) => content('other', o)),
    ];
    const recovery = runAll([...offers, ...both]);
    expect(only(recovery)).toMatchObject({ recovered: false, reason: 'key-does-not-verify' });
    expect(lengths(recovery)).toEqual([8000]);
  });

  it('R-79: one SSRC from two sources, one direction: two streams', () => {
    const both = range(0, 50).flatMap((n) => [
      content('target', nth(n), '10.0.0.1:4000>10.0.0.9:5000'),
      content('target', nth(n + 3), '10.0.0.66:4000>10.0.0.9:5000'),
    ]);
    expect(lengths(runAll([...plain, ...both]))).toEqual([8000, 8000]);
  });

  it('R-79: two streams that nothing but their numbers tells apart lose nothing', () => {
    const both = range(0, 50).flatMap((n) => [content('target', nth(n)), content('target', nth(30_000 + n))]);
    expect(lengths(runAll([...plain, ...both]))).toEqual([8000, 8000]);
  });
});

describe('payload types are those of the receiving end, at their time', () => {
  it('R-79: each end numbers for itself', () => {
    const mapped = (a: string, b: string) =>
      sdp('m=audio 40000 RTP/AVP 96 97', `a=rtpmap:96 ${a}/8000`, `a=rtpmap:97 ${b}/8000`);
    const signalling = invite(mapped('PCMA', 'PCMU'), mapped('PCMU', 'PCMA'));
    const packet = nth(0, { payloadType: 96 });
    const recovery = runAll([...signalling, content('target', packet), content('other', packet)]);
    const payload = packet.subarray(12);
    expect(recovery.audio.map(({ octets }) => decodeWav(octets))).toEqual([
      decodeG711(payload, 'pcmu'),
      decodeG711(payload, 'pcma'),
    ]);
  });

  it('R-79: a re-INVITE that gives a number another meaning changes nothing of what came before, and a refused one nothing at all', () => {
    const as = (codec: string) => sdp('m=audio 40000 RTP/AVP 96', `a=rtpmap:96 ${codec}/8000`);
    const signalling = [
      ...invite(as('PCMA'), as('PCMA')),
      message('target', 'INVITE sip:bob@home2.example SIP/2.0', '2 INVITE', as('PCMU'), 5000),
      message('other', 'SIP/2.0 200 OK', '2 INVITE', as('PCMU'), 5100),
      message('target', 'INVITE sip:bob@home2.example SIP/2.0', '3 INVITE', as('L16'), 9000),
      message('other', 'SIP/2.0 488 Not Acceptable Here', '3 INVITE', '', 9100),
    ];
    const packets = [1000, 6000, 20_000].map((at, n) =>
      content('target', nth(n, { payloadType: 96 }), undefined, at),
    );
    const recovery = runAll([...signalling, ...packets]);
    expect(only(recovery)).toMatchObject({ recovered: true });
    const laws = ['pcma', 'pcmu', 'pcmu'] as const;
    expect([...decodeWav(recovery.audio[0]!.octets)]).toEqual(
      laws.flatMap((law, n) => [...decodeG711(nth(n).subarray(12), law)]),
    );
  });
});

describe('nothing that was delivered is written over', () => {
  it('R-79: timestamps that fall, or stand still: every packet is there', () => {
    const falling = range(0, 60).map((n) => content('target', nth(n, { timestamp: 160 * (n % 20) })));
    const still = range(60, 80).map((n) => content('target', nth(n, { timestamp: 0 })));
    const recovery = runAll([...plain, ...falling, ...still]);
    expect(lengths(recovery)).toEqual([80 * 160]);
    expect(only(recovery)).toMatchObject({ recovered: true });
  });

  it('R-73: far timestamps, from however many sources, make no hours of audio, and the report says where', () => {
    const far = range(0, 40).flatMap((ssrc) =>
      [0, 1].map((n) => content('target', nth(n, { ssrc, timestamp: 3599 * 8000 * n }))),
    );
    const recovery = runAll([...plain, ...far]);
    expect(lengths(recovery).reduce((sum, length) => sum + length, 0)).toBe(80 * 160);
    const call = only(recovery);
    expect(call).toMatchObject({ recovered: true });
    for (const { shortened, shortenings } of call.streams) {
      expect(shortened).toEqual([{ at: 0.02, asked: 3598.98, written: 0 }]);
      expect(shortenings).toBe(1);
    }
    expect(call.explanation).toContain(
      'silence shortened at 1 place, first at 0.02 s (3599 s by its timestamps, 0 s written)',
    );
  });

  it('R-79: sequence numbers that begin anew: both parts, one after the other', () => {
    const recovery = runAll([...plain, ...speech(20_000, 20_050), ...speech(5, 55)]);
    expect(lengths(recovery)).toEqual([16_000]);
    expect(only(recovery).streams).toMatchObject([{ missing: 0, packets: 100 }]);
  });

  it('R-79: two packets of one number and other content are both there; the same twice is a copy', () => {
    const twice = [
      content('target', nth(1)),
      content('target', nth(1, { payload: new Uint8Array(160).fill(9) })),
    ];
    const recovery = runAll([...plain, ...speech(0, 10), ...twice, ...speech(10, 20)]);
    expect(lengths(recovery).reduce((sum, length) => sum + length, 0)).toBe(21 * 160);
    expect(only(recovery).streams[0]).toMatchObject({ duplicates: 1 });
  });

  it.each([
    ['once', range(65_530, 65_590)],
    ['several times', range(0, 140).map((n) => 65_000 + 1000 * n)],
    ['over a gap of minutes', [...range(60_000, 60_050), ...range(70_000, 70_050)]],
  ])('R-79: numbers that wrap count right: %s', (_, all) => {
    const every = all.filter((_n, at) => at !== 20 && at !== 21);
    const span = (every.at(-1) ?? 0) - (every[0] ?? 0) + 1;
    const { streams } = only(runAll([...plain, ...every.map((n) => content('target', nth(n)))]));
    expect(streams).toMatchObject([{ missing: span - every.length, packets: every.length }]);
  });
});

describe('recovered means every packet', () => {
  it('R-79: 99 of 100 packets in another codec: not recovered, and the text says so', () => {
    const other = range(1, 100).map((n) => content('target', nth(n, { payloadType: 18 })));
    const recovery = runAll([...plain, ...speech(0, 1), ...other]);
    expect(only(recovery)).toMatchObject({ recovered: false, reason: 'partly-undecoded' });
    expect(only(recovery).explanation).toMatch(/99 of 100 packets not decoded: payload type 18, G729\/8000/);
    expect(only(recovery).explanation).not.toMatch(/every stream/i);
  });

  it('R-45: packets that are not decoded are kept as they are, in the order of their numbers, in a file for each stream', () => {
    const packets = range(1, 60).map((n) => nth(n, { payloadType: 18, marker: n % 9 === 0 }));
    const [first, second, ...rest] = packets.map((octets) =>
      content('target', octets, '10.0.0.1:4000>10.0.0.9:5000'),
    );
    const recovery = runAll([
      ...plain,
      second!,
      first!,
      ...rest,
      content('other', nth(7, { payloadType: 18 })),
    ]);
    expect(only(recovery).streams.map(({ file, rtp: kept }) => [file, kept?.packets])).toEqual([
      [null, 59],
      [null, 1],
    ]);
    const [kept, other] = recovery.audio.map(({ octets }) => readRtpDump(octets));
    expect(kept?.packets.map(({ octets }) => toHex(octets))).toEqual(packets.map(toHex));
    expect([kept?.source, other?.packets.length]).toEqual([{ address: '10.0.0.1', port: 4000 }, 1]);
    expect(recovery.audio.map(({ name }) => name)).toEqual([
      expect.stringMatching(/\.rtpdump$/),
      expect.stringMatching(/\.rtpdump$/),
    ]);
    expect(only(recovery).explanation).toContain(
      `these are in ${recovery.audio[0]?.name ?? '?'} as they are`,
    );
  });

  const call = new InterceptedCall();
  const whole = (records: readonly HandoverRecord[]) =>
    runAll([...call.signalling, ...call.keys, ...records]);
  const forged = (n: number) => {
    const octets = call.streams[0]!.records[n]!.content.slice();
    octets[20] = (octets[20] ?? 0) ^ 1;
    return { ...call.streams[0]!.records[n]!, content: octets };
  };

  it('R-79: a packet that was refused in the place of one that is missing may be that one', () => {
    const [a, b] = call.streams;
    const records = [...a!.records.filter((_, n) => n !== 30), ...b!.records, forged(30)];
    expect(only(whole(records))).toMatchObject({ recovered: false, reason: 'packets-refused' });
    expect(only(whole(records)).streams[0]?.refused).toMatchObject([{ standing: 'unaccounted' }]);
  });

  it('R-79: one beside the packet of its number is counted and listed, and takes nothing', () => {
    const { recovered, streams, explanation } = only(whole([...call.content, forged(30)]));
    expect({ recovered, rejected: streams[0]?.rejected }).toEqual({ recovered: true, rejected: 1 });
    expect(streams[0]?.refused).toMatchObject([{ sequenceNumber: 37, standing: 'doubled' }]);
    expect(explanation).toMatch(/1 packet refused/);
  });

  it('R-79: a stream whose next key never came is not whole, though its packets lie behind all that opened', () => {
    const keying = { tek: '11'.repeat(16), salt: '22'.repeat(14), mki: '33'.repeat(8) };
    const later = new InterceptedCall('exchange-1.json', {
      packets: 30,
      firstSequenceNumber: 67,
      firstTimestamp: 1000 + 160 * 60,
      keying,
    });
    const { recovered, reason } = only(whole([...call.content, ...later.streams[0]!.records]));
    expect({ recovered, reason }).toEqual({ recovered: false, reason: 'packets-refused' });
  });

  it('R-79: a stream of an SSRC that no map has, without a key, is not taken for junk', () => {
    const [a, b] = call.streams;
    const unknown = sealed(5, 0x77, 0, 60).map((octets) => ({ ...b!.records[0]!, content: octets }));
    expect(only(whole([...a!.records, ...unknown]))).toMatchObject({
      recovered: false,
      reason: 'foreign-stream',
    });
  });

  it('R-79: content in a form that is not read here is said', () => {
    const fragment = { ...content('target', nth(1)), format: 'ipv4' as const };
    expect(only(runAll([...plain, ...speech(0, 10), fragment]))).toMatchObject({
      recovered: false,
      reason: 'unsupported-content',
    });
  });

  it('R-79: a malformed packet in the clear takes nothing if its number is another’s', () => {
    const bad = nth(5);
    bad[0] = 0xa0;
    bad[bad.length - 1] = 0xff;
    expect(only(runAll([...plain, ...speech(0, 10), content('target', bad)]))).toMatchObject({
      recovered: true,
    });
    const without = speech(0, 10).filter((_, n) => n !== 5);
    expect(only(runAll([...plain, ...without, content('target', bad)]))).toMatchObject({
      recovered: false,
      reason: 'packets-refused',
    });
  });
});

describe('what is in the signalling and is not speech', () => {
  const lines = ['m=audio 40000 RTP/AVP 8 101', 'a=rtpmap:101 telephone-event/8000'];
  const event = (n: number, timestamp: number, payload: number[]) =>
    content(
      'target',
      encodeRtp(rtp({ sequenceNumber: n, timestamp, payloadType: 101, payload: Uint8Array.from(payload) })),
    );

  it('R-79: keys pressed are listed, each once', () => {
    const press = (at: number, n: number, key: number) => [
      event(n, at, [key, 10, 0, 160]),
      event(n + 1, at, [key, 10, 1, 64]),
      ...[2, 3, 4].map((more) => event(n + more, at, [key, 138, 1, 224])),
    ];
    const { streams, recovered } = only(
      runAll([
        ...invite(sdp(...lines), sdp(...lines)),
        ...speech(0, 10),
        ...press(1600, 10, 5),
        ...press(3200, 15, 5),
        ...press(4800, 20, 11),
      ]),
    );
    expect(streams).toMatchObject([{ digits: '55#', undecoded: 0 }]);
    expect(recovered).toBe(true);
  });

  it('R-79: an event that is cut short is not taken for a key', () => {
    const { streams } = only(
      runAll([...invite(sdp(...lines), sdp(...lines)), ...speech(0, 1), event(1, 160, [5, 10, 1])]),
    );
    expect(streams).toMatchObject([{ digits: '', undecoded: 1 }]);
  });

  it('R-79: signalling of a call without content is one, which was not recovered', () => {
    expect(only(runAll(plain))).toMatchObject({ recovered: false, reason: 'no-content' });
  });

  it('R-79: a registration is not a call', () => {
    const register = message('target', 'REGISTER sip:home1.example SIP/2.0', '1 REGISTER', '');
    const { report } = runAll([register, message('other', 'SIP/2.0 200 OK', '1 REGISTER', '')]);
    expect(report.calls).toEqual([]);
    expect(report.otherSessions).toMatchObject([{ methods: ['REGISTER'], records: 2 }]);
  });

  it('R-79: signalling by TS 102 232-5 is read, and names the parties', () => {
    const sip = (start: string, body: string) =>
      message('target', start, '1 INVITE', body) as { readonly sip: Uint8Array };
    const iri = (content: Uint8Array, sequenceNumber: number, direction: number) =>
      encodePsPdu({
        header: { ...header, cin: 1, liid: 'LIID-1', sequenceNumber },
        payload: {
          kind: 'iri',
          records: [
            {
              direction,
              contents: {
                kind: 'ipmm',
                iri: {
                  objectId: IPMM_IRI_OBJECT,
                  message: {
                    kind: 'sip',
                    iriOnly: false,
                    source: { text: '127.0.0.1' },
                    destination: { text: '127.0.0.1' },
                    content,
                  },
                },
              },
            },
          ],
        },
      });
    const hi2 = concat(
      iri(sip('INVITE sip:bob@home2.example SIP/2.0', sdp(...AUDIO)).sip, 0, 0),
      iri(sip('SIP/2.0 200 OK', sdp(...AUDIO)).sip, 1, 1),
    );
    const cc = encodePsPdu({
      header: { ...header, cin: 1, liid: 'LIID-1', sequenceNumber: 0 },
      payload: {
        kind: 'cc',
        packets: [
          {
            direction: 0,
            contents: { kind: 'ipmm', cc: { objectId: '5.5.17.2', packet: nth(0), frameType: 2 } },
          },
        ],
      },
    });
    const recovery = recover(hi2, cc);
    expect(only(recovery)).toMatchObject({ recovered: true, from: 'sip:alice@home1.example' });
    expect(lengths(recovery)).toEqual([160]);
  });
});
