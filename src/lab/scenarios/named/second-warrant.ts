/**
 * Alice calls Bob under a warrant, and a second one comes when the call stands. It has its own start of
 * interception, keys and numbers; the first gets nothing twice.
 */
import { callChecks } from '../checks/call.ts';
import { elsewhereChecks } from '../checks/elsewhere.ts';
import { keyRecordsCheck } from '../checks/keys.ts';
import { startCheck } from '../checks/starts.ts';
import { recoveryCheck } from '../checks/target.ts';
import { contentWarrants } from '../definition.ts';
import type { DemoScenario } from '../definition.ts';
import { liidOf } from '../warrants.ts';

const secondOf = (user: string): string => `${liidOf(user)}-2`;

export const secondWarrant: DemoScenario = {
  users: { home1: ['alice'], home2: ['bob'] },
  warrants: contentWarrants,
  course: async (stage) => {
    const { network, targets } = stage;
    const call = await stage.call('alice', 'bob', 'bob', async () => {
      for (const user of targets) await stage.issue({ user, liid: secondOf(user) });
    });
    return (parts) => [
      ...callChecks(parts, call),
      ...targets.flatMap((user) => {
        const home = network.homeOf(user).name;
        return [
          startCheck(parts, home, liidOf(user), 0),
          startCheck(parts, home, secondOf(user), 1),
          ...[liidOf(user), secondOf(user)].flatMap((liid) => [
            keyRecordsCheck(parts, home, liid, 2),
            recoveryCheck(parts, 'alice', home, call, liid),
            recoveryCheck(parts, 'bob', home, call, liid),
          ]),
        ];
      }),
      ...elsewhereChecks(parts, targets),
    ];
  },
};
