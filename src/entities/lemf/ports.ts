/** What the LEMF needs from outside: connections, a place on disk, and somebody who wants to know. */

import type { Hi1Operation } from '../../wire/hi/hi1.ts';

/** HI2 carries intercept related information, HI3 content; either carries PDUs of the transport as well. */
export type HandoverKind = 'hi2' | 'hi3';

/** One connection from a delivery function. */
export interface LemfChannel {
  send(octets: Uint8Array): void;
  /** Sends what is queued and closes. */
  close(): void;
}

/** What becomes of a connection; calls come in the order of events. */
export interface LemfConnection {
  received(octets: Uint8Array): void;
  closed(): void;
}

/** Takes connections of authenticated delivery functions. */
export interface LemfAcceptor {
  /** @param via the interface that the delivery function connected to */
  accept(channel: LemfChannel, peer: string, via: HandoverKind): LemfConnection;
}

export interface StoredPdu {
  readonly octets: Uint8Array;
  /** Octets of the store before it. */
  readonly at: number;
  /** Name in the certificate of the delivery function that sent it; `null` where it was not noted. */
  readonly source: string | null;
}

/** Received PDUs, in order of arrival, one stream for each kind. */
export interface LemfStore {
  /** Octets of the complete PDUs of each kind. */
  readonly lengths: Readonly<Record<HandoverKind, number>>;
  /** The PDUs of a kind that are there now, oldest first, beginning with the one at a place. */
  read(kind: HandoverKind, from?: number): Iterable<StoredPdu>;
  /** Adds a PDU; it survives the loss of this process at once, the loss of power after `sync`. */
  append(kind: HandoverKind, octets: Uint8Array, source: string): void;
  /** Resolves when all that was appended before is on the disk. */
  sync(): Promise<void>;
}

/** Something to tell people about, as it happens. `cin`: `null` of what belongs to a warrant and no communication. */
export type LemfEvent =
  | {
      readonly type: 'record';
      readonly at: number;
      readonly liid: string;
      readonly cin: number;
      readonly sequenceNumber: number;
      /** What the record says: a name of IMSevent, `mediaSecFailure`, or `record`. */
      readonly event: string;
      /** CS IDs of the keys in it. */
      readonly csIds: readonly number[];
      /** Event time in the record, Unix milliseconds. */
      readonly eventTime: number;
    }
  /** A notification of a warrant itself (HI1). */
  | {
      readonly type: 'notice';
      readonly at: number;
      readonly liid: string;
      readonly sequenceNumber: number;
      /** `liActivated`, `liModified`, `liDeactivated`, `alarm`, or `other`. */
      readonly operation: Hi1Operation['kind'];
      /** Text of an alarm, else what is said of the target; `null`: nothing. */
      readonly text: string | null;
      /** Of the report, Unix milliseconds. */
      readonly eventTime: number | null;
    }
  /** The first packet of a stream. */
  | {
      readonly type: 'content';
      readonly at: number;
      readonly liid: string;
      readonly cin: number;
      readonly ssrc: number;
      /** The network has decrypted it. */
      readonly decrypted: boolean;
    }
  | {
      readonly type: 'gap';
      readonly at: number;
      readonly kind: HandoverKind;
      readonly liid: string;
      readonly cin: number | null;
      readonly expected: number;
      readonly received: number;
    }
  | {
      readonly type: 'duplicate';
      readonly at: number;
      readonly kind: HandoverKind;
      readonly liid: string;
      readonly cin: number | null;
      readonly sequenceNumber: number;
    }
  /** A delivery function has lost count of CINs: those of a warrant go on from another. */
  | {
      readonly type: 'reset';
      readonly at: number;
      readonly liid: string;
      readonly cin: number;
      readonly source: string;
    }
  /** Alarm: a known number with other content, the first on this line of numbers; both are kept. */
  | {
      readonly type: 'conflict';
      readonly at: number;
      readonly kind: HandoverKind;
      readonly liid: string;
      readonly cin: number | null;
      readonly sequenceNumber: number;
      readonly source: string;
      readonly count: number;
    }
  | { readonly type: 'connected' | 'disconnected'; readonly at: number; readonly peer: string }
  /** Recovery was run over all that is stored. */
  | {
      readonly type: 'recovered';
      readonly at: number;
      /** Calls with content. */
      readonly calls: number;
      readonly recoveredCalls: number;
      readonly files: readonly string[];
    };

export type LemfListener = (event: LemfEvent) => void;
