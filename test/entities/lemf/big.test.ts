/** Much that is handed over, and much of one kind: what is in memory, and what is looked at, is bounded. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { concat } from '../../../src/bytes/octets.ts';
import { Numbering } from '../../../src/entities/lemf/numbering.ts';
import { SequenceMarks } from '../../../src/entities/lemf/marks.ts';
import { Sessions } from '../../../src/entities/lemf/sessions.ts';
import { openScratch, SqliteNumbers } from '../../../src/entities/lemf/store/numbers.ts';
import { recoverFolder } from '../../../src/entities/lemf/store/recovery.ts';
import { decodeWav, encodeWav, wavHeader, WAV_MOST_SAMPLES } from '../../../src/media/wav.ts';
import { decodePsPdu } from '../../../src/wire/hi/ps-pdu.ts';
import { delivered, InterceptedCall } from './call.ts';
import { bigCall } from './big-call.ts';
import { content, lengths, nth, only, plain, range, runAll, speech } from './others.ts';
import { recover } from './recovered.ts';

const root = mkdtempSync(path.join(tmpdir(), 'claviger-big-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('files of any size', () => {
  it('R-73: audio that is longer than a WAV file can hold goes on in further ones, and nothing is lost', () => {
    const call = new InterceptedCall('exchange-1.json', { packets: 60 });
    const hi2 = concat(...delivered([...call.signalling, ...call.keys]));
    const hi3 = concat(...delivered(call.content));
    const whole = recover(hi2, hi3);
    const parted = recover(hi2, hi3, { mostSamples: 4000 });
    for (const [at, stream] of (parted.report.calls[0]?.streams ?? []).entries()) {
      const names = [stream.file, ...stream.furtherFiles.map(({ file }) => file)];
      const pieces = names.map((name) => decodeWav(parted.audio.find((file) => file.name === name)!.octets));
      expect(pieces.map(({ length }) => length)).toEqual([4000, 4000, 1600]);
      expect(pieces.flatMap((piece) => [...piece])).toEqual([...decodeWav(whole.audio[at]!.octets)]);
    }
  });

  it('R-73: no header says more than its 32 bits can', () => {
    expect(Buffer.from(wavHeader(WAV_MOST_SAMPLES)).readUInt32LE(4)).toBeGreaterThan(0xffffffff - 3);
    expect(() => wavHeader(WAV_MOST_SAMPLES + 1)).toThrow(/too many/);
    expect(wavHeader(7)).toEqual(encodeWav(new Int16Array(7)).subarray(0, 44));
  });

  it('what a recovery left that was killed goes with the next; one that still runs keeps its own', () => {
    const { hi2, hi3 } = bigCall(path.join(root, 'call'), 0.1);
    const out = path.join(root, 'left');
    mkdirSync(path.join(out, '.recovering-4194305-abc123'), { recursive: true });
    mkdirSync(path.join(out, `.recovering-${process.pid}-abc123`));
    recoverFolder({ hi2, hi3 }, out);
    const folders = readdirSync(out).filter((name) => name.startsWith('.'));
    expect(folders).toEqual([`.recovering-${process.pid}-abc123`]);
  });
});

describe('much of one kind', () => {
  it('R-73: sources that are made up crowd out none that speaks, and it is said', () => {
    const decoys = range(0, 510).map((ssrc) => content('target', nth(0, { ssrc: 1000 + ssrc })));
    const recovery = runAll([...plain, ...decoys, ...speech(0, 50, 7)]);
    expect(lengths(recovery)).toContain(8000);
    const call = only(recovery);
    expect(call.streams.length).toBe(500);
    expect(call.passedOver).toMatchObject({ sources: 11, packets: 11 });
    expect(call).toMatchObject({ recovered: false, reason: 'too-much', packets: 560 });
    expect(call.explanation).toContain('Not looked at: 11 packets of 11 sources.');
  });

  it('R-73: communications that were put away are what they were', () => {
    const call = new InterceptedCall('exchange-1.json', { packets: 6 });
    const pdus = range(1, 6).flatMap((cin) =>
      delivered([...call.signalling, ...call.content].map((each) => ({ ...each, cin }))),
    );
    const crooked = [...pdus.filter((_, at) => at % 3 === 0), ...pdus, ...pdus.slice(5, 50)];
    const verdicts = (inMemory: number) => {
      const store = new SqliteNumbers(openScratch(':memory:'));
      const numbering = new Numbering(store, new Sessions(store, { inMemory }));
      return crooked.map((octets) => {
        const verdict = numbering.take('hi2', 'df', decodePsPdu(octets).header, octets);
        if (verdict.kind === 'copy') return 'copy';
        const { session, line, expected } = verdict;
        return [session.id, session.cin, line.id, line.count, expected];
      });
    };
    expect(verdicts(1)).toEqual(verdicts(1000));
    expect(new Set(verdicts(1).map((verdict) => verdict[0])).size).toBe(6);
  });

  it('R-73: numbers with a gap before each take no more memory than some', () => {
    const marks = new SequenceMarks();
    for (let number = 1; number < 20_000; number += 2) marks.mark(number);
    expect(marks.stretches.length).toBeLessThanOrEqual(1024);
    expect(marks.next).toBeGreaterThan(10_000);
  });
});
