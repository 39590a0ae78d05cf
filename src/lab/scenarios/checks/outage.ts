/** That an entity was down during the call: a fault that came too late, or not at all, has shown nothing. */
import type { Outage } from '../../network/outages.ts';
import type { CallOutcome } from '../call.ts';
import type { Check, CheckParts } from './check.ts';

export function outageCheck({ course }: CheckParts, { entity, home }: Outage, call: CallOutcome): Check {
  const name = `${entity}.${home}`;
  const changes = course.timeline.entries.filter(
    ({ reference, from }) => reference === 'lab' && from === name,
  );
  const down = changes.find(({ what }) => what === 'is down')?.at ?? Infinity;
  const up = changes.find(({ at, what }) => at > down && what.endsWith('is up'))?.at ?? Infinity;
  const seconds = (at: number): string => (at / 1000).toFixed(3);
  const { dialled, ended } = call.times;
  return {
    name: `${name} was down during the call`,
    passed: down < ended && up > dialled,
    detail:
      down < ended
        ? `from ${seconds(down)} s to ${seconds(up)} s, the call from ${seconds(dialled)} s to ${seconds(ended)} s`
        : `the call ended ${seconds(ended - dialled)} s after dialling, before it was to go down`,
  };
}
