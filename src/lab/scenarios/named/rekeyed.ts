/**
 * Alice and Bob speak under keys that change all the while: Alice's phone replaces them by time, Bob's by packets (RFC 6267
 * section 5.3). Every key is handed over once and opens what was said under it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { callChecks } from '../checks/call.ts';
import { elsewhereChecks } from '../checks/elsewhere.ts';
import { interceptedChecks } from '../checks/intercepted.ts';
import { keyRecordsCheck } from '../checks/keys.ts';
import { unbrokenCheck, updatesCheck } from '../checks/updates.ts';
import { contentWarrants } from '../definition.ts';
import type { DemoScenario, PartyConfig } from '../definition.ts';
import { liidOf } from '../warrants.ts';

const UPDATES = 40;
/** How long they may take on a slow machine, milliseconds. */
const PATIENCE_MS = 120_000;
/** Longer than offers that crossed wait for each other (RFC 3261 section 14.1). */
const SETTLE_MS = 5000;

const SETTINGS: Readonly<Record<string, PartyConfig>> = {
  alice: { rekey: { everyMs: 150 } },
  bob: { rekey: { everyPackets: 10 } },
};

export const rekeyed: DemoScenario = {
  users: { home1: ['alice'], home2: ['bob'] },
  warrants: contentWarrants,
  configure: (party, config) => ({ ...config, ...SETTINGS[party] }),
  course: async (stage) => {
    const { network, targets } = stage;
    let updates = 0;
    const call = await stage.call('alice', 'bob', 'bob', undefined, {
      during: async (outgoing, answered) => {
        const until = stage.elapsed() + PATIENCE_MS;
        const isEven = (): boolean =>
          outgoing.updates >= UPDATES &&
          outgoing.updates === answered.updates &&
          outgoing.sas === answered.sas;
        while (!isEven() && stage.elapsed() < until) {
          await sleep(50);
          if (outgoing.updates < UPDATES) continue;
          // What is under way is carried through before the call is hung up.
          for (const call of [outgoing, answered]) call.keepKeys();
          await sleep(SETTLE_MS);
        }
        updates = outgoing.updates;
      },
    });
    return (parts) => [
      ...callChecks(parts, call),
      unbrokenCheck(call),
      updatesCheck(updates, UPDATES),
      ...targets.flatMap((user) => [
        ...interceptedChecks(parts, user, call),
        keyRecordsCheck(parts, network.homeOf(user).name, liidOf(user), 2 + 2 * updates),
      ]),
      ...elsewhereChecks(parts, targets),
    ];
  },
};
