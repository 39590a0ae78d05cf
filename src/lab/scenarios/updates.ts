/**
 * Many updates of the keys of a call (RFC 6267 section 5.3), as two phones would not make them by themselves: sides and
 * methods alternate, and now and then both begin at once, so that their offers cross (RFC 3261 section 14.1).
 */
import type { PhoneCall } from '../../entities/ue/call.ts';
import type { OfferMethod } from '../../endpoint/rekey-schedule.ts';

/** Both ends of a call that is up. */
export interface CallEnds {
  readonly caller: Pick<PhoneCall, 'rekey'>;
  readonly callee: Pick<PhoneCall, 'rekey'>;
}

export interface UpdateCourse {
  readonly updates: number;
  /** Numbers of updates that come together with the one after them, from 0. */
  readonly crossing?: readonly number[];
  /** What is done after each, or after two that crossed. @param made so many by now */
  readonly after?: (made: number) => Promise<void>;
}

const METHODS: readonly OfferMethod[] = ['UPDATE', 'INVITE'];

/** Makes the updates, one after the other. @throws EndpointError */
export async function updateKeys({ caller, callee }: CallEnds, course: UpdateCourse): Promise<void> {
  const { updates, crossing = [], after } = course;
  for (let made = 0; made < updates;) {
    const [one, other] = made % 2 === 0 ? [caller, callee] : [callee, caller];
    const [method, next] = (made >> 1) % 2 === 0 ? METHODS : METHODS.toReversed();
    const isCrossing = crossing.includes(made) && made + 1 < updates;
    await Promise.all([one.rekey(method), ...(isCrossing ? [other.rekey(next)] : [])]);
    made += isCrossing ? 2 : 1;
    await after?.(made);
  }
}
