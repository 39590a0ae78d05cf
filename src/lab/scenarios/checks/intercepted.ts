/** Everything that is checked of a call of a target whose warrant is for content, and ran from before it to after it. */
import type { CallOutcome } from '../call.ts';
import { auditCheck } from './audit.ts';
import type { Check, CheckParts } from './check.ts';
import { countChecks } from './counts.ts';
import { noticeCheck } from './notices.ts';
import { signallingCheck } from './signalling.ts';
import { targetChecks } from './target.ts';

export function interceptedChecks(parts: CheckParts, user: string, call: CallOutcome): Check[] {
  const home = parts.course.network.homeOf(user).name;
  return [
    ...targetChecks(parts, user, call),
    signallingCheck(parts, user),
    ...countChecks(parts, home),
    noticeCheck(parts, home),
    auditCheck(parts, home),
  ];
}
