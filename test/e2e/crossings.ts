/** Scenarios of the demo crossed with each other: what each does by itself, beside another. */
import { setTimeout as sleep } from 'node:timers/promises';
import { videoPattern } from '../../src/endpoint/video-stream.ts';
import type { PhoneCall } from '../../src/entities/ue/call.ts';
import { phoneName } from '../../src/lab/network/home.ts';
import type { ScenarioEntry } from '../../src/lab/scenarios/catalogue.ts';
import { addedMediumChecks } from '../../src/lab/scenarios/checks/added-medium.ts';
import type { Shown } from '../../src/lab/scenarios/checks/added-medium.ts';
import { callChecks } from '../../src/lab/scenarios/checks/call.ts';
import type { Check, CheckParts } from '../../src/lab/scenarios/checks/check.ts';
import { elsewhereChecks } from '../../src/lab/scenarios/checks/elsewhere.ts';
import { interceptedChecks } from '../../src/lab/scenarios/checks/intercepted.ts';
import { keyRecordsCheck } from '../../src/lab/scenarios/checks/keys.ts';
import { startCheck, withoutContentCheck } from '../../src/lab/scenarios/checks/starts.ts';
import { recoveryCheck } from '../../src/lab/scenarios/checks/target.ts';
import { unbrokenCheck, updatesCheck } from '../../src/lab/scenarios/checks/updates.ts';
import { contentWarrants } from '../../src/lab/scenarios/definition.ts';
import type { DemoScenario } from '../../src/lab/scenarios/definition.ts';
import { deferred } from '../../src/lab/scenarios/named/deferred.ts';
import { forked } from '../../src/lab/scenarios/named/forked.ts';
import { retargeted } from '../../src/lab/scenarios/named/retargeted.ts';
import { updateKeys } from '../../src/lab/scenarios/updates.ts';
import { liidOf } from '../../src/lab/scenarios/warrants.ts';
import type { WarrantPlan } from '../../src/lab/scenarios/warrants.ts';

const TWO: DemoScenario['users'] = { home1: ['alice'], home2: ['bob'] };
const ANSWERS = phoneName('bob', 'mobile');
const DEVICES = forked.devices?.['bob']?.length ?? 0;
/** Of the offers that a phone sends within a call. */
const [SOME, MANY] = [6, 40];
/** Keys at a start in mid-call after many updates: of the exchange, and of the last two updates (docs/profile.md, "A task that comes in mid-call"). */
const KEYS_AT_START = 2 + 2 * 2;

const secondOf = (user: string): string => `${liidOf(user)}-2`;

function entry(name: string, targets: ScenarioEntry['targets'], scenario: DemoScenario): ScenarioEntry {
  return { name, summary: '', targets, load: () => Promise.resolve(scenario) };
}

/** Both homes' checks of a call that was intercepted from its beginning to its end. */
function whole(parts: CheckParts, user: string, call: Parameters<typeof callChecks>[1]): Check[] {
  return interceptedChecks(parts, user, call);
}

const homeOf = ({ course }: CheckParts, user: string) => course.network.homeOf(user).name;

const forkedAndRekeyed: DemoScenario = {
  ...forked,
  course: async (stage) => {
    const call = await stage.call('alice', ANSWERS, 'bob', undefined, {
      during: (caller, callee) => updateKeys({ caller, callee }, { updates: SOME }),
    });
    return (parts) => [
      ...callChecks(parts, call),
      unbrokenCheck(call),
      ...stage.targets.flatMap((user) => [
        ...whole(parts, user, call),
        keyRecordsCheck(
          ...([parts, homeOf(parts, user), liidOf(user), 2 + 2 * SOME, 2 * DEVICES + 2 * SOME] as const),
        ),
      ]),
      ...elsewhereChecks(parts, stage.targets),
    ];
  },
};

