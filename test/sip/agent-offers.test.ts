/** Offers of one side within a dialog: one after the other, and again where they crossed. */
import { describe, expect, test } from 'vitest';
import type { Random } from '../../src/bytes/ports.ts';
import { OfferQueue } from '../../src/sip/agent-offers.ts';
import { SipError } from '../../src/sip/errors.ts';
import { ManualClock, settle } from '../support/manual-clock.ts';

const drawing = (octet: number): Random => ({ bytes: (length) => new Uint8Array(length).fill(octet) });

/** A queue whose first `crossings` attempts cross; when they were made, milliseconds from the beginning. */
function crossing(isCaller: boolean, random: Random, crossings: number) {
  const clock = new ManualClock();
  const begun = clock.now();
  const at: number[] = [];
  const queue = new OfferQueue({ isCaller, whenQuiet: () => Promise.resolve() }, { clock, random });
  const offer = (): Promise<string> =>
    queue.run(() => {
      at.push(clock.now() - begun);
      return at.length <= crossings
        ? Promise.reject(new SipError('crossed', '491 Request Pending'))
        : Promise.resolve('taken');
    });
  return { clock, at, offer };
}

describe('offers that cross', () => {
  test.each([
    ['who began the call', true, 2100, 4000],
    ['the other end', false, 0, 2000],
  ])(
    'R-43: %s makes its offer again after the time of RFC 3261 section 14.1',
    async (_, isCaller, from, to) => {
      for (const octet of [0, 1, 77, 200, 255]) {
        const { clock, at, offer } = crossing(isCaller, drawing(octet), 1);
        const taken = offer();
        await clock.pass(to);
        expect(await taken).toBe('taken');
        const [first, again = NaN] = at;
        expect([first, at.length, again % 10]).toEqual([0, 2, 0]);
        expect(again).toBeGreaterThanOrEqual(from);
        expect(again).toBeLessThanOrEqual(to);
      }
    },
  );

  test('R-43: are not made for ever', async () => {
    const { clock, at, offer } = crossing(false, drawing(0), 1000);
    const refused = offer().catch((cause: unknown) => cause);
    await clock.pass(60_000);
    expect(await refused).toMatchObject({ code: 'crossed' });
    expect(at).toHaveLength(10);
  });

  test('R-43: what is refused for another reason is not made again, and the next one follows', async () => {
    const clock = new ManualClock();
    const leg = { isCaller: true, whenQuiet: () => Promise.resolve() };
    const queue = new OfferQueue(leg, { clock, random: drawing(0) });
    const refused = queue.run(() => Promise.reject(new SipError('refused', '488')));
    const next = queue.run(() => Promise.resolve('taken'));
    await expect(refused).rejects.toMatchObject({ code: 'refused' });
    expect(await next).toBe('taken');
  });

  test('R-43: an offer waits until no other is unanswered', async () => {
    const clock = new ManualClock();
    const quiet: (() => void)[] = [];
    const leg = { isCaller: true, whenQuiet: () => new Promise<void>((resolve) => quiet.push(resolve)) };
    let made = 0;
    const queue = new OfferQueue(leg, { clock, random: drawing(0) });
    const taken = queue.run(() => Promise.resolve(++made));
    await settle();
    expect(made).toBe(0);
    quiet[0]?.();
    await taken;
    expect(made).toBe(1);
  });
});
