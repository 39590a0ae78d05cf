/** A run of the demo as data: who calls whom, who is a target, what goes wrong and when, where the record goes. */
import type { LogLevel } from '../../host/log.ts';
import { LabError } from '../errors.ts';
import { HOMES } from '../network/home.ts';
import type { HomeName } from '../network/home.ts';
import type { MediaListener } from '../network/media-tap.ts';
import type { OutageWindow } from '../network/outages.ts';
import type { TimelineEntry } from '../timeline.ts';
import { recording } from './call.ts';
import { parseFaults } from './faults.ts';
import type { Faults } from './faults.ts';

export type DemoTarget = 'alice' | 'bob' | 'both' | 'none';

/** What whoever starts a run says of it. */
export interface DemoOptions {
  /** Folder for everything that the run leaves; made, or emptied if it holds an earlier run. */
  readonly out: string;
  readonly target: DemoTarget;
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
  /** Recordings in place of those of the package. */
  readonly recordings?: Recordings;
  readonly watch?: (entry: TimelineEntry) => void;
  /** Watchers are told of each packet of X3 too. */
  readonly verbose?: boolean;
  /** File for a capture of SIP, media, X2, X3, HI2 and HI3. */
  readonly pcap?: string;
  /** Told of every datagram that phones and gateways send. */
  readonly onMedia?: MediaListener;
}

/** What each speaks into the call: 16-bit linear, 8 kHz. */
export interface Recordings {
  readonly alice: Int16Array;
  readonly bob: Int16Array;
}

export interface Scenario {
  readonly users: Readonly<Record<HomeName, readonly string[]>>;
  readonly caller: string;
  readonly callee: string;
  readonly recordings: Recordings;
  /** Users with a warrant on them. */
  readonly targets: readonly string[];
  readonly faults: Faults;
  readonly window: OutageWindow;
  readonly options: DemoOptions;
}

const USERS: Scenario['users'] = { home1: ['alice'], home2: ['bob'] };

const TARGETS: Readonly<Record<DemoTarget, readonly string[]>> = {
  alice: ['alice'],
  bob: ['bob'],
  both: ['alice', 'bob'],
  none: [],
};

/** @throws LabError `options` where they make no sense together */
export function scenarioOf(options: DemoOptions): Scenario {
  const { from, to, recordings, processes, seed, pcap } = options;
  if (processes === true && seed !== undefined)
    throw new LabError('options', 'a seed makes two runs the same, which processes side by side never are');
  if (processes === true && pcap !== undefined)
    throw new LabError('options', 'a capture is made where the entities are in one process');
  const faults = parseFaults(
    options.faults,
    HOMES.flatMap((home) => USERS[home]),
  );
  if (faults.outages.length === 0 && (from !== undefined || to !== undefined)) {
    throw new LabError('options', 'from and to are for an entity that goes down, and none does');
  }
  return {
    users: USERS,
    caller: 'alice',
    callee: 'bob',
    recordings: recordings ?? { alice: recording('alice'), bob: recording('bob') },
    targets: TARGETS[options.target],
    faults,
    window: { from: from ?? 0, to: to ?? null },
    options,
  };
}
