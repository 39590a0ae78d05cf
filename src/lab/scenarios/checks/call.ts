/** That a call itself was good: one string to compare, everything heard. */
import type { CallOutcome } from '../call.ts';
import { compareSamples } from '../call.ts';
import type { Check, CheckParts } from './check.ts';

export function callChecks(parts: CheckParts, call: CallOutcome): Check[] {
  return [sasCheck(call), ...heardChecks(parts, call)];
}

export function sasCheck({ caller, callee }: CallOutcome): Check {
  return {
    name: 'both ends read the same short authentication string',
    passed: caller.sas !== null && caller.sas === callee.sas,
    detail: `${caller.sas ?? 'none'} and ${callee.sas ?? 'none'}`,
  };
}

/** For calls in which each says a recording once, as `Stage.call` makes them. */
export function heardChecks({ voices }: CheckParts, { caller, callee }: CallOutcome): Check[] {
  return [
    heardCheck(callee.user, caller.user, callee.heard, voices[caller.user]),
    heardCheck(caller.user, callee.user, caller.heard, voices[callee.user]),
  ];
}

/** @param said as whoever decodes it must hear it */
export function heardCheck(hearer: string, speaker: string, heard: Int16Array, said?: Int16Array): Check {
  const { equal, detail } = compareSamples(heard, said ?? new Int16Array());
  return { name: `${hearer} heard what ${speaker} said`, passed: equal && heard.length > 0, detail };
}
