/** That the keys of a call changed as often as was asked for, and that no packet was lost or refused meanwhile. */
import type { CallOutcome } from '../call.ts';
import type { Check } from './check.ts';

export function unbrokenCheck({ caller, callee }: CallOutcome): Check {
  const [one, two] = [caller.statistics, callee.statistics];
  const refused = one.received.refused + two.received.refused;
  return {
    name: 'every packet that was sent was heard, and none was refused',
    passed:
      refused === 0 &&
      one.sent.packets > 0 &&
      one.sent.packets === two.received.packets &&
      two.sent.packets === one.received.packets,
    detail: `${one.sent.packets} and ${two.sent.packets} sent, ${two.received.packets} and ${one.received.packets} heard, ${refused} refused`,
  };
}

export function updatesCheck(updates: number, least: number): Check {
  return {
    name: `the keys of the call were updated ${least} times or more`,
    passed: updates >= least,
    detail: `${updates} updates`,
  };
}
