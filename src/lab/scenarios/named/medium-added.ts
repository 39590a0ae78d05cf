/**
 * Alice and Bob speak, and Alice adds video to the call: an update without new secrets that gives the m= line crypto
 * sessions of its own (RFC 6267 section 5.3; profile, section 3).
 */
import { videoPattern } from '../../../endpoint/video-stream.ts';
import { addedMediumChecks } from '../checks/added-medium.ts';
import type { Shown } from '../checks/added-medium.ts';
import { callChecks } from '../checks/call.ts';
import { elsewhereChecks } from '../checks/elsewhere.ts';
import { interceptedChecks } from '../checks/intercepted.ts';
import { keyRecordsCheck } from '../checks/keys.ts';
import { unbrokenCheck } from '../checks/updates.ts';
import { contentWarrants } from '../definition.ts';
import type { DemoScenario } from '../definition.ts';
import { liidOf } from '../warrants.ts';

/** What either shows, octets: a second, and somewhat less. */
const SHOWN = { alice: videoPattern(50_000), bob: videoPattern(41_500) };
const PHONES: ReadonlySet<string> = new Set(['alice', 'bob']);

export const mediumAdded: DemoScenario = {
  users: { home1: ['alice'], home2: ['bob'] },
  warrants: contentWarrants,
  configure: (party, config) => (PHONES.has(party) ? { ...config, video: {} } : config),
  course: async (stage) => {
    const { network, targets } = stage;
    const calls: Partial<Record<'alice' | 'bob', Pick<Shown, 'had' | 'seen'>>> = {};
    const call = await stage.call('alice', 'bob', 'bob', undefined, {
      hasVideo: false,
      during: async (outgoing, answered) => {
        const had = outgoing.hasVideo || answered.hasVideo;
        await outgoing.addVideo();
        await Promise.all([outgoing.show(SHOWN.alice), answered.show(SHOWN.bob)]);
        calls.alice = { had, seen: () => answered.seen() };
        calls.bob = { had, seen: () => outgoing.seen() };
      },
    });
    const shown = (['alice', 'bob'] as const).map((user) => ({
      ...{ user, octets: SHOWN[user], had: true, seen: () => null },
      ...calls[user],
    }));
    return (parts) => [
      ...callChecks(parts, call),
      unbrokenCheck(call),
      ...targets.flatMap((user) => interceptedChecks(parts, user, call)),
      ...addedMediumChecks(parts, shown, targets),
      ...targets.map((user) => keyRecordsCheck(parts, network.homeOf(user).name, liidOf(user), 4)),
      ...elsewhereChecks(parts, targets),
    ];
  },
};
