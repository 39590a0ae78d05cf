/** Who answers a call that goes to somebody else than was called. */
import type { CallOutcome } from '../call.ts';
import type { Check } from './check.ts';

/** @param answerer SIP identity of whoever answers */
export function answererCheck({ caller }: CallOutcome, answerer: string): Check {
  return {
    name: `${caller.user} sees who it is that answers`,
    passed: caller.peer === answerer,
    detail: caller.peer ?? 'nobody was authenticated',
  };
}
