/** Many updates of the keys of one call between two phones, and (slow) under interception, also beside whatever else calls do. */
import { expect, test, vi } from 'vitest';
import { updateKeys } from '../../src/lab/scenarios/updates.ts';
import { requestsOf, twoPhones } from '../entities/ue/support/phones.ts';
import { BOB } from '../ibake/support/scenario.ts';

const UPDATES = 40;
/** A packet. */
const VOICE = Int16Array.from({ length: 160 }, (_, n) => 9000 * Math.sin(n / 9));

test('R-43: forty updates, of either side in turn, over UPDATE and INVITE: each has keys of its own, and nothing is refused', async () => {
  const { alice, bob, stop } = await twoPhones({});
  try {
    const call = await alice.ue.call(BOB);
    await call.established;
    const answered = bob.incoming!;
    await answered.established;
    const strings = [call.sas];
    await updateKeys(
      { caller: call, callee: answered },
      {
        updates: UPDATES,
        after: async () => {
          expect(answered.sas).toBe(call.sas);
          strings.push(call.sas);
          await Promise.all([call.play(VOICE), answered.play(VOICE)]);
        },
      },
    );
    expect([call.updates, answered.updates, new Set(strings).size]).toEqual([UPDATES, UPDATES, UPDATES + 1]);
    await vi.waitFor(() => {
      expect(answered.statistics.received.packets).toBe(UPDATES);
      expect(call.statistics.received.packets).toBe(UPDATES);
    }, 30_000);
    expect([call, answered].map(({ statistics }) => statistics.received.refused)).toEqual([0, 0]);
    // Whoever begins an update sends under its keys at once, the other when a packet has come under them.
    for (const { mkis } of [alice, bob]) expect(new Set(mkis).size).toBeGreaterThanOrEqual(UPDATES / 2);
    for (const method of ['UPDATE', 'INVITE'])
      expect([alice, bob].map((one) => requestsOf(one).filter((each) => each === method).length)).toEqual([
        method === 'INVITE' ? 11 : 10,
        10,
      ]);
  } finally {
    await stop();
  }
});

if (process.env['CLAVIGER_SLOW'] !== undefined) (await import('./intercepted-updates.ts')).declareSlowTests();
