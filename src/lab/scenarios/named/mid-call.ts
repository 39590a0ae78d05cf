/**
 * Alice calls Bob, and the warrant comes when the call stands and its keys are agreed upon. What the CSCF has
 * kept of the call goes to the LEMF, the keys with it, and everything that is said from then on is heard there.
 */
import { callChecks } from '../checks/call.ts';
import { elsewhereChecks } from '../checks/elsewhere.ts';
import { keyRecordsCheck } from '../checks/keys.ts';
import { startCheck } from '../checks/starts.ts';
import { recoveryCheck } from '../checks/target.ts';
import type { DemoScenario } from '../definition.ts';
import { liidOf } from '../warrants.ts';

export const midCall: DemoScenario = {
  users: { home1: ['alice'], home2: ['bob'] },
  warrants: () => [],
  course: async (stage) => {
    const { network, targets } = stage;
    const call = await stage.call('alice', 'bob', 'bob', async () => {
      for (const user of targets) await stage.issue({ user });
    });
    return (parts) => [
      ...callChecks(parts, call),
      ...targets.flatMap((user) => {
        const home = network.homeOf(user).name;
        return [
          startCheck(parts, home, liidOf(user), 1),
          keyRecordsCheck(parts, home, liidOf(user), 2),
          recoveryCheck(parts, 'alice', home, call),
          recoveryCheck(parts, 'bob', home, call),
        ];
      }),
      ...elsewhereChecks(parts, targets),
    ];
  },
};
