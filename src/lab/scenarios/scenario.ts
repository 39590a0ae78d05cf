/** A run of the demo as data: which scenario, who is a target, what goes wrong and when, where the record goes. */
import type { LogLevel } from '../../host/log.ts';
import { LabError } from '../errors.ts';
import { HOMES } from '../network/home.ts';
import type { MediaListener } from '../network/media-tap.ts';
import type { OutageWindow } from '../network/outages.ts';
import type { TimelineEntry } from '../timeline.ts';
import { recording } from './call.ts';
import { DEFAULT_SCENARIO, scenarioNamed, targetsOf } from './catalogue.ts';
import type { DemoScenario } from './definition.ts';
import { parseFaults } from './faults.ts';
import type { Faults } from './faults.ts';

/** What whoever starts a run says of it. */
export interface DemoOptions {
  /** Folder for everything that the run leaves; made, or emptied if it holds an earlier run. */
  readonly out: string;
  /** Name of a scenario; default `plain`. */
  readonly scenario?: string;
  /** One of those that the scenario takes; default its own. */
  readonly target?: string;
  readonly faults: readonly string[];
  /** The window of outages, milliseconds from dialling; default: from the start of the call to its end. */
  readonly from?: number;
  readonly to?: number;
  readonly revealSecrets: boolean;
  readonly seed?: string;
  readonly portBase?: number;
  /** Everything is on ::1 instead of 127.0.0.1. */
  readonly ipv6?: boolean;
  /** SIP is over TLS, of phones and between homes. */
  readonly sipTls?: boolean;
  readonly log?: LogLevel;
  /** Whether each entity is a process of its own; phones are in this one in any case. */
  readonly processes?: boolean;
  /** Recordings in place of those of the package, by user. */
  readonly recordings?: Recordings;
  /** Seconds of each recording that are spoken; default all of it. */
  readonly seconds?: number;
  readonly watch?: (entry: TimelineEntry) => void;
  /** Watchers are told of each packet of X3 too. */
  readonly verbose?: boolean;
  /** File for a capture of SIP, media, X2, X3, HI2 and HI3. */
  readonly pcap?: string;
  /** Told of every datagram that phones and gateways send. */
  readonly onMedia?: MediaListener;
}

/** What each user speaks into a call: 16-bit linear, 8 kHz. */
export type Recordings = Readonly<Record<string, Int16Array>>;

export interface Scenario {
  readonly name: string;
  readonly definition: DemoScenario;
  /** What `--target` named, and the users with a warrant on them. */
  readonly target: string;
  readonly targets: readonly string[];
  readonly recordings: Recordings;
  readonly faults: Faults;
  readonly window: OutageWindow;
  readonly options: DemoOptions;
}

/** Where speech begins in the package's recordings, samples. */
const SPEECH_BEGINS = 4000;
const SAMPLES_PER_SECOND = 8000;
/** Of the shorter of the package's recordings. */
const LONGEST_SPEECH = 8;

/** @throws LabError `options` where they make no sense together */
export async function scenarioOf(options: DemoOptions): Promise<Scenario> {
  const { from, to, processes, seed, pcap } = options;
  const entry = scenarioNamed(options.scenario ?? DEFAULT_SCENARIO);
  const targets = targetsOf(entry, options.target);
  if (processes === true && seed !== undefined)
    throw new LabError('options', 'a seed makes two runs the same, which processes side by side never are');
  if (processes === true && pcap !== undefined)
    throw new LabError('options', 'a capture is made where the entities are in one process');
  if (options.faults.length > 0 && entry.faults !== true)
    throw new LabError('options', `nothing goes wrong in the scenario ${entry.name}: faults are for plain`);
  const definition = await entry.load();
  const users = HOMES.flatMap((home) => definition.users[home]);
  const faults = parseFaults(options.faults, users);
  if (faults.outages.length === 0 && (from !== undefined || to !== undefined)) {
    throw new LabError('options', 'from and to are for an entity that goes down, and none does');
  }
  return {
    name: entry.name,
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
