/** Slow tests of updates under interception (`updates.test.ts`). */
import { describe, expect, test } from 'vitest';
import type { PhoneCall } from '../../src/entities/ue/call.ts';
import { HOMES } from '../../src/lab/network/home.ts';
import { Network } from '../../src/lab/network/network.ts';
import { issueWarrant } from '../../src/lab/network/officer.ts';
import { handedOverKeys } from '../../src/lab/scenarios/checks/keys.ts';
import { runDemo } from '../../src/lab/scenarios/demo.ts';
import { keepFiles } from '../../src/lab/scenarios/out-folder.ts';
import { updateKeys } from '../../src/lab/scenarios/updates.ts';
import { liidOf, warrantOn } from '../../src/lab/scenarios/warrants.ts';
import { Timeline } from '../../src/lab/timeline.ts';
import { CROSSINGS } from './crossings.ts';
import { failures, temporaryFolder } from './support.ts';

const MANY = 1000;
const CROSSING = [101, 352, 703];
/** A packet. */
const VOICE = Int16Array.from({ length: 160 }, (_, n) => 9000 * Math.sin(n / 9));

export function declareSlowTests(): void {
  test('R-43, R-45: a thousand updates, some of which cross: each key is handed over once and in order, and opens what was said under it', async () => {
    const folder = temporaryFolder();
    const [state, out] = [folder.at('state'), folder.at('out')];
    const network = await Network.start({
      ...{ state, out, users: { home1: ['alice'], home2: ['bob'] } },
      timeline: new Timeline(() => performance.now()),
      phoneSettings: { answer: { ringMs: 10, answerMs: 10 } },
    });
    try {
      const calls = await manyUpdates(network);
      const packets = MANY - CROSSING.length;
      expect(
        calls.map(({ updates, statistics: { sent, received } }) => [
          ...[updates, sent.packets, received.packets, received.refused],
        ]),
      ).toEqual([
        [MANY, packets, packets, 0],
        [MANY, packets, packets, 0],
      ]);
      for (const home of HOMES) {
        const { calls: recovered } = await network.running('lemf', home).recover(folder.at(`lemf-${home}`));
        expect(recovered.map((one) => [one.recovered, one.packets, one.absent])).toEqual([
          [true, 2 * packets, 0],
        ]);
      }
    } finally {
      await network.stop();
    }
    keepFiles(out, state);
    const keys = 2 * (1 + MANY);
    for (const [home, user] of [
      ['home1', 'alice'],
      ['home2', 'bob'],
    ] as const) {
      const { distinct, places, early, late } = handedOverKeys(out, home, liidOf(user));
      expect([distinct, places]).toEqual([keys, keys]);
      // Where the LEMF was told that some were late, they came when they came.
      if (late === 0) expect(early).toBe(0);
    }
    folder.remove();
  }, 1_800_000);

  describe('scenarios that are crossed', () => {
    test.each(
      CROSSINGS.flatMap((entry) => entry.targets.map((target) => [entry.name, target, entry] as const)),
    )(
      'R-45: %s, of %s',
      async (name, target, entry) => {
        const folder = temporaryFolder();
        const report = await runDemo(
          { out: folder.at('out'), target, faults: [], revealSecrets: false, seconds: 2 },
          entry,
        );
        folder.remove();
        expect(failures(report), name).toEqual([]);
      },
      300_000,
    );
  });
}

/* ---------------------------------------------------------------- helpers */

/** Both are targets, each at their own home. */
async function manyUpdates(network: Network): Promise<readonly [PhoneCall, PhoneCall]> {
  await network.register();
  for (const user of ['alice', 'bob'])
    await issueWarrant(
      network.running('admf', network.homeOf(user).name),
      warrantOn(network, user, Date.now()),
    );
  const incoming = new Promise<PhoneCall>((resolve) => network.phone('bob').ue.onIncoming(resolve));
  const call = await network.phone('alice').ue.call(network.identity('bob'));
  const answered = await incoming;
  await Promise.all([call.established, answered.established]);
  await updateKeys(
    { caller: call, callee: answered },
    {
      updates: MANY,
      crossing: CROSSING,
      after: async () => {
        expect(answered.sas).toBe(call.sas);
        await Promise.all([call.play(VOICE), answered.play(VOICE)]);
      },
    },
  );
  await new Promise((done) => setTimeout(done, 150));
  await call.hangUp();
  await Promise.all([call.ended, answered.ended]);
  for (const home of HOMES) {
    for (const element of ['cscf', 'gateway'] as const)
      expect(await network.running(element, home).drain(60_000)).toBe(true);
    expect(await network.running('df', home).settle(60_000)).toBe(true);
  }
  return [call, answered];
}
