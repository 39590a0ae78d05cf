import { describe, expect, it } from 'vitest';
import { concat, fromHex, utf8 } from '../../../src/bytes/octets.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import type { HandoverRecord } from '../../../src/entities/df/records.ts';
import { recover } from './recovered.ts';
import type { Recovered } from './recovered.ts';
import { splitPsPdus } from '../../../src/wire/hi/deframer.ts';
import { LI_PS_DOMAIN } from '../../../src/wire/hi/header.ts';
import { decodePsPdu, encodePsPdu } from '../../../src/wire/hi/ps-pdu.ts';
import type { TriMessage } from '../../../src/wire/hi/tri.ts';
import { decodeG711 } from '../../../src/media/g711.ts';
import { encodeRtp } from '../../../src/media/rtp.ts';
import { SRTP_SUITE } from '../../../src/media/srtp/suites.ts';
import { decodeWav } from '../../../src/media/wav.ts';
import { audioName, delivered, InterceptedCall, exchanged, unreadableTarget } from './call.ts';

function files(...calls: readonly (readonly HandoverRecord[])[]): { hi2: Uint8Array; hi3: Uint8Array } {
  const records = calls.flat();
  const iri = records.filter(({ kind }) => kind !== 'cc');
  const cc = records.filter(({ kind }) => kind === 'cc');
  return { hi2: concat(...delivered(iri)), hi3: concat(...delivered(cc)) };
}

const whole = (call: InterceptedCall) => [...call.signalling, ...call.keys, ...call.content];

function run(records: readonly HandoverRecord[]): Recovered {
  const { hi2, hi3 } = files(records);
  return recover(hi2, hi3);
}

function samplesOf(recovery: Recovered, name: string): Int16Array | undefined {
  const file = recovery.audio.find((audio) => audio.name === name);
  return file === undefined ? undefined : decodeWav(file.octets);
}

function expectAll(recovery: Recovered, call: InterceptedCall): void {
  expect(recovery.report.calls.map(({ reason }) => reason)).toEqual([null]);
  for (const { speaker, spoken } of call.streams) {
    expect(samplesOf(recovery, audioName(speaker))).toEqual(spoken);
  }
  expect(recovery.audio).toHaveLength(call.streams.length);
}

