/** A run of the demo as data: which scenario, who is a target, what goes wrong and when, where the record goes. */
import type { LogLevel } from '../../host/log.ts';
import type { Watching } from '../network/entities.ts';
import type { MediaListener } from '../network/media-tap.ts';
import type { OutageWindow } from '../network/outages.ts';
import type { TimelineEntry } from '../timeline.ts';
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
  /** Makes exports for analysts of a network that stays up; default: none are made. */
  readonly exporter?: NonNullable<Watching['exporter']>;
}

/** What each user speaks into a call: 16-bit linear, 8 kHz. */
export type Recordings = Readonly<Record<string, Int16Array>>;

export interface Scenario {
  readonly name: string;
  /** What `--target` named, and the users with a warrant on them. */
  readonly target: string;
  readonly targets: readonly string[];
  readonly recordings: Recordings;
  readonly faults: Faults;
  readonly window: OutageWindow;
  readonly options: DemoOptions;
}
