/** That nothing is intercepted in homes where no warrant is. */
import { HOMES } from '../../network/home.ts';
import type { Check, CheckParts } from './check.ts';
import { untouchedCheck } from './counts.ts';

/** @param targets users with a warrant on them */
export function elsewhereChecks(parts: CheckParts, targets: readonly string[]): Check[] {
  const homes = targets.map((user) => parts.course.network.homeOf(user).name);
  return HOMES.filter((home) => !homes.includes(home)).map((home) => untouchedCheck(parts, home));
}
