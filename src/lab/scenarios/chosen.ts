/** The scenario that whoever starts a run has named, with what is to go wrong and what is said in it. */
import { LabError } from '../errors.ts';
import { HOMES } from '../network/home.ts';
import { recording } from './call.ts';
import { DEFAULT_SCENARIO, scenarioNamed, targetsOf } from './catalogue.ts';
import type { ScenarioEntry } from './catalogue.ts';
import type { DemoScenario } from './definition.ts';
import { parseFaults } from './faults.ts';
import type { DemoOptions, Recordings, Scenario } from './scenario.ts';

export interface ChosenScenario extends Scenario {
  readonly definition: DemoScenario;
  /** What happens, in one line. */
  readonly summary: string;
}

/** Where speech begins in the package's recordings, samples. */
const SPEECH_BEGINS = 4000;
const SAMPLES_PER_SECOND = 8000;
/** Of the shorter of the package's recordings. */
const LONGEST_SPEECH = 8;

/**
 * @param entry default: the one of the catalogue that the options name
 * @throws LabError `options` where they make no sense together
 */
export async function scenarioOf(
  options: DemoOptions,
  entry: ScenarioEntry = scenarioNamed(options.scenario ?? DEFAULT_SCENARIO),
): Promise<ChosenScenario> {
  const { from, to, processes, seed, pcap } = options;
  const targets = targetsOf(entry, options.target);
  if (processes === true && seed !== undefined)
    throw new LabError('options', 'a seed makes two runs the same, which processes side by side never are');
  if (processes === true && pcap !== undefined)
    throw new LabError('options', 'a capture is made where the entities are in one process');
  if (options.faults.length > 0 && entry.faults !== true)
    throw new LabError('options', `nothing goes wrong in the scenario ${entry.name}: faults are for plain`);
  if (entry.needsTime === true && seed !== undefined)
    throw new LabError(
      'options',
      `in a run with a seed time stands still, and the scenario ${entry.name} needs it to pass`,
    );
  const definition = await entry.load({ processes: processes === true });
  const users = HOMES.flatMap((home) => definition.users[home]);
  const faults = parseFaults(options.faults, users);
  if (faults.outages.length === 0 && (from !== undefined || to !== undefined)) {
    throw new LabError('options', 'from and to are for an entity that goes down, and none does');
  }
  return {
    name: entry.name,
    summary: entry.summary,
    definition,
    target: options.target ?? entry.targets[0],
    targets,
    recordings: recordingsOf(users, options),
    faults,
    window: { from: from ?? 0, to: to ?? null },
    options,
  };
}

/** @throws LabError `options` for more seconds than there are */
function recordingsOf(users: readonly string[], { recordings, seconds }: DemoOptions): Recordings {
  if (seconds !== undefined && (seconds < 1 || seconds > LONGEST_SPEECH))
    throw new LabError('options', `${seconds} seconds are not from 1 to ${LONGEST_SPEECH}`);
  const spokenBy = (user: string): Int16Array => {
    const whole = recordings?.[user] ?? recording(user);
    if (seconds === undefined) return whole;
    return whole.slice(SPEECH_BEGINS, SPEECH_BEGINS + seconds * SAMPLES_PER_SECOND);
  };
  return Object.fromEntries(users.map((user) => [user, spokenBy(user)]));
}