/** @param targets who has a part in the keys @param keys of each */
function lateChecks(
  parts: CheckParts,
  targets: readonly string[],
  call: Parameters<typeof callChecks>[1],
  keys = 2,
): Check[] {
  return [
    ...callChecks(parts, call),
    ...targets.flatMap((user) => {
      const home = homeOf(parts, user);
      return [
        startCheck(parts, home, liidOf(user), 1),
        keyRecordsCheck(parts, home, liidOf(user), keys),
        ...[call.caller.user, call.callee.user].map((speaker) => recoveryCheck(parts, speaker, home, call)),
      ];
    }),
    ...elsewhereChecks(parts, targets),
  ];
}

const retargetedMidCall: DemoScenario = {
  ...retargeted,
  warrants: () => [],
  course: async (stage) => {
    const call = await stage.call('alice', 'carol', 'bob', async () => {
      for (const user of stage.targets) await stage.issue({ user });
    });
    return (parts) => lateChecks(parts, stage.targets, call);
  },
};

const midCallAfterUpdates: DemoScenario = {
  users: TWO,
  warrants: () => [],
  course: async (stage) => {
    const call = await stage.call('alice', 'bob', 'bob', undefined, {
      before: async (caller, callee) => {
        await updateKeys({ caller, callee }, { updates: MANY });
        for (const user of stage.targets) await stage.issue({ user });
      },
    });
    return (parts) => lateChecks(parts, stage.targets, call, KEYS_AT_START);
  },
};

const secondAfterUpdates: DemoScenario = {
  users: TWO,
  warrants: contentWarrants,
  course: async (stage) => {
    let updates = 0;
    const call = await stage.call('alice', 'bob', 'bob', undefined, {
      before: async (caller, callee) => {
        await updateKeys({ caller, callee }, { updates: MANY });
        for (const user of stage.targets) await stage.issue({ user, liid: secondOf(user) });
      },
      during: async (caller, callee) => {
        await updateKeys({ caller, callee }, { updates: SOME });
        ({ updates } = caller);
      },
    });
    return (parts) => [
      ...callChecks(parts, call),
      unbrokenCheck(call),
      updatesCheck(updates, MANY + SOME),
      ...stage.targets.flatMap((user) => {
        const home = homeOf(parts, user);
        return [
          startCheck(parts, home, liidOf(user), 0),
          startCheck(parts, home, secondOf(user), 1),
          keyRecordsCheck(parts, home, liidOf(user), 2 + 2 * (MANY + SOME)),
          keyRecordsCheck(parts, home, secondOf(user), KEYS_AT_START + 2 * SOME),
          ...[liidOf(user), secondOf(user)].flatMap((liid) =>
            ['alice', 'bob'].map((speaker) => recoveryCheck(parts, speaker, home, call, liid)),
          ),
        ];
      }),
      ...elsewhereChecks(parts, stage.targets),
    ];
  },
};

const heldAndRekeyed: DemoScenario = {
  users: TWO,
  warrants: contentWarrants,
  course: async (stage) => {
    let updates = 0;
    const call = await stage.call('alice', 'bob', 'bob', undefined, {
      before: async (caller, callee) => {
        await heldOver(caller, callee, 'UPDATE');
        await heldOver(callee, caller, 'INVITE');
        ({ updates } = caller);
      },
      during: (caller, callee) => heldWhileSpeaking(caller, callee),
    });
    return (parts) => [
      ...callChecks(parts, call),
      updatesCheck(updates, 4),
      ...stage.targets.flatMap((user) => [
        ...whole(parts, user, call),
        keyRecordsCheck(parts, homeOf(parts, user), liidOf(user), 2 + 2 * 5),
      ]),
      ...elsewhereChecks(parts, stage.targets),
    ];
  },
};

async function heldOver(holder: PhoneCall, other: PhoneCall, method: 'UPDATE' | 'INVITE'): Promise<void> {
  await holder.hold(method);
  await holder.rekey(method);
  await other.rekey(method);
  await sleep(100);
  await holder.resume(method);
}

/** Both are to speak all the time: nobody is held, new keys and a description without any come one after the other. */
async function heldWhileSpeaking(caller: PhoneCall, callee: PhoneCall): Promise<void> {
  await caller.rekey('INVITE');
  await callee.askForOffer();
}

