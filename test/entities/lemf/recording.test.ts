import { describe, expect, it } from 'vitest';
import { Recording } from '../../../src/entities/lemf/recording.ts';
import type { SampleSink } from '../../../src/entities/lemf/recording.ts';

const second = (value: number): Int16Array => new Int16Array(8000).fill(value);

/** One number for each second, or part of one, that was heard. */
class Heard implements SampleSink {
  readonly values: number[] = [];
  samples = 0;

  write(samples: Int16Array): void {
    this.samples += samples.length;
    this.values.push(samples[0] ?? 0);
  }

  silence(samples: number): void {
    this.samples += samples;
    this.values.push(...Array.from({ length: Math.ceil(samples / 8000) }, () => 0));
  }
}

function recorded(packets: readonly (readonly [timestamp: number, seconds: number | null])[]) {
  const heard = new Heard();
  const recording = new Recording(heard, packets.length);
  for (const [at, [timestamp, seconds]] of packets.entries()) {
    recording.append(timestamp >>> 0, seconds === null ? null : 1000 * seconds, second(at + 1));
  }
  return { heard, recording };
}

describe('the recording of a stream', () => {
  it('has no end: a call of hours is whole', () => {
    const seconds = 2 * 3600;
    const packets = Array.from({ length: seconds }, (_, n) => [4_000_000_000 + 8000 * n, n] as const);
    const { heard, recording } = recorded(packets);
    expect(heard.samples).toBe(seconds * 8000);
    expect(heard.values.at(-1)).toBe(seconds);
    expect(recording.shortened).toEqual([]);
  });

  it('gaps are silence of their length', () => {
    const { heard, recording } = recorded([
      [0, 0],
      [3 * 8000, 3],
      [5 * 8000, 5],
    ]);
    expect(heard.values).toEqual([1, 0, 0, 2, 0, 3]);
    expect(recording.shortenings).toBe(0);
  });

  it('R-73: time that has not passed is not silence: what follows, follows, and its place is told', () => {
    const { heard, recording } = recorded([
      [0, 0],
      [3600 * 8000, 2],
      [3601 * 8000, 3],
      [3603 * 8000, 5],
    ]);
    expect(heard.values).toEqual([1, 2, 3, 0, 4]);
    expect(recording.shortened).toEqual([{ at: 1, asked: 3599, written: 0 }]);
  });

  it('R-73: of hours that have passed ten minutes are written, as far as the stream has packets for them', () => {
    const talk = Array.from({ length: 700 }, (_, n) => [8000 * n, n] as const);
    const late = [
      [8000 * (700 + 3600), 4300],
      [8000 * (701 + 7200), 7901],
    ] as const;
    const { recording } = recorded([...talk, ...late]);
    expect(recording.shortened).toEqual([
      { at: 700, asked: 3600, written: 600 },
      { at: 1301, asked: 3600, written: 102 },
    ]);
    expect(recording.length).toBe(8000 * (702 + 702));
  });

  it.each([
    ['at one time', (n: number) => ({ timestamp: 3_000_000 * n, seconds: 0 })],
    ['at times that are not known', (n: number) => ({ timestamp: 400_000 * n, seconds: null })],
    ['one an hour', (n: number) => ({ timestamp: 28_800_000 * n, seconds: 3600 * n })],
    [
      'a year apart, by timestamps of whatever value',
      (n: number) => ({ timestamp: n * 1e9, seconds: n * 3e7 }),
    ],
    ['at times that fall', (n: number) => ({ timestamp: 400_000 * n, seconds: -n })],
  ])('R-73: 80 packets make no hours of silence: %s', (_, nth) => {
    const heard = new Heard();
    const recording = new Recording(heard, 80);
    for (let n = 0; n < 80; n++) {
      const { timestamp, seconds } = nth(n);
      recording.append(timestamp % 2 ** 32, seconds === null ? null : 1000 * seconds, new Int16Array(160));
    }
    expect(heard.samples).toBe(recording.length);
    expect(heard.samples).toBeLessThanOrEqual(80 * (8000 + 160));
    expect(recording.shortenings).toBeGreaterThan(0);
  });

  it('whatever timestamps say, no sample is lost, and not every place is listed', () => {
    const packets = 500;
    const heard = new Heard();
    const recording = new Recording(heard, packets);
    let timestamp = 7;
    for (let n = 0; n < packets; n++) {
      recording.append(timestamp, 0, new Int16Array(80).fill(n + 1));
      timestamp = (Math.imul(timestamp, 1_664_525) + 1_013_904_223) >>> 0;
    }
    expect(new Set(heard.values).size).toBeGreaterThanOrEqual(packets);
    expect(recording.shortened).toHaveLength(100);
    expect(recording.shortenings).toBeGreaterThan(200);
  });
});
