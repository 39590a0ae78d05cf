/** Nothing lost, nothing doubled, from the points of interception to the LEMF; and nothing at all without a warrant. */
import path from 'node:path';
import type { HomeName } from '../../network/home.ts';
import { counted } from './check.ts';
import type { Check, CheckParts } from './check.ts';
import { pdusIn } from './pdus.ts';

export function countChecks({ scenario, course }: CheckParts, home: HomeName): Check[] {
  const { calls } = course.recovered[home];
  const gaps = calls.flatMap(({ missing }) => [...missing.hi2, ...missing.hi3]).length;
  const sip = calls.reduce((sum, { records }) => sum + records.sip, 0);
  const content = calls.reduce((sum, { packets, otherContent }) => sum + packets + otherContent, 0);
  const carried = carriedIn(scenario.options.out, home);
  return [
    {
      name: `sequence numbers at the LEMF of ${home} have no gap`,
      passed: gaps === 0 && calls.length > 0,
      detail: `${counted(gaps, 'gap')} in ${counted(calls.length, 'communication')}`,
    },
    {
      name: `the LEMF of ${home} has as many records as X2 and X3 carried`,
      passed: sip === carried.x2 && content === carried.x3 && sip > 0,
      detail: `X2 ${carried.x2}, SIP records ${sip}; X3 ${carried.x3}, packets ${content}`,
    },
  ];
}

/** In a home without a warrant there is nothing to tell. */
export function untouchedCheck({ scenario, course }: CheckParts, home: HomeName): Check {
  const { x2, x3 } = carriedIn(scenario.options.out, home);
  const { calls } = course.recovered[home];
  const questions = course.seen.questions[home];
  return {
    name: `nothing of the call is intercepted in ${home}`,
    passed: x2 + x3 === 0 && calls.length === 0 && questions === 0,
    detail: `${counted(x2 + x3, 'PDU')} on X2 and X3, ${counted(calls.length, 'communication')} at the LEMF, ${questions} get_keys`,
  };
}

function carriedIn(out: string, home: HomeName): { readonly x2: number; readonly x3: number } {
  return {
    x2: pdusIn(path.join(out, home, 'x2.bin')).length,
    x3: pdusIn(path.join(out, home, 'x3.bin')).length,
  };
}
