/** What the handover manager needs from outside: the way to a LEMF, the list of LEMFs, and a place for alarms. */
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
