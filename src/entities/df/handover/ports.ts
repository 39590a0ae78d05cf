/** What the handover manager needs from outside: the way to a LEMF, the list of LEMFs, and a place for alarms. */
import type { Clock, Logger, SetAside } from '../../../bytes/ports.ts';
import type { DfIssues } from '../ports.ts';
import type { AcknowledgementTerms } from './acknowledgement.ts';

/** A destination that the ADMF has provisioned at this DF. */
export interface HandoverAddress {
  readonly did: string;
  /** DNS name or address literal. */
  readonly host: string;
  readonly port: number;
  /** Who delivers there: DF3 where only content goes, else DF2. TRI PDUs are numbered by each of the two. */
  readonly by: DeliveryFunction;
}

export type DeliveryFunction = 'DF2' | 'DF3';

export interface HandoverDestinations {
  /** All destinations that PDUs go to now. */
  list(): readonly HandoverAddress[];
}

/** One connection to a LEMF. */
export interface HandoverChannel {
  /** Queues octets for sending, in order. After `close` or the end of the connection nothing happens. */
  send(octets: Uint8Array): void;
  /** Sends what is queued and closes; `closed` is not called. */
  close(): void;
}

/** What happens on a connection. `closed` comes once at most, and nothing after it. */
export interface HandoverChannelEvents {
  /** The LEMF has been authenticated. */
  opened(): void;
  received(octets: Uint8Array): void;
  closed(reason: string): void;
}

export interface HandoverTransport {
  /** Begins to connect; what comes of it is told by the events, never before this returns. */
  open(address: HandoverAddress, events: HandoverChannelEvents): HandoverChannel;
}

/** Where trouble with a destination goes (X1 ReportDestinationIssue); must not throw. */
export interface HandoverAlarms {
  raised(did: string, description: string): void;
  cleared(did: string): void;
}

/** Hears of PDUs that a LEMF refuses; must not throw. */
export interface HandoverIssues extends Pick<DfIssues, 'elementIssue'> {
  /** A record or content of that warrant was set aside. */
  setAsideOf?(liid: string, did: string): void;
}

/** What every way out of the outbox needs. */
export interface WayOutOptions {
  readonly destinations: HandoverDestinations;
  readonly alarms: HandoverAlarms;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings?: Partial<HandoverSettings>;
  readonly issues?: HandoverIssues;
  /** Where they are kept; absent: they are counted and reported only. */
  readonly setAside?: SetAside;
}

/**
 * Sends something while no other process changes where destinations are, once what others have changed is known here; what is
 * sent goes where the LEMF is before the change of that is acknowledged, or not there. @throws if that cannot be known
 */
export type SendingWhileThere = (send: () => void) => Promise<void>;

/** Where goes what is in the outbox: to LEMFs, or to processes that deliver. */
export interface WayOut {
  /** Whether some destination's backlog is near its bound: then content gives way there, or soon does. */
  readonly congested: boolean;
  /** PDUs that LEMFs refused and that were set aside here. */
  readonly setAside: number;
  /** PDUs that counted as delivered without an acknowledgement. */
  readonly unacknowledged: number;
  /** Why PDUs stay in the outbox, whatever LEMFs take; `null`: they do not. Absent: they never do. */
  readonly failure?: string | null;
  /** PDUs that have left the outbox for those who deliver. Absent: none does. */
  readonly laid?: number;
  /** Whether that destination's LEMF is connected and takes PDUs. */
  ready(did: string): boolean;
  /** Where PDUs go, and whether the LEMF there is connected. */
  list(): readonly { readonly address: HandoverAddress; readonly ready: boolean }[];
  start(): void;
  /** The list of destinations has changed. */
  refresh(): void;
  stop(): void | Promise<void>;
  /** Resolves when those who deliver can know all destinations. Absent: they do. @throws if they cannot be told */
  told?(): Promise<void>;
  /** Whether something that has left the outbox waits for a destination. Absent: nothing leaves it before it is delivered. */
  waitsBeyond?(did: string): Promise<boolean>;
}

/** Times in milliseconds. */
export interface HandoverSettings extends AcknowledgementTerms {
  /** Silence after which a keep-alive is sent; TS 102 232-1 speaks of 120 to 360 s. */
  readonly keepAliveInterval: number;
  /** A keep-alive without response for so long: the connection is closed. */
  readonly keepAliveTimeout: number;
  /** An option request or acknowledgement request without response for so long: the connection is closed. */
  readonly responseTimeout: number;
  /** PDUs after which an acknowledgement is requested. */
  readonly acknowledgeEvery: number;
  /** An acknowledgement is requested so long after the first PDU that has none under way. */
  readonly acknowledgeDelay: number;
  /** PDUs under way without acknowledgement, at most. */
  readonly window: number;
  /** Pause before the first new attempt; each further one doubles it. */
  readonly retryFirst: number;
  readonly retryMost: number;
  /** A destination that is away for so long raises an alarm. */
  readonly alarmAfter: number;
  /** Octets that may wait for one destination; what is beyond gives way (`../backlog.ts`). */
  readonly backlogOctets: number;
  /** The same in PDUs. */
  readonly backlogPdus: number;
}

export const HANDOVER_DEFAULTS: HandoverSettings = {
  acknowledgement: 'required',
  destinations: [],
  keepAliveInterval: 120_000,
  keepAliveTimeout: 60_000,
  responseTimeout: 30_000,
  acknowledgeEvery: 100,
  acknowledgeDelay: 250,
  window: 2000,
  retryFirst: 250,
  retryMost: 10_000,
  alarmAfter: 5_000,
  backlogOctets: 2 ** 30,
  backlogPdus: 1_000_000,
};
