/**
 * What recovery needs beside memory, which must not grow with what was handed over: tables that are sorted, and octets
 * put aside. Nothing in it outlives the recovery.
 */
import type { NoticeReport } from './notices.ts';
import type { NumberStore } from './sessions.ts';

/** Where octets are: from 0 in the file of HI3; below 0 among those put aside. */
export interface PduLocation {
  readonly at: number;
  readonly length: number;
}

/** An IRI PDU, in the file of HI2. */
export interface IriRow extends PduLocation {
  readonly session: number;
  readonly source: string;
  readonly count: number;
  readonly sequenceNumber: number;
}

/** An RTP packet of a communication. */
export interface PacketRow extends PduLocation {
  readonly session: number;
  readonly source: string;
  /** -1: it says neither. */
  readonly direction: number;
  readonly ssrc: number;
  /** In the order of delivery: ascending with count, sequence number and place in the PDU. */
  readonly place: number;
  /** Unix milliseconds. */
  readonly time: number | null;
  readonly path: string | null;
  /** Crypto session under whose key the network has decrypted it, 0: none is said; `null`: it has not. */
  readonly decrypted: number | null;
}

/** Packets of one direction and SSRC. */
export interface PacketGroup {
  readonly direction: number;
  readonly ssrc: number;
  readonly packets: number;
  /** Place of the first. */
  readonly first: number;
}

/** A packet in its run. */
export interface PlacedRow extends PduLocation {
  readonly index: number;
  readonly time: number | null;
}

/** A packet that no key opens, or that is malformed inside. */
export interface RefusedRow {
  readonly place: number;
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly path: string | null;
}

/** What came of a communication. */
export interface SavedResult {
  /** Reports as JSON, one after the other, separated by commas; each may be empty. */
  readonly calls: string;
  readonly otherSessions: string;
  /** Calls with content; those of them that were recovered. */
  readonly withContent: number;
  readonly recovered: number;
}

/** Whose PDUs of a communication are asked for; `null`: everybody's. */
export type Owners = ReadonlySet<string> | null;

export interface Workspace extends NumberStore {
  /** The octets at a location, valid until the next call. */
  read(location: PduLocation): Uint8Array;
  /** The octets of a PDU in the file of HI2. */
  readIri(location: PduLocation): Uint8Array;
  /** Puts octets aside. */
  keep(octets: Uint8Array): PduLocation;

  /** A communication has appeared, in this place of the files. */
  addSession(id: number, key: string, place: number): void;
  /** In the order of their places. */
  sessions(): Iterable<{ readonly id: number; readonly key: string }>;
  /** The newest first. @param place before which; `null`: all of them @param most so many */
  sessionsBefore(
    place: number | null,
    most: number,
  ): { readonly id: number; readonly key: string; readonly place: number }[];
  sessionKey(id: number): string | null;
  sessionId(key: string): number | null;
  addIri(row: IriRow): void;
  /** By count and sequence number. */
  iri(session: number, owners: Owners): Iterable<IriRow>;
  addPacket(row: PacketRow): void;
  /** In the order of their appearance. */
  groups(session: number, owners: Owners): Iterable<PacketGroup>;
  /** By place. */
  packets(
    session: number,
    group: Pick<PacketGroup, 'direction' | 'ssrc'>,
    owners: Owners,
  ): Iterable<PacketRow>;
  /** A value of a PDU that could not be read. */
  addNote(
    session: number,
    source: string,
    order: readonly [kind: number, count: number, number: number],
    note: string,
  ): void;
  /** The first, in their order, and how many there are. */
  notes(
    session: number,
    owners: Owners,
    most: number,
  ): { readonly first: readonly string[]; readonly all: number };

  /** Forgets the PDUs that a source has sent of a communication. */
  forget(session: number, source: string): void;
  /** Forgets a communication, and what came of it. */
  forgetSession(session: number): void;
  /** Forgets what a source has told of a warrant. @param liid as it is told */
  forgetNotices(liid: string, source: string): void;

  /** A notification of a warrant itself. */
  addNotice(notice: NoticeReport): void;
  /** In the order in which they came. */
  notices(): Iterable<NoticeReport>;

  /** Takes a name of audio for a communication; `false`: it is taken. */
  takeName(session: number, name: string): boolean;
  namesOf(session: number): string[];
  /** Frees the names of a communication, and gives them. */
  freeNames(session: number): string[];
  /** What came of a communication, in place of what came of it before. */
  keepResult(session: number, result: SavedResult): void;
  /** `null`: it was not recovered yet. */
  result(session: number): SavedResult | null;
  /** In the order of the communications' places. */
  results(): Iterable<SavedResult>;
  totals(): { readonly calls: number; readonly recoveredCalls: number };

  /** For the packets of one group. */
  readonly bench: PacketBench;
}

/** Where the packets of one group are put in order. */
export interface PacketBench {
  /** Puts octets aside until `clear`. */
  keep(octets: Uint8Array): PduLocation;
  newRun(): number;
  place(run: number, row: PlacedRow): void;
  at(run: number, index: number): PduLocation | null;
  /** By index. */
  run(run: number): Iterable<PlacedRow>;
  refuse(list: number, row: RefusedRow): void;
  /** In the order in which they came. */
  refused(lists: readonly number[]): Iterable<RefusedRow>;
  /** By the distance of their sequence numbers from one, upwards or downwards, from 1 to 2^15 - 1. */
  refusedFrom(lists: readonly number[], sequenceNumber: number, direction: 1 | -1): Iterable<RefusedRow>;
  /** Forgets the packets, and what has been put aside for them. */
  clear(): void;
}
