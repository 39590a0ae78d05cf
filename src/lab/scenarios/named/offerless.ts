/** Alice's INVITE has no offer: Bob's phone offers, and is the initiator of the key exchange. */
import { callChecks } from '../checks/call.ts';
import { elsewhereChecks } from '../checks/elsewhere.ts';
import { interceptedChecks } from '../checks/intercepted.ts';
import { keyRecordsCheck } from '../checks/keys.ts';
import { unbrokenCheck } from '../checks/updates.ts';
import { contentWarrants } from '../definition.ts';
import type { DemoScenario } from '../definition.ts';
import { liidOf } from '../warrants.ts';

export const offerless: DemoScenario = {
  users: { home1: ['alice'], home2: ['bob'] },
  warrants: contentWarrants,
  course: async (stage) => {
    const { network, targets } = stage;
    const call = await stage.call('alice', 'bob', 'bob', undefined, { isOfferless: true });
    return (parts) => [
      ...callChecks(parts, call),
      unbrokenCheck(call),
      ...targets.flatMap((user) => [
        ...interceptedChecks(parts, user, call),
        keyRecordsCheck(parts, network.homeOf(user).name, liidOf(user), 2),
      ]),
      ...elsewhereChecks(parts, targets),
    ];
  },
};
