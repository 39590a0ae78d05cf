/** Pauses between attempts. */
import { describe, expect, it } from 'vitest';
import { AttemptPauses, BackOff } from '../../src/bytes/back-off.ts';
import { ManualClock } from '../support/manual-clock.ts';

describe('Pauses between attempts', () => {
  it('double up to a bound, and begin anew after a success', () => {
    const pauses = new BackOff(100, 350);
    expect([1, 2, 3, 4].map(() => pauses.next())).toEqual([100, 200, 350, 350]);
    pauses.reset();
    expect(pauses.next()).toBe(100);
  });

  it('are waited for until they are to end, and then not at all', async () => {
    const clock = new ManualClock(0);
    const pauses = new AttemptPauses(clock, 100, 1_000);
    let waited = 0;
    const wait = () => pauses.wait().then(() => (waited += 1));
    const first = wait();
    clock.advance(99);
    await Promise.resolve();
    expect(waited).toBe(0);
    clock.advance(1);
    await first;
    const second = wait();
    pauses.end();
    await second;
    await wait();
    expect(waited).toBe(3);
  });
});