const SHOWN = { alice: videoPattern(20_000), bob: videoPattern(17_500) };

const mediumAfterUpdates: DemoScenario = {
  users: TWO,
  warrants: contentWarrants,
  configure: (party, config) => (party in SHOWN ? { ...config, video: {} } : config),
  course: async (stage) => {
    let seen: Partial<Record<'alice' | 'bob', Shown['seen']>> = {};
    const call = await stage.call('alice', 'bob', 'bob', undefined, {
      hasVideo: false,
      during: async (caller, callee) => {
        await updateKeys({ caller, callee }, { updates: 3 });
        await callee.addVideo();
        await Promise.all([caller.show(SHOWN.alice), callee.show(SHOWN.bob)]);
        await updateKeys({ caller, callee }, { updates: 2 });
        seen = { alice: () => callee.seen(), bob: () => caller.seen() };
      },
    });
    const shown = (['alice', 'bob'] as const).map((user) => ({
      ...{ user, octets: SHOWN[user], had: false, seen: seen[user] ?? (() => null) },
    }));
    return (parts) => [
      ...callChecks(parts, call),
      unbrokenCheck(call),
      ...addedMediumChecks(parts, shown, stage.targets),
      ...stage.targets.flatMap((user) => [
        ...whole(parts, user, call),
        keyRecordsCheck(parts, homeOf(parts, user), liidOf(user), 2 + 2 * 3 + 2 + 4 * 2),
      ]),
      ...elsewhereChecks(parts, stage.targets),
    ];
  },
};

const offerlessForked: DemoScenario = {
  ...forked,
  course: async (stage) => {
    const call = await stage.call('alice', ANSWERS, 'bob', undefined, { isOfferless: true });
    return (parts) => [
      ...callChecks(parts, call),
      unbrokenCheck(call),
      ...stage.targets.flatMap((user) => [
        ...whole(parts, user, call),
        keyRecordsCheck(parts, homeOf(parts, user), liidOf(user), 2, 2 * DEVICES),
      ]),
      ...elsewhereChecks(parts, stage.targets),
    ];
  },
};

const deferredWithoutContent: DemoScenario = {
  ...deferred,
  warrants: (targets) => targets.map((user) => ({ user, parts: { delivery: 'IRI' } })),
  course: async (stage) => {
    const judge = await deferred.course(stage);
    return (parts) => [
      ...judge(parts).filter(({ name }) => !/LEMF/.test(name)),
      ...stage.targets.map((user) => withoutContentCheck(parts, homeOf(parts, user), liidOf(user))),
      ...elsewhereChecks(parts, stage.targets),
    ];
  },
};

const deferredSecondWarrant: DemoScenario = {
  ...deferred,
  warrants: (targets) =>
    targets.flatMap((user): WarrantPlan[] => [
      { user },
      { user, liid: secondOf(user), parts: { delivery: 'IRI' } },
    ]),
};

export const CROSSINGS: readonly ScenarioEntry[] = [
  entry('forked, and rekeyed', ['bob', 'alice', 'both'], forkedAndRekeyed),
  entry('retargeted, and the warrant comes in mid-call', ['carol', 'alice'], retargetedMidCall),
  entry('rekeyed, and the warrant comes in mid-call', ['alice', 'bob', 'both'], midCallAfterUpdates),
  entry('rekeyed, and a second warrant comes', ['alice', 'bob', 'both'], secondAfterUpdates),
  entry('held, and rekeyed meanwhile', ['bob', 'alice', 'both'], heldAndRekeyed),
  entry('rekeyed, and a medium is added', ['alice', 'bob', 'both'], mediumAfterUpdates),
  entry('offerless, and forked', ['bob', 'alice', 'both'], offerlessForked),
  entry('deferred, without content', ['bob', 'alice', 'both'], deferredWithoutContent),
  entry('deferred, with and without content', ['bob'], deferredSecondWarrant),
];
