/** That the LEMF was told when the warrant began and when it ended (HI1 on HI2). */
import type { HomeName } from '../../network/home.ts';
import type { Check, CheckParts } from './check.ts';

export function noticeCheck({ course }: CheckParts, home: HomeName): Check {
  const { notifications } = course.recovered[home];
  const told = notifications.map(({ operation }) => operation);
  const changes = told.filter((operation) => operation !== 'alarm');
  return {
    name: `the LEMF of ${home} was told when its warrant began and when it ended`,
    passed: changes.join(' ') === 'liActivated liDeactivated',
    detail: told.join(', ') || 'nothing was told',
  };
}
