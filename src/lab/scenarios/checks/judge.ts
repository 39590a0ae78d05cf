/** What the demo checks. A fault changes what is to be expected, never whether it is looked at. */
import { HOMES } from '../../network/home.ts';
import { auditCheck } from './audit.ts';
import { callChecks } from './call.ts';
import type { Check, CheckParts } from './check.ts';
import { countChecks, untouchedCheck } from './counts.ts';
import { noticeCheck } from './notices.ts';
import { outageCheck } from './outage.ts';
import { signallingCheck } from './signalling.ts';
import { targetChecks } from './target.ts';

export function judgeRun(parts: CheckParts): Check[] {
  const { scenario, course } = parts;
  const targets = scenario.targets.map((user) => ({ user, home: course.network.homeOf(user).name }));
  const others = HOMES.filter((home) => !targets.some((target) => target.home === home));
  return [
    ...callChecks(parts),
    ...targets.flatMap(({ user, home }) => [
      ...targetChecks(parts, user, home),
      signallingCheck(parts, user, home),
      ...countChecks(parts, home),
      noticeCheck(parts, home),
      auditCheck(parts, home),
    ]),
    ...others.map((home) => untouchedCheck(parts, home)),
    ...scenario.faults.outages.map((outage) => outageCheck(parts, outage)),
  ];
}
