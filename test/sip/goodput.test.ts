/** a node that more comes to over UDP than it serves goes on serving as much as it can, in a time of its own. */
import { describe, expect, it } from 'vitest';
import { CAPACITY, offered } from './overloaded-node.ts';

const SECONDS = 4;

describe('R-70: of calls over UDP', () => {
  it('below what is served all come about, and none is put off', () => {
    const outcome = offered(0.6 * CAPACITY, SECONDS);
    expect(outcome).toMatchObject({ putOff: 0, gaveUp: 0, lost: 0, dropped: 0 });
    expect(outcome.cameAbout).toBe(Math.round(0.6 * CAPACITY * SECONDS));
  });

  it.each([
    [2, 0.9],
    [4, 0.8],
  ])('%s times as many leave %s of what is served, and the others are told', (times, share) => {
    const outcome = offered(times * CAPACITY, SECONDS);
    expect(outcome.goodput).toBeGreaterThan(share * CAPACITY);
    expect(outcome).toMatchObject({ gaveUp: 0, lost: 0 });
    expect(outcome.cameAbout + outcome.putOff).toBe(Math.round(times * CAPACITY * SECONDS));
  });

  it.each([
    [8, 0.6],
    [16, 0.3],
  ])('%s times as many, of which there is no time to tell each, leave %s', (times, share) => {
    expect(offered(times * CAPACITY, SECONDS / 2).goodput).toBeGreaterThan(share * CAPACITY);
  });
});