describe('recovery from HI2 and HI3 alone (R-13, R-20)', () => {
  it.each([
    ['AES-CM-128, A-law', 'exchange-1.json', { law: 'pcma' as const }],
    ['AES-CM-128, µ-law', 'exchange-1.json', { law: 'pcmu' as const }],
    ['a forked call with GCM by policy', 'exchange-fork-gcm.json', { suite: SRTP_SUITE.aeadAes128Gcm }],
    ['sequence numbers that wrap', 'exchange-1.json', { firstSequenceNumber: 65520 }],
    ['timestamps that wrap', 'exchange-1.json', { firstTimestamp: 0xffffff00 }],
    ['a timestamp that jumps by half its range', 'exchange-1.json', { jump: { packet: 20, by: 2 ** 31 } }],
    ['a stream whose roll-over counter is far above the map', 'exchange-1.json', { roc: 66 }],
    ['GCM far above the map', 'exchange-fork-gcm.json', { suite: SRTP_SUITE.aeadAes128Gcm, roc: 12 }],
  ])('recovered = spoken, sample by sample, by the party that speaks: %s', (_, vector, options) => {
    const call = new InterceptedCall(vector, options);
    const recovery = run(whole(call));
    expectAll(recovery, call);
    const [report] = recovery.report.calls;
    expect(report).toMatchObject({ liid: call.liid, cin: call.cin, ended: true, recovered: true });
    expect(
      report?.streams.map(({ csId, packets, authenticated, missing, rejected }) => [
        csId,
        packets,
        authenticated,
        missing,
        rejected,
      ]),
    ).toEqual(call.streams.map(({ csId, records }) => [csId, records.length, records.length, 0, 0]));
    expect(report?.streams.map(({ keys }) => keys[0]?.mki)).toEqual(
      call.vector.keys.cryptoSessions.map(({ mki }) => mki),
    );
  });

  it('is the same whatever order the streams came in, with copies, and from concatenated files', () => {
    const call = new InterceptedCall();
    const iri = delivered([...call.signalling, ...call.keys]);
    const cc = delivered(call.content);
    const straight = recover(concat(...iri), concat(...cc));
    const crooked = recover(concat(...iri, ...iri), concat(...[...cc].reverse(), ...cc.slice(3, 9)));
    expectAll(straight, call);
    expect(crooked.audio).toEqual(straight.audio);
    expect(crooked.report.files).toMatchObject({
      hi2: { duplicates: iri.length },
      hi3: { duplicates: 6 },
    });
  });

  it('R-93: says from where on each key is heard: after the silence before its first packet', () => {
    const [packets, pause] = [12, 8_000];
    const updated = {
      after: 1,
      firstSequenceNumber: 7 + packets,
      firstTimestamp: 1000 + 160 * packets + pause,
    };
    const call = new InterceptedCall('exchange-update-1.json', { packets });
    const later = new InterceptedCall('exchange-update-1.json', { packets, ...updated });
    const keys = [...call.keys, ...later.keys];
    const { report } = run([...call.signalling, ...keys, ...call.content, ...later.content]);
    const streams = report.calls[0]?.streams.filter(({ csId }) => csId === 1 || csId === 2);
    const places = [
      { packets, at: 0 },
      { packets, at: 1.24 },
    ];
    expect(streams).toMatchObject([{ keys: places }, { keys: places }]);
  });

  it('keys that come after the content open it as well', () => {
    const call = new InterceptedCall();
    expectAll(run([...call.content, ...call.signalling, ...call.keys]), call);
  });

  it('R-64: a value of a record that cannot be read costs no audio, and is told', () => {
    const call = new InterceptedCall();
    const [first, ...iri] = delivered([...call.signalling, ...call.keys]);
    const cc = delivered(call.content);
    const whole = recover(concat(first!, ...iri), concat(...cc));
    const recovery = recover(concat(unreadableTarget(first!), ...iri), concat(...cc));
    const [report] = recovery.report.calls;
    expect(recovery.audio).toEqual(whole.audio);
    expect(report).toMatchObject({ recovered: true, records: whole.report.calls[0]!.records });
    expect(report?.unread).toEqual([expect.stringMatching(/^HI2 0: .*sip-uri: not UTF-8$/)]);
    expect(report?.explanation).toContain('1 value of PDUs could not be read.');
    expect(whole.report.calls[0]?.unread).toEqual([]);
  });

  it('R-64: content that cannot be read is not passed over: the call is not recovered', () => {
    const call = new InterceptedCall();
    const [first, ...cc] = delivered(call.content);
    // The object identifier of the content, ended in the middle of an arc.
    const broken = exchanged(first!, fromHex('800405051102'), fromHex('800405051182'));
    const iri = concat(...delivered([...call.signalling, ...call.keys]));
    const [report] = recover(iri, concat(broken, ...cc)).report.calls;
    expect(report).toMatchObject({ recovered: false, reason: 'unsupported-content', otherContent: 1 });
    expect(report?.unread).toEqual([expect.stringMatching(/^HI3 0: .*iPMMCCObjId/)]);
    expect(report?.streams[0]?.authenticated).toBe(call.streams[0]!.records.length - 1);
  });

  it('packets that were lost are silence of their length, and counted', () => {
    const call = new InterceptedCall();
    const [stream] = call.streams;
    const kept = stream!.records.filter((_, i) => i < 10 || i >= 13);
    const recovery = run([...call.signalling, ...call.keys, ...kept]);
    const [report] = recovery.report.calls;
    expect(report?.streams[0]).toMatchObject({ missing: 3, authenticated: kept.length });
    const samples = samplesOf(recovery, audioName(stream!.speaker))!;
    expect(samples.subarray(0, 1600)).toEqual(stream!.spoken.subarray(0, 1600));
    expect(samples.subarray(1600, 2080).every((sample) => sample === 0)).toBe(true);
    expect(samples.subarray(2080)).toEqual(stream!.spoken.subarray(2080));
  });

  it('PDUs that never came are named', () => {
    const call = new InterceptedCall();
    const hi2 = delivered([...call.signalling, ...call.keys]);
    const hi3 = delivered(call.content).filter((_, i) => i !== 5 && i !== 6);
    const { report } = recover(concat(...hi2), concat(...hi3));
    expect(report.calls[0]?.missing).toEqual({ hi2: [], hi3: [{ from: 5, to: 6 }] });
  });

  it('two calls and two warrants on one call: each its own files and report (R-52)', () => {
    const calls = [
      new InterceptedCall('exchange-1.json', { cin: 1 }),
      new InterceptedCall('exchange-1.json', { cin: 1, liid: 'LIID-2' }),
      new InterceptedCall('exchange-1.json', { cin: 2, packets: 20 }),
    ];
    const { hi2, hi3 } = files(...calls.map(whole));
    const { report, audio } = recover(hi2, hi3);
    expect(report.calls.map(({ liid, cin, recovered }) => [liid, cin, recovered])).toEqual([
      ['LIID-1', 1, true],
      ['LIID-2', 1, true],
      ['LIID-1', 2, true],
    ]);
    expect(audio).toHaveLength(6);
    expect(new Set(audio.map(({ name }) => name)).size).toBe(6);
    expect(decodeWav(audio.at(-1)!.octets)).toHaveLength(3200);
  });

  it('a change of keys within a stream is followed: both keys, one file (R-32)', () => {
    const before = new InterceptedCall('exchange-1.json', { packets: 30 });
    const keying = { tek: '11'.repeat(16), salt: '22'.repeat(14), mki: '33'.repeat(8) };
    const rekeyed = new InterceptedCall('exchange-1.json', {
      packets: 30,
      firstSequenceNumber: 37,
      firstTimestamp: 1000 + 160 * 30,
      keying,
    });
    const recovery = run([
      ...before.signalling,
      ...before.keys,
      ...before.streams[0]!.records,
      ...rekeyed.keys,
      ...rekeyed.streams[0]!.records,
    ]);
    const stream = recovery.report.calls[0]?.streams[0];
    expect(stream?.keys.map(({ mki, packets }) => [mki, packets])).toEqual([
      [before.vector.keys.cryptoSessions[0]!.mki, 30],
      [keying.mki, 30],
    ]);
    expect(samplesOf(recovery, audioName(before.streams[0]!.speaker))).toEqual(
      Int16Array.from([...before.streams[0]!.spoken, ...rekeyed.streams[0]!.spoken]),
    );
  });
});

