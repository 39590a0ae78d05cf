/**
 * The key period ends while Alice's call to Bob is being set up, as it does each midnight: Bob's phone rings before and is
 * answered after. I_MESSAGE_1 was made with the keys of the old period, and R_MESSAGE_1 answers with those; I_MESSAGE_2 and
 * R_MESSAGE_2 are of the new one, whose keys both phones have got ahead (profile, sections 1 and 3). A warrant has the keys of the
 * call all the same.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LabError } from '../../errors.ts';
import { callChecks } from '../checks/call.ts';
import { elsewhereChecks } from '../checks/elsewhere.ts';
import { interceptedChecks } from '../checks/intercepted.ts';
import { keyRecordsCheck } from '../checks/keys.ts';
import { twoPeriodsChecks } from '../checks/periods.ts';
import { unbrokenCheck } from '../checks/updates.ts';
import { contentWarrants } from '../definition.ts';
import type { DemoScenario, PartyConfig } from '../definition.ts';
import { periodEndFrom } from '../period-end.ts';
import type { PeriodEnd } from '../period-end.ts';
import { liidOf } from '../warrants.ts';

/**
 * From the beginning of the run to the period's end, seconds: time for a network to come up, longer where it has taken this
 * process long to come here, and for processes.
 */
const AHEAD_S = { least: 35, most: 180, perSecond: 25, ofProcesses: 2 };
/** From the dialling to the period's end, milliseconds, and for how long the phone rings. */
const DIALLED_MS = 4000;
const RINGS_MS = 8000;

/** @param isOfProcesses whether the entities are processes of their own */
export function midnight(isOfProcesses: boolean): DemoScenario {
  const ahead = secondsAhead(performance.now() / 1000, isOfProcesses);
  const period = periodEndFrom(Date.now() / 1000 + ahead);
  return {
    users: { home1: ['alice'], home2: ['bob'] },
    warrants: contentWarrants,
    configure: (party, config) => configured(party, config, period),
    course: async (stage) => {
      const { network, targets, timeline } = stage;
      const began = Date.now() - stage.elapsed();
      const wait = period.end * 1000 - DIALLED_MS - Date.now();
      if (wait < 0)
        throw new LabError(
          'options',
          `the network took longer than the ${ahead} s until the period's end to come up`,
        );
      timeline.add(
        'lab',
        'demo',
        '',
        `the key period ends in ${Math.round((wait + DIALLED_MS) / 1000)} s; alice waits for it`,
      );
      await sleep(wait);
      const call = await stage.call('alice', 'bob');
      return (parts) => [
        ...callChecks(parts, call),
        unbrokenCheck(call),
        ...twoPeriodsChecks(network.signalling.messages, timeline.entries, { end: period.end, began }),
        ...targets.flatMap((user) => [
          ...interceptedChecks(parts, user, call),
          keyRecordsCheck(parts, network.homeOf(user).name, liidOf(user), 2),
        ]),
        ...elsewhereChecks(parts, targets),
      ];
    },
  };
}

function secondsAhead(taken: number, isOfProcesses: boolean): number {
  const { least, most, perSecond, ofProcesses } = AHEAD_S;
  const here = Math.max(least, Math.min(most, Math.round(taken * perSecond)));
  return isOfProcesses ? here * ofProcesses : here;
}

/** Both KMSs have such periods; Bob's phone sends R_MESSAGE_1 with its answer, not before. */
function configured(party: string, config: PartyConfig, { keyLifetime }: PeriodEnd): PartyConfig {
  if (party.startsWith('kms.'))
    return { ...config, district: { ...(config['district'] as PartyConfig), keyLifetime } };
  return party === 'bob' ? { ...config, answer: { reliable: false, answerMs: RINGS_MS } } : config;
}
