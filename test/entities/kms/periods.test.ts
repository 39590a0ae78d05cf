/** Periods of a warrant, by what is told when: a time that lay outside the warrant is never covered afterwards. */
import { describe, expect, it } from 'vitest';
import { periodsAfterEnd, periodsAfterTask, periodsSince } from '../../../src/entities/kms/periods.ts';
import type { ToldTask } from '../../../src/entities/kms/periods.ts';
import type { WarrantPeriod } from '../../../src/entities/kms/ports.ts';

type Step = readonly [now: number, told: Partial<ToldTask> | 'deactivated'];

const A = ['sip:a@h'];
const B = ['sip:b@h'];

/** The periods after what was told, as [start, end, targets]. */
function after(...steps: readonly Step[]): [number, number, string][] {
  let periods: readonly WarrantPeriod[] = [];
  for (const [now, told] of steps) {
    periods =
      told === 'deactivated'
        ? periodsAfterEnd(periods, now)
        : periodsAfterTask(periods, { targets: A, start: 100, end: 200, ...told }, now);
  }
  return periods.map(({ start, end, targets }) => [start, end, targets.join(' ')]);
}

const a = A.join(' ');
const b = B.join(' ');

describe('R-76: periods', () => {
  // prettier-ignore
  const cases: readonly (readonly [string, readonly Step[], readonly (readonly [number, number, string])[]])[] = [
    ['told ahead', [[50, {}]], [[100, 200, a]]],
    ['a start in the past counts from activation', [[150, { start: 1 }]], [[150, 200, a]]],
    ['without times', [[50, { start: null, end: Infinity }]], [[50, Infinity, a]]],
    ['told after its end', [[200, {}]], []],
    ['told the same again, ahead, in force and after', [[50, {}], [60, {}], [150, {}], [200, {}], [300, {}]], [[100, 200, a]]],
    ['a start in the past, told the same again', [[150, { start: 1 }], [160, { start: 1 }]], [[150, 200, a]]],
    ['targets in another order', [[50, { targets: [...A, ...B] }], [150, { targets: [...B, ...A] }]], [[100, 200, `${a} ${b}`]]],
    ['another start and end, ahead', [[50, {}], [60, { start: 80, end: 90 }]], [[80, 90, a]]],
    ['a start that is moved back behind now, ahead', [[50, {}], [60, { start: 10 }]], [[60, 200, a]]],
    ['prolonged in force', [[50, {}], [199, { end: 300 }]], [[100, 300, a]]],
    ['prolonged at its very end', [[50, {}], [200, { end: 300 }]], [[100, 200, a], [200, 300, a]]],
    ['prolonged after it lapsed', [[50, {}], [260, { end: 300 }]], [[100, 200, a], [260, 300, a]]],
    ['prolonged after it lapsed, told the same again', [[50, {}], [260, { end: 300 }], [270, { end: 300 }], [400, { end: 300 }]], [[100, 200, a], [260, 300, a]]],
    ['shortened', [[50, {}], [120, { end: 150 }]], [[100, 150, a]]],
    ['shortened to what has passed, then prolonged', [[50, {}], [120, { end: 110 }], [130, {}]], [[100, 110, a], [130, 200, a]]],
    ['shortened, told after it lapsed', [[50, {}], [260, { end: 150 }], [270, { end: 150 }]], [[100, 150, a]]],
    ['an end of before its start, told after it lapsed', [[50, {}], [260, { start: 50, end: 90 }]], []],
    ['an end that was missed before other targets were told', [[50, {}], [150, { targets: B }], [160, { targets: B, end: 140 }]], [[100, 140, a]]],
    ['the same, told after it lapsed', [[50, {}], [150, { targets: B }], [260, { targets: B, end: 140 }]], [[100, 140, a]]],
    ['an end before its activation, told after it lapsed', [[120, {}], [260, { end: 110 }]], []],
    ['an end that has passed, of the second of two', [[50, {}], [120, 'deactivated'], [150, {}], [260, { start: 150, end: 160 }]], [[100, 120, a], [150, 160, a]]],
    ['shortened to before its start', [[50, {}], [120, { end: 90 }]], []],
    ['an earlier start, in force', [[50, {}], [150, { start: 1 }]], [[100, 200, a]]],
    ['a start yet to come, in force', [[50, {}], [150, { start: 180 }]], [[100, 150, a], [180, 200, a]]],
    ['other targets, ahead', [[50, {}], [60, { targets: B }]], [[100, 200, b]]],
    ['other targets, in force', [[50, {}], [150, { targets: B }]], [[100, 150, a], [150, 200, b]]],
    ['other targets, at its very start', [[50, {}], [100, { targets: B }]], [[100, 200, b]]],
    ['other targets, and back', [[50, {}], [150, { targets: B }], [160, {}]], [[100, 150, a], [150, 160, b], [160, 200, a]]],
    ['other targets and an end that has passed', [[50, {}], [150, { targets: B, end: 140 }]], [[100, 140, a]]],
    ['deactivated', [[50, {}], [150, 'deactivated']], [[100, 150, a]]],
    ['deactivated before its start', [[50, {}], [60, 'deactivated']], []],
    ['deactivated after its end', [[50, {}], [300, 'deactivated']], [[100, 200, a]]],
    ['deactivated and activated again', [[50, {}], [150, 'deactivated'], [160, {}]], [[100, 150, a], [160, 200, a]]],
    ['deactivated and activated again after its end', [[50, {}], [150, 'deactivated'], [300, {}]], [[100, 150, a]]],
    ['deactivated twice', [[50, {}], [150, 'deactivated'], [160, 'deactivated']], [[100, 150, a]]],
  ];

  it.each(cases)('%s', (_, steps, periods) => {
    expect(after(...steps)).toEqual(periods);
  });

  it('what changes nothing gives the same list', () => {
    const told = { targets: A, start: 100, end: 200 };
    const periods = periodsAfterTask([], told, 50);
    for (const now of [60, 100, 150, 200, 300]) expect(periodsAfterTask(periods, told, now)).toBe(periods);
    expect(periodsAfterEnd(periods, 200)).toBe(periods);
    expect(periodsSince(periods, 100)).toBe(periods);
    expect(periodsSince(periods, 200)).toBe(periods);
  });

  it('of version 0.1.0 do not begin before the task was activated', () => {
    const period = { targets: A, start: 100, end: 200 };
    expect(periodsSince([period], 150)).toEqual([{ ...period, start: 150 }]);
  });
});