describe('a call without encryption (R-20: as for unencrypted communications)', () => {
  it('is recovered too, named by target and direction', () => {
    const call = new InterceptedCall();
    const { i, r } = call.vector.uri;
    const sdp = call
      .sdp('none')
      .replace(/a=key-mgmt.*\r\n/, '')
      .replace('SAVP', 'AVP');
    const spoken = new Uint8Array(160).fill(0x2a);
    const packet = (ssrc: number, sequenceNumber: number) =>
      encodeRtp({
        marker: false,
        payloadType: 8,
        sequenceNumber,
        timestamp: 160 * sequenceNumber,
        ssrc,
        csrc: [],
        extension: null,
        payload: spoken,
      });
    const recovery = run([
      call.sip(`INVITE ${r} SIP/2.0`, 'INVITE', 'fromTarget', sdp),
      call.sip('SIP/2.0 200 OK', 'INVITE', 'toTarget', sdp),
      ...[0, 1, 2].map((n) => call.cc(packet(1, n), 'fromTarget')),
      ...[0, 2].map((n) => call.cc(packet(2, n), 'toTarget')),
    ]);
    expect(recovery.audio.map(({ name }) => name)).toEqual([audioName(i), audioName(r)]);
    const expected = decodeG711(spoken, 'pcma');
    const samples = samplesOf(recovery, audioName(r))!;
    expect(samples.subarray(0, 160)).toEqual(expected);
    expect(samples.subarray(320)).toEqual(expected);
    expect(recovery.report.calls[0]?.streams).toMatchObject([
      { encrypted: false, speaker: i, missing: 0 },
      { encrypted: false, speaker: r, missing: 1 },
    ]);
  });
});

