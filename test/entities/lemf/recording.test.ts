import { describe, expect, it } from 'vitest';
import { Recording } from '../../../src/entities/lemf/recording.ts';

const second = (value: number): Int16Array => new Int16Array(8000).fill(value);

describe('the recording of a stream', () => {
  it('has no end: a call of hours is whole', () => {
    const seconds = 2 * 3600;
    const recording = new Recording();
    for (let n = 0; n < seconds; n++) recording.append((4_000_000_000 + 8000 * n) >>> 0, second(n));
    const samples = recording.samples();
    expect(samples).toHaveLength(seconds * 8000);
    expect(samples?.at(-1)).toBe(seconds - 1);
  });

  it('gaps are silence of their length, as long as silence is left; then what follows, follows', () => {
    const recording = new Recording(5 * 8000);
    recording.append(0, second(1));
    recording.append(4 * 8000, second(2));
    recording.append(40 * 8000, second(3));
    recording.append(42 * 8000, second(4));
    const heard = [...(recording.samples() ?? [])].filter((_, at) => at % 8000 === 0);
    expect(heard).toEqual([1, 0, 0, 0, 2, 3, 0, 4]);
  });

  it('whatever timestamps say, no sample is lost and silence is bounded', () => {
    const packets = 500;
    const recording = new Recording(1000);
    let timestamp = 7;
    for (let n = 0; n < packets; n++) {
      recording.append(timestamp, new Int16Array(80).fill(n + 1));
      timestamp = (Math.imul(timestamp, 1_664_525) + 1_013_904_223) >>> 0;
    }
    const samples = recording.samples() ?? new Int16Array();
    expect(new Set(samples).size).toBeGreaterThanOrEqual(packets);
    expect(samples.length).toBeLessThanOrEqual(packets * 80 + 1000);
  });

  it('of nothing is nothing', () => {
    expect(new Recording().samples()).toBeNull();
  });
});
