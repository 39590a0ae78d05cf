/** That the call itself was good: one string to compare, everything heard. */
import { compareSamples } from '../call.ts';
import type { Check, CheckParts } from './check.ts';

export function callChecks({ course, voices }: CheckParts): Check[] {
  const { caller, callee } = course.call;
  return [
    {
      name: 'both ends read the same short authentication string',
      passed: caller.sas !== null && caller.sas === callee.sas,
      detail: `${caller.sas ?? 'none'} and ${callee.sas ?? 'none'}`,
    },
    heardCheck('bob heard what alice said', callee.heard, voices.alice),
    heardCheck('alice heard what bob said', caller.heard, voices.bob),
  ];
}

function heardCheck(name: string, heard: Int16Array, said: Int16Array): Check {
  const { equal, detail } = compareSamples(heard, said);
  return { name, passed: equal, detail };
}
