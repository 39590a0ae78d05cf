import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Companding } from '../../src/media/g711.ts';
import { decodeG711, encodeG711 } from '../../src/media/g711.ts';
import { SampleTimeline } from '../../src/media/timeline.ts';
import { decodeWav, encodeWav } from '../../src/media/wav.ts';
import { missingTool } from '../support/shared.ts';

const LAWS: readonly Companding[] = ['pcma', 'pcmu'];
const EVERY_SAMPLE = Int16Array.from({ length: 65536 }, (_, i) => i - 32768);
const EVERY_OCTET = Uint8Array.from({ length: 256 }, (_, i) => i);

describe.each(LAWS)('G.711 %s', (law) => {
  test('coding what was decoded is stable', () => {
    const heard = decodeG711(encodeG711(EVERY_SAMPLE, law), law);
    expect(decodeG711(encodeG711(heard, law), law)).toEqual(heard);
    const again = encodeG711(decodeG711(EVERY_OCTET, law), law);
    const expected =
      law === 'pcmu' ? EVERY_OCTET.map((octet) => (octet === 0x7f ? 0xff : octet)) : EVERY_OCTET;
    expect(again).toEqual(expected);
  });

  test('the error stays within half the interval', () => {
    const heard = decodeG711(encodeG711(EVERY_SAMPLE, law), law);
    const beyond = EVERY_SAMPLE.filter(
      (sample, at) => Math.abs(sample - heard[at]!) > Math.max(8, (Math.abs(sample) + 132) / 31),
    );
    expect([...beyond]).toEqual([]);
  });
});

describe.skipIf(missingTool('sox'))('G.711 against sox', () => {
  const sox = (input: Uint8Array, from: readonly string[], to: readonly string[]) =>
    new Uint8Array(execFileSync('sox', ['-D', '-r', '8000', '-c', '1', ...from, '-', ...to, '-'], { input }));
  const raw = ['-t', 'raw', '-e', 'signed', '-b', '16', '-L'];

  test.each([
    ['pcma', 'al'],
    ['pcmu', 'ul'],
  ] as const)('%s decodes every octet alike', (law, type) => {
    const theirs = sox(EVERY_OCTET, ['-t', type], raw);
    expect(new Int16Array(theirs.buffer.slice(0))).toEqual(decodeG711(EVERY_OCTET, law));
  });
});

describe('ITU-T G.711 tables: decoder outputs at the ends of the scale', () => {
  test('A-law', () => {
    expect([...decodeG711(Uint8Array.of(0xd5, 0x55, 0xaa, 0x2a), 'pcma')]).toEqual([8, -8, 32256, -32256]);
  });
  test('µ-law', () => {
    expect([...decodeG711(Uint8Array.of(0xff, 0x7e, 0x80, 0x00), 'pcmu')]).toEqual([0, -8, 32124, -32124]);
  });
});

describe('WAV', () => {
  const samples = Int16Array.of(0, 1, -1, 32767, -32768);
  const file = encodeWav(samples);

  test('decode(encode(x)) = x', () => {
    fc.assert(
      fc.property(fc.int16Array(), (any) => {
        expect(decodeWav(encodeWav(any))).toEqual(any);
      }),
    );
  });

  test('truncated anywhere it is refused', () => {
    for (let length = 0; length < file.length; length++) {
      expect(() => decodeWav(file.subarray(0, length))).toThrow(
        expect.objectContaining({ code: 'malformed' }),
      );
    }
  });

  test.each([
    [20, 3, 'format'],
    [22, 2, 'channels'],
    [24, 0, 'rate'],
    [34, 8, 'bits'],
  ])('octet %i = %i (%s) is refused as unsupported', (at, value) => {
    const other = file.slice();
    other[at] = value;
    expect(() => decodeWav(other)).toThrow(expect.objectContaining({ code: 'unsupported' }));
  });

  test('other chunks are passed over', () => {
    const list = Buffer.from('LIST\x03\0\0\0abc\0', 'latin1');
    const other = new Uint8Array(Buffer.concat([file.subarray(0, 36), list, file.subarray(36)]));
    new DataView(other.buffer).setUint32(4, other.length - 8, true);
    expect(decodeWav(other)).toEqual(samples);
  });

  test('the two recordings are speech of 8.2 to 10 s, and differ', () => {
    const read = (name: string) =>
      decodeWav(new Uint8Array(readFileSync(path.join(import.meta.dirname, '../../assets/speech', name))));
    const both = [read('alice.wav'), read('bob.wav')];
    for (const recording of both) {
      expect(recording.length).toBeGreaterThanOrEqual(65600);
      expect(recording.length).toBeLessThanOrEqual(80000);
      expect(recording.reduce((top, sample) => Math.max(top, Math.abs(sample)), 0)).toBeGreaterThan(10000);
    }
    expect(both[0]).not.toEqual(both[1]);
  });
});

describe('sample timeline', () => {
  const frame = (value: number) => new Int16Array(4).fill(value);

  test('any order of packets, with loss and duplicates, gives the samples in place', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffffffff }),
        fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 0, max: 39 }),
        (start, order, repeat) => {
          const timeline = new SampleTimeline();
          const sent = [...order, order[repeat % order.length]!];
          for (const n of sent) timeline.place((start + 4 * n) % 2 ** 32, frame(n + 1));
          const first = Math.min(...order);
          const last = Math.max(...order);
          const expected = Array.from({ length: last - first + 1 }, (_, i) =>
            Array<number>(4).fill(order.includes(first + i) ? first + i + 1 : 0),
          ).flat();
          expect([...timeline.samples()]).toEqual(expected);
        },
      ),
    );
  });

  test('a timestamp that jumps makes no room for itself', () => {
    const timeline = new SampleTimeline(1000);
    timeline.place(0, frame(1));
    expect(() => timeline.place(100_000, frame(2))).toThrow(expect.objectContaining({ code: 'too-large' }));
    expect(() => timeline.place(2 ** 32 - 100_000, frame(2))).toThrow(
      expect.objectContaining({ code: 'too-large' }),
    );
    timeline.place(4, frame(3));
    expect([...timeline.samples()]).toEqual([1, 1, 1, 1, 3, 3, 3, 3]);
  });
});
