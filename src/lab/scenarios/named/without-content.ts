/** Alice calls Bob under a warrant for signalling alone: no content, no keys, and the KMS is asked for none. */
import { callChecks } from '../checks/call.ts';
import { countChecks } from '../checks/counts.ts';
import { elsewhereChecks } from '../checks/elsewhere.ts';
import { noticeCheck } from '../checks/notices.ts';
import { signallingCheck } from '../checks/signalling.ts';
import { withoutContentCheck } from '../checks/starts.ts';
import type { DemoScenario } from '../definition.ts';
import { liidOf } from '../warrants.ts';

export const withoutContent: DemoScenario = {
  users: { home1: ['alice'], home2: ['bob'] },
  warrants: (targets) => targets.map((user) => ({ user, parts: { delivery: 'IRI' } })),
  course: async (stage) => {
    const { network, targets } = stage;
    const call = await stage.call('alice', 'bob');
    return (parts) => [
      ...callChecks(parts, call),
      ...targets.flatMap((user) => {
        const home = network.homeOf(user).name;
        return [
          signallingCheck(parts, user),
          ...countChecks(parts, home),
          noticeCheck(parts, home),
          withoutContentCheck(parts, home, liidOf(user)),
        ];
      }),
      ...elsewhereChecks(parts, targets),
    ];
  },
};
