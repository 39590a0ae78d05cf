/** What the ADMF is told of threads that end. */
import { expect, test } from 'vitest';
import { ThreadAlarm, THREADS_WELL_MS } from '../../../../src/entities/gateway/workers/thread-alarm.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

test('R-72: an alarm for threads that end is raised at once, counts, and ends a minute after the last', () => {
  const clock = new ManualClock();
  const told: string[] = [];
  const alarm = new ThreadAlarm(clock, {
    elementIssue: (text) => void told.push(text),
    elementCleared: () => void told.push('over'),
  });
  const text = (ports: string, counts: string): string =>
    `the thread that relays media on ports ${ports} has ended, and its streams with it (${counts} in this alarm)`;
  alarm.lost({ from: 20_000, to: 20_099, streams: 7 });
  clock.advance(THREADS_WELL_MS - 1);
  alarm.lost({ from: 20_100, to: 20_199, streams: 2 });
  clock.advance(THREADS_WELL_MS - 1);
  const [first, second] = [
    text('20000 to 20099', '7 streams of 1 threads'),
    text('20100 to 20199', '9 streams of 2 threads'),
  ];
  expect(told).toEqual([first, second]);
  clock.advance(1);
  expect(told).toEqual([first, second, 'over']);
  alarm.lost({ from: 20_000, to: 20_099, streams: 0 });
  expect(told.at(-1)).toBe(text('20000 to 20099', '0 streams of 1 threads'));
  alarm.close();
  clock.advance(THREADS_WELL_MS);
  expect(told).toHaveLength(4);
});
