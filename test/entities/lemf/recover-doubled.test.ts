/** Records that are more than a call has: junk that somebody throws in, and numbers that are used again. */
import { describe, expect, it } from 'vitest';
import { concat } from '../../../src/bytes/octets.ts';
import { recover } from './recovered.ts';
import { decodeWav } from '../../../src/media/wav.ts';
import { audioName, delivered, InterceptedCall } from './call.ts';
import { lengths, only, rtp, runAll } from './others.ts';
import { encodeRtp } from '../../../src/media/rtp.ts';

describe('what somebody throws at the gateway', () => {
  it('R-77: one junk packet under a known SSRC, from whichever side, is counted and told; the rest is recovered', () => {
    const call = new InterceptedCall();
    const [own] = call.vector.keys.cryptoSessions;
    for (const way of ['fromTarget', 'toTarget'] as const) {
      const junk = call.cc(encodeRtp(rtp({ ssrc: own!.ssrc, sequenceNumber: 500 })), way);
      const recovery = runAll([...call.signalling, ...call.keys, junk, ...call.content]);
      expect(only(recovery)).toMatchObject({ recovered: true });
      expect(only(recovery).streams.reduce((sum, { rejected }) => sum + rejected, 0)).toBe(1);
      expect(only(recovery).explanation).toMatch(/1 packet refused/);
      for (const { speaker, spoken } of call.streams) {
        const file = recovery.audio.find(({ name }) => name === audioName(speaker));
        expect(decodeWav(file!.octets)).toEqual(spoken);
      }
    }
  });

  it('R-77: a party that sent nothing but junk withholds nothing of the other', () => {
    const call = new InterceptedCall();
    const [a, b] = call.vector.keys.cryptoSessions;
    const junk = call.cc(encodeRtp(rtp({ ssrc: b!.ssrc })), 'toTarget');
    const recovery = runAll([...call.signalling, ...call.keys, junk, ...call.streams[0]!.records]);
    expect(recovery.audio).toHaveLength(1);
    expect(only(recovery).streams).toMatchObject([{ ssrc: a!.ssrc, reason: null }, { ssrc: b!.ssrc }]);
  });
});

describe('numbers that are used again', () => {
  const first = new InterceptedCall('exchange-1.json', { packets: 30 });
  const keying = { tek: '11'.repeat(16), salt: '22'.repeat(14), mki: '33'.repeat(8) };
  const second = new InterceptedCall('exchange-1.json', { packets: 30, law: 'pcmu', keying });
  const files = (call: InterceptedCall) => ({
    hi2: concat(...delivered([...call.signalling, ...call.keys])),
    hi3: concat(...delivered(call.content)),
  });
  const [a, b] = [files(first), files(second)];

  it('R-77: the records of two calls under one LIID and CIN are all there, and it is said', () => {
    // Two messages without a body are the same in both, and so copies.
    const recovery = recover(concat(a.hi2, b.hi2), concat(a.hi3, b.hi3));
    const { report } = recovery;
    expect(report.files).toMatchObject({ hi2: { duplicates: 2, conflicts: 6 }, hi3: { duplicates: 0 } });
    expect(report.calls).toMatchObject([{ recovered: true, source: null }]);
    expect(report.calls[0]?.sources.map(({ kind, count }) => [kind, count])).toEqual([
      ['hi2', 0],
      ['hi2', 1],
      ['hi3', 0],
      ['hi3', 1],
    ]);
    expect(report.calls[0]?.explanation).toMatch(/equal numbers differ/);
    expect(lengths(recovery).reduce((sum, length) => sum + length, 0)).toBe(4 * 30 * 160);
  });

  it('R-77: where numbers are used again, a packet that was refused is not excused by its number', () => {
    const keyless = delivered(second.signalling);
    const { report } = recover(concat(a.hi2, ...keyless), concat(a.hi3, b.hi3));
    expect(report.calls).toMatchObject([{ recovered: false, reason: 'packets-refused' }]);
  });

  it('R-77: two delivery functions under one LIID and CIN: each its own call and files', () => {
    const sources = {
      hi2: [
        { at: 0, source: 'df.home1.example' },
        { at: a.hi2.length, source: 'df.home2.example' },
      ],
      hi3: [
        { at: 0, source: 'df.home1.example' },
        { at: a.hi3.length, source: 'df.home2.example' },
      ],
    };
    const { report, audio } = recover(concat(a.hi2, b.hi2), concat(a.hi3, b.hi3), { sources });
    expect(report.calls.map(({ source, recovered }) => [source, recovered])).toEqual([
      ['df.home1.example', true],
      ['df.home2.example', true],
    ]);
    expect(new Set(audio.map(({ name }) => name)).size).toBe(4);
    expect(audio[2]?.name).toContain('df_home2_example');
  });

  it('R-77: audio names tell LIIDs and CINs apart, also those that are not text', () => {
    const calls = [
      new InterceptedCall('exchange-1.json', { packets: 3, liid: 'A-1', cin: 1 }),
      new InterceptedCall('exchange-1.json', { packets: 3, liid: 'A', cin: 11 }),
      new InterceptedCall('exchange-1.json', { packets: 3, liid: 'A/1', cin: 1 }),
    ];
    const { audio } = runAll(calls.flatMap((call) => [...call.signalling, ...call.keys, ...call.content]));
    expect(audio.map(({ name }) => name)).toEqual(
      ['A-1-cin1', 'A-cin11', '_412f31-cin1'].flatMap((owner) =>
        ['alice', 'bob'].map((speaker) => `recovered-${owner}-${speaker}.wav`),
      ),
    );
  });
});