describe('recovery says why not', () => {
  const call = new InterceptedCall();
  const reasons = (recovery: Recovered) => recovery.report.calls[0]?.streams.map(({ reason }) => reason);

  it('one bit of any key flipped, anywhere: nothing is recovered, and the report says why (R-13)', () => {
    for (const keyAt of [0, 1]) {
      for (const bit of [0, 7, 64, 127]) {
        const keys = call.keys.map((record, i) => {
          if (i !== keyAt || record.kind !== 'keys-available') return record;
          const key = record.keyInfo.key.expose().slice();
          key[bit >> 3] = (key[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          return { ...record, keyInfo: { ...record.keyInfo, key: Secret.of(key) } };
        });
        const recovery = run([...call.signalling, ...keys, ...call.content]);
        expect(recovery.audio).toEqual([]);
        expect(recovery.report.calls[0]).toMatchObject({ recovered: false, reason: 'key-does-not-verify' });
        expect(recovery.report.calls[0]?.explanation).toMatch(/authenticates/);
        expect(reasons(recovery)).toEqual(
          keyAt === 0 ? ['key-does-not-verify', 'withheld'] : ['withheld', 'key-does-not-verify'],
        );
      }
    }
  });

  it('with `partial`, the streams that verify are written all the same', () => {
    const [first, second] = call.keys;
    if (first?.kind !== 'keys-available') throw new Error('no key');
    const wrong = { ...first, keyInfo: { ...first.keyInfo, key: Secret.of(new Uint8Array(16)) } };
    const { hi2, hi3 } = files([...call.signalling, wrong, second!, ...call.content]);
    const recovery = recover(hi2, hi3, { partial: true });
    expect(recovery.audio.map(({ name }) => name)).toEqual([audioName(call.streams[1]!.speaker)]);
    expect(recovery.report.calls[0]?.reason).toBe('key-does-not-verify');
  });

  it('no key record: no-key; a failure record besides: key-retrieval-failed (R-30)', () => {
    const without = run([...call.signalling, ...call.content]);
    expect(without.audio).toEqual([]);
    expect(without.report.calls[0]).toMatchObject({ reason: 'no-key', recovered: false });
    const failed = run([...call.signalling, call.failure, ...call.content]);
    expect(failed.report.calls[0]).toMatchObject({ reason: 'key-retrieval-failed' });
    expect(failed.report.calls[0]?.records.keyFailures).toBe(1);
  });

  it('no signalling, or one of SRTP without MIKEY: what is encrypted is not taken for speech', () => {
    const content = run([...call.content]);
    expect(content.audio).toEqual([]);
    expect(content.report.calls[0]).toMatchObject({ reason: 'no-signalling', recovered: false });
    const sdp = call.sdp('none').replace(/a=key-mgmt.*\r\n/, '');
    const bare = run([call.sip('INVITE sip:x SIP/2.0', 'INVITE', 'fromTarget', sdp), ...call.content]);
    expect(bare.audio).toEqual([]);
    expect(bare.report.calls[0]).toMatchObject({ reason: 'no-key', recovered: false });
  });

  it('no content: no-content; nothing at all: no calls', () => {
    expect(run([...call.signalling, ...call.keys]).report.calls[0]).toMatchObject({ reason: 'no-content' });
    expect(recover(new Uint8Array(), new Uint8Array()).report.calls).toEqual([]);
  });

  it('the key of one stream only: that one is written, the other has no key', () => {
    const recovery = run([...call.signalling, call.keys[1]!, ...call.content]);
    expect(recovery.audio.map(({ name }) => name)).toEqual([audioName(call.streams[1]!.speaker)]);
    expect(reasons(recovery)).toEqual(['no-key', null]);
  });

  it('without signalling, key and codec are found by tag and static payload type; the speaker is not known', () => {
    const recovery = run([...call.keys, ...call.content]);
    expect(reasons(recovery)).toEqual([null, null]);
    expect(recovery.report.calls[0]?.streams.map(({ csId }) => csId)).toEqual([1, 2]);
    expect(samplesOf(recovery, 'recovered-LIID-1-cin1-unknown.wav')).toEqual(call.streams[0]?.spoken);
    expect(samplesOf(recovery, 'recovered-LIID-1-cin1-unknown-2.wav')).toEqual(call.streams[1]?.spoken);
  });

  it('packets that somebody throws at the gateway cost no audio: foreign SSRC, forged tags, garbage', () => {
    const junk = (ssrc: number, i: number) =>
      call.cc(
        encodeRtp({
          marker: false,
          payloadType: 8,
          sequenceNumber: i,
          timestamp: 0,
          ssrc,
          csrc: [],
          extension: null,
          payload: new Uint8Array(178).fill(i),
        }),
      );
    const own = call.vector.keys.cryptoSessions[0]!.ssrc;
    const recovery = run([
      ...call.signalling,
      ...call.keys,
      ...Array.from({ length: 50 }, (_, i) => junk(own, i)),
      call.cc(utf8('not RTP at all')),
      call.cc(fromHex('80c80006')),
      ...call.content,
      ...Array.from({ length: 50 }, (_, i) => junk((own ^ 1) >>> 0, i)),
    ]);
    for (const { speaker, spoken } of call.streams) {
      expect(samplesOf(recovery, audioName(speaker))).toEqual(spoken);
    }
    const [report] = recovery.report.calls;
    expect(report).toMatchObject({ recovered: true, otherContent: 2 });
    expect(report?.streams.map(({ reason, rejected }) => [reason, rejected])).toEqual([
      [null, 50],
      [null, 0],
      ['foreign-stream', 50],
    ]);
  });

  it('files that are cut anywhere, or damaged anywhere, never stop it', () => {
    const { hi2, hi3 } = files([...call.signalling, ...call.keys, ...call.content.slice(0, 4)]);
    for (let length = 0; length < hi2.length; length += 97) {
      const { report } = recover(hi2.subarray(0, length), hi3);
      const complete = report.files.hi2.truncatedOctets;
      expect(complete).toBeLessThan(3000);
    }
    for (let at = 0; at < hi2.length; at += 53) {
      const damaged = hi2.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x81;
      expect(() => recover(damaged, hi3)).not.toThrow();
    }
    const cut = recover(hi2.subarray(0, hi2.length - 1), hi3).report.files.hi2;
    expect(cut.truncatedOctets).toBeGreaterThan(0);
    const noise = recover(concat(hi2, utf8('noise')), hi3).report.files.hi2;
    expect(noise.damage).toMatch(/octet/);
    expect(noise.pdus).toBe(cut.pdus + 1);
  });

  it('PDUs of the transport are passed over, whatever LIID and CIN they bear', () => {
    const { hi2, hi3 } = files(whole(call));
    const plain = recover(hi2, hi3);
    const tri = (header: object, message: TriMessage): Uint8Array =>
      encodePsPdu({
        header: {
          domainId: LI_PS_DOMAIN,
          liid: 'transport',
          operatorIdentifier: 'home1',
          sequenceNumber: 0,
          ...header,
        },
        payload: { kind: 'tri', message },
      });
    const transport = [
      tri({}, { type: 'optionRequest', requested: [0] }),
      tri({ cin: 0 }, { type: 'keepAlive' }),
      tri({ liid: call.liid, cin: call.cin, sequenceNumber: 1 }, { type: 'pduAcknowledgementRequest' }),
      tri({ liid: 'LIID-9', cin: 9 }, { type: 'cinReset' }),
    ];
    const mixed = (pdus: Uint8Array): Uint8Array =>
      concat(...splitPsPdus(pdus).pdus.flatMap((pdu, at) => [transport[at % 4]!, pdu]), ...transport);
    const recovery = recover(mixed(hi2), mixed(hi3));
    expect(recovery.audio).toEqual(plain.audio);
    expect(recovery.report.calls).toEqual(plain.report.calls);
    const { hi2: summary } = recovery.report.files;
    const { pdus } = plain.report.files.hi2;
    expect(summary).toMatchObject({
      pdus: 2 * pdus + 4,
      transport: pdus + 4,
      duplicates: 0,
      undecodable: [],
    });
  });

  it('a message of media lines, as many as a message holds, stops nothing', () => {
    const lines = call.sip(
      'INVITE sip:bob@home2.example SIP/2.0',
      'INVITE',
      'fromTarget',
      'm=a 1 b\n'.repeat(130_000),
    );
    const { hi2, hi3 } = files([lines, ...whole(call)]);
    expect(recover(hi2, hi3).report.calls[0]).toMatchObject({ recovered: true, unreadable: 0 });
  });

  it('a time that no calendar has stops nothing', () => {
    const { hi2, hi3 } = files(whole(call));
    const [first = new Uint8Array(), ...rest] = splitPsPdus(hi2).pdus;
    const { header, payload } = decodePsPdu(first);
    const time = { seconds: Number.MAX_SAFE_INTEGER, microSeconds: 0 };
    const late = encodePsPdu({ header: { ...header, time }, payload });
    const [report] = recover(concat(late, ...rest), hi3).report.calls;
    expect(report).toMatchObject({ recovered: true, lastTime: null });
  });

  it('an LIID that is no text is told in hex', () => {
    const liid = '1b5b324a'.repeat(4);
    const { report } = run(whole(new InterceptedCall('exchange-1.json', { liid, packets: 3 })));
    expect(report.calls).toMatchObject([{ liid, recovered: true }]);
  });

  it('no key is in the report', () => {
    const text = JSON.stringify(run(whole(call)).report);
    for (const { tek, salt } of call.vector.keys.cryptoSessions) {
      expect(text).not.toContain(tek);
      expect(text).not.toContain(salt);
    }
  });
});
