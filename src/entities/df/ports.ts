/**
 * What the DF needs from outside. Stores and servers implement these; `entities/df/start.ts` wires them.
 *
 * The mediation keeps the state of what is in use in memory and hands the store one change set for each batch of PDUs. The store applies
 * a change set whole or not at all; a keepalive is acknowledged only after that. So a DF that is killed at any moment
 * finds after its restart exactly what it had acknowledged, and the POIs send the rest again.
 */
import type { LocationCoverage } from './coverage.ts';
import type { Secret } from '../../bytes/secret.ts';
import type { GetKeysRequest, GetKeysResponse } from '../../wire/xk/get-keys.ts';
import type { KeySession } from './session-state.ts';
import type { CinResetRecord, HandoverInterface, HandoverRecord, NoticeRecord } from './records.ts';

/* ------------------------------------------------------------------ store */

/** How far the PDUs of one X2 or X3 stream (POI, XID, DID, NFID, IPID, correlation, type) have come. */
export interface StreamState {
  readonly key: string;
  readonly nextSequenceNumber: number;
  /** Latest time stamp of its PDUs, Unix milliseconds. */
  readonly lastTime: number;
}

/** One call as one LIID sees it. HI2 and HI3 are numbered apart, each from 0. */
export interface Communication {
  /** Hex of the correlation ID. */
  readonly correlation: string;
  readonly liid: string;
  readonly cin: number;
  readonly nextHi2: number;
  readonly nextHi3: number;
  /** Time stamp of the last PDU, Unix milliseconds. */
  readonly lastSeen: number;
  /** Whether it is outside every bound. */
  readonly standing: CallStanding;
  /** The address that its first message came from; empty where that is not known. */
  readonly source: string;
}

/** `claims.ts` says what makes a call which. */
export type CallStanding = 'open' | 'refused' | 'proven';

/** The key management of one call under one task. */
export interface StoredKeySession {
  readonly session: KeySession;
  /** Unix milliseconds. */
  readonly lastSeen: number;
}

/** A PDU that waits: for its task, which the DF does not know yet, or for the key of its call. */
export interface HeldPdu {
  readonly id: number;
  readonly xid: string;
  /** Hex of the correlation ID of the call whose key it waits for; empty: it waits for its task. */
  readonly correlation: string;
  readonly octets: Uint8Array;
  /** When it came, Unix milliseconds. */
  readonly since: number;
}

/** What the LEMFs of a warrant were told of it. */
export interface WarrantNotice {
  readonly liid: string;
  /** Number of the next HI1 PDU. */
  readonly next: number;
  /** What it was when it was last told to be in force; `null`: that it is not in force any more. */
  readonly told: ToldWarrant | null;
  /** When that was told, Unix milliseconds. */
  readonly endedAt: number | null;
  /** Its tasks at that time. */
  readonly xids: readonly string[];
  /** `cinBase` of the store when they were last told that CINs go on from there; 0: never. */
  readonly epoch: number;
}

export interface ToldWarrant {
  /** Its tasks: XID and time of activation. A task that was activated anew is another. */
  readonly tasks: readonly string[];
  /** Targets, delivery types, times and destinations as text: whether it is another than before. */
  readonly terms: string;
  readonly targets: string;
  /** DIDs that were told. */
  readonly dids: readonly string[];
}

/** One encoded PS-PDU for one destination. */
export interface OutboxAppend {
  readonly did: string;
  /** What it is; HI1 has numbers of its own. */
  readonly interface: HandoverInterface | 'hi1';
  readonly liid: string;
  /** Of HI1, which belongs to no communication: `NO_CIN`; of a cINReset, which goes as HI1: from which CINs go on. */
  readonly cin: number;
  readonly sequenceNumber: number;
  readonly octets: Uint8Array;
}

/** CINs begin with 1. */
export const NO_CIN = 0;

/** What gave way to the bound of a destination's backlog, and was not told of yet. */
export interface StoredLoss {
  readonly did: string;
  readonly liid: string;
  readonly interface: OutboxAppend['interface'];
  /** `NO_CIN`: of many calls. */
  readonly cin: number;
  /** The lowest and the highest sequence number; of many calls, CIN. */
  readonly first: number;
  readonly last: number;
  readonly pdus: number;
  readonly octets: number;
  /** When the first of it gave way, Unix milliseconds. */
  readonly since: number;
}

export interface DfState {
  readonly streams: readonly StreamState[];
  readonly communications: readonly Communication[];
  readonly keySessions: readonly StoredKeySession[];
  readonly held: readonly HeldPdu[];
  /** The last CIN of each LIID ever given. */
  readonly lastCins: ReadonlyMap<string, number>;
  /** Above which all new CINs are, where the store was put back from a copy. */
  readonly cinBase?: number;
  readonly notices: readonly WarrantNotice[];
  readonly losses: readonly StoredLoss[];
}

/** Everything that one batch changes; the arrays hold new values of what they name. */
export interface DfChanges {
  readonly streams: readonly StreamState[];
  readonly communications: readonly Communication[];
  readonly keySessions: readonly StoredKeySession[];
  readonly outbox: readonly OutboxAppend[];
  /** Positions of entries of the outbox that give way to others. */
  readonly evicted: readonly number[];
  readonly losses: readonly StoredLoss[];
  /** Losses that are told of; they go before others are put. */
  readonly toldLosses: readonly StoredLoss[];
  readonly held: readonly HeldPdu[];
  /** Ids of held PDUs that are to go. */
  readonly released: readonly number[];
  readonly notices: readonly WarrantNotice[];
  /** Warrants of which nothing is kept any more, and tasks that were theirs alone; applied before the rest. */
  readonly retired: readonly RetiredWarrant[];
  /** Calls that are forgotten before their time; applied before what is put. */
  readonly givenUp: readonly GivenUpCall[];
  /** Keys of streams that are forgotten before their time; applied before what is put. */
  readonly forgottenStreams: readonly string[];
  /** Alarms for another partition to tell; absent: none. */
  readonly passedAlarms?: readonly PassedAlarm[];
  /** Ids of alarms of other partitions that were told; absent: none. */
  readonly takenAlarms?: readonly number[];
}

/** An alarm of a warrant that one partition has and another is to tell, since what LEMFs are told of a warrant has one numbering. */
export interface PassedAlarm {
  readonly liid: string;
  readonly text: string;
  /** What makes alarms different ones (`notices.ts`), or the destination that alone is told where nobody else is. */
  readonly key: { readonly cause: string; readonly about: string } | { readonly did: string };
}

export interface StoredAlarm extends PassedAlarm {
  readonly id: number;
}

/** Alarms that other partitions have passed on. */
export interface PassedAlarms {
  /** The oldest ones. */
  waiting(limit: number): Promise<readonly StoredAlarm[]>;
}

export interface GivenUpCall {
  readonly correlation: string;
  readonly liid: string;
  /** Is never given again. */
  readonly cin: number;
  /** Tasks whose key management of the call goes with it. */
  readonly xids: readonly string[];
}

export interface RetiredWarrant {
  readonly liid: string;
  readonly xids: readonly string[];
}

export interface DfStore {
  load(): Promise<DfState>;
  /**
   * Applies all of it, durably, or nothing.
   * @param decidedOn number of the newest change of tasks that it goes by; absent: nobody else changes tasks
   * @throws what `SharedTaskView.isOutdated` says of, where that is not the newest one any more
   */
  commit(changes: DfChanges, decidedOn?: number): Promise<void>;
  /** Absent: this store has all calls. */
  readonly passedAlarms?: PassedAlarms;
  /** Absent: what is loaded stays in memory. */
  readonly recall?: DfRecall;
  /** Absent: the store forgets by itself. */
  readonly forgetting?: DfForgetting;
  /** What may be done later is done now; absent: there is nothing. */
  upkeep?(): Promise<void>;
}

/**
 * What was committed, read at once within a turn: so that what is not in use need not be in memory. Calls by the hex of
 * their correlation ID.
 */
export interface DfRecall {
  stream(key: string): StreamState | null;
  communications(call: string): Communication[];
  keySessions(call: string): StoredKeySession[];
  /** Calls of a LIID. */
  callsOf(liid: string): string[];
  /** Calls whose key management under a task is kept. */
  keyedCallsOf(xid: string): string[];
}

/** For a store whose records do not go by themselves when their time has come. */
export interface DfForgetting {
  /**
   * Forgets streams, communications and key sessions not seen since `before`; CINs are never given again. Of streams it
   * keeps `mostStreams`, and gives how many were forgotten for that: those that have been silent longest.
   */
  expire(before: number, mostStreams: number): Promise<number>;
  /** PDUs of calls under a LIID that wait in the outbox. */
  undelivered(liid: string): Promise<number>;
  /** Leaves nothing of what was deleted in any file. */
  scrub(): Promise<void>;
}

/** A PS-PDU that waits for its destination. */
export interface OutboxEntry extends OutboxAppend {
  /** Increases strictly in the order of appending. */
  readonly position: number;
}

/** What is to be known of an entry that may give way. */
export interface NewestEntry extends Omit<OutboxEntry, 'octets'> {
  /** Octets that it has. */
  readonly length: number;
}

/** PDUs and their octets. */
export interface Amount {
  readonly count: number;
  readonly octets: number;
}

/** What waits of one warrant on one interface. */
export interface WaitingShare extends Amount {
  readonly liid: string;
  readonly interface: OutboxAppend['interface'];
}

/** A part of what waits for a destination: HI1 and HI2, or HI3. */
export type OutboxPart = 'records' | 'content';

/** What the handover manager reads: PS-PDUs by destination in order, gone only when the LEMF has acknowledged them. */
export interface HandoverOutbox {
  /** The oldest entries of a destination after a position (0: from the start). */
  pending(did: string, after: number, limit: number): Promise<OutboxEntry[]>;
  /** Removes a destination's entries up to and including a position; those up to and including `after` stay. */
  acknowledge(did: string, upTo: number, after?: number): Promise<void>;
  /** What waits for a destination; known without looking at it. */
  waiting(did: string): Amount;
  /** Destinations that have entries. */
  destinations(): string[];
  /** Calls `listener` with the destinations that something has come for; gives the way to stop it. */
  onAppend(listener: (dids: ReadonlySet<string>) => void): () => void;
}

/** The outbox that commits append to. */
export interface Outbox extends HandoverOutbox {
  /** As that of `HandoverOutbox`. @param part looked at alone; absent: all */
  pending(did: string, after: number, limit: number, part?: OutboxPart): Promise<OutboxEntry[]>;
  /** As that of `HandoverOutbox`. @param part of which entries are removed; absent: all */
  acknowledge(did: string, upTo: number, after?: number, part?: OutboxPart): Promise<void>;
  /** The same by warrant and interface. */
  shares(did: string): Iterable<WaitingShare>;
  /** Of a warrant, on one interface, the entries that wait for a destination: those of the newest calls first. */
  newest(
    did: string,
    reference: OutboxAppend['interface'],
    liid: string,
    limit: number,
  ): Promise<NewestEntry[]>;
}

/** What has left the outbox for processes that deliver, and waits there. */
export interface PassedOn {
  /** PDUs of calls under a LIID that wait. @throws if nobody can be asked */
  undelivered(liid: string): Promise<number>;
  /** Removes what waits of calls under these LIIDs. @throws if it could not be removed */
  retire(liids: ReadonlySet<string>): Promise<void>;
}

/** Files of what waits beside the outbox. */
export interface ContentFiles {
  /** The store has all that is in the files alone, but for what waits. @throws StorageError */
  upkeep(): Promise<void>;
  /** Octets of the files. */
  readonly spoolOctets: number;
  /** Damages that were found since they were opened. */
  readonly spoolDamage: number;
  /** Calls `listener` with each damage, also those that were found before. */
  watchDamage(listener: (damage: string) => void): void;
}

/** One PS-PDU from a record; pure. */
export type RecordEncoder = (
  record: HandoverRecord | NoticeRecord | CinResetRecord,
  sequenceNumber: number,
) => Uint8Array;

/* --------------------------------------------------------------------- Xk */

/** The KMS over Xk. */
export interface KeySource {
  /** @throws any error where there is no answer: the question may be put again */
  getKeys(question: GetKeysRequest): Promise<GetKeysResponse>;
}

/* ------------------------------------------------------------- decryption */

/** What is needed to open a stream. */
export interface OpeningKey {
  /** `null`: of a key that the SDP shows. */
  readonly csId: number | null;
  /** `null`: any stream may be under it. */
  readonly ssrc: number | null;
  /** By its registered SDES name. */
  readonly cipher: string;
  readonly keyAndSalt: Secret;
  /** The roll-over counter to begin with. */
  readonly roc: number;
  readonly mkiLength: number;
}

/** An RTP or RTCP packet in the clear, and the crypto session under whose key it was. */
export interface OpenedContent {
  readonly packet: Uint8Array;
  readonly csId: number | null;
}

/** Opens content in the network. What it knows is in memory alone. */
export interface ContentOpener {
  /** Calls of which there are keys. */
  readonly calls: number;
  /** Whether there are keys of a call. */
  knows(call: string): boolean;
  /** Gives whether there was one that was not known. The keys are the opener's from now on. */
  add(call: string, keys: readonly OpeningKey[], now: number): boolean;
  /** `null`: no key fits, or there is none. @param stream tells streams of one SSRC apart */
  open(
    call: string,
    packet: { readonly kind: 'rtp' | 'rtcp'; readonly octets: Uint8Array; readonly stream: string },
    now: number,
  ): OpenedContent | null;
  /** Wipes the keys of calls that were not heard of since `before`. */
  forget(before: number): void;
}

/* ------------------------------------------------------------------ tasks */

/** One warrant's part of a task: MediationDetails of X1. */
export interface TaskMediation {
  readonly liid: string;
  readonly delivers: 'HI2Only' | 'HI3Only' | 'HI2andHI3';
  /** Unix milliseconds, inclusive; `null`: no bound. */
  readonly start: number | null;
  /** Unix milliseconds, exclusive; `null`: no bound. */
  readonly end: number | null;
  readonly destinations: readonly HandoverDestination[];
  /** When location is handed over; default: never. */
  readonly location?: LocationCoverage | undefined;
  /** Whether digits are handed over that are dialled while a call stands; default: they are. */
  readonly digits?: boolean | undefined;
}

export interface HandoverDestination {
  readonly did: string;
  /** DNS name or address literal of the LEMF, where it is known. */
  readonly host?: string | undefined;
  readonly delivers: 'HI2Only' | 'HI3Only' | 'HI2andHI3';
}

/** A task as the DF sees it. */
export interface DfTask {
  readonly xid: string;
  readonly targets: readonly { readonly name: string; readonly value: string }[];
  readonly mediations: readonly TaskMediation[];
  /** Unix milliseconds. */
  readonly activatedAt: number;
}

/** Tasks that other processes change as well. */
export interface SharedTaskView {
  /** The number of the newest change that is in effect here. */
  readonly version: number;
  /** Takes in what others have changed. @throws if it is not known */
  refresh(): Promise<void>;
  /** Whether a commit was refused since the newest change is another one. */
  isOutdated(error: unknown): boolean;
}

/** Which of the partitions that the calls of a DF are in. */
export interface CallPartition {
  /** From 0. */
  readonly partition: number;
  readonly partitions: number;
}

/** The tasks that the ADMF has provisioned at this DF. */
export interface DfTasks {
  /** The task, or `null` if there is none of that XID (yet). */
  find(xid: string): DfTask | null;
}

/** The same tasks, by warrant. */
export interface DfWarrants {
  /** LIIDs that tasks have. */
  liids(): Iterable<string>;
  /** The tasks that have a part of a warrant. */
  tasksOf(liid: string): readonly DfTask[];
  /** The warrants that deliver to a destination. */
  deliveringTo(did: string): readonly string[];
  /** Whether there is such a destination. */
  isDestination(did: string): boolean;
}

/** Where trouble goes: X1 ReportTaskIssue and ReportNEIssue. Must not throw. */
export interface DfIssues {
  taskIssue(xid: string, description: string): void;
  elementIssue(description: string): void;
}

/** Where accepted PDUs are recorded as they came, for tests and the laboratory. */
export interface PduRecorder {
  accepted(reference: 'x2' | 'x3', octets: Uint8Array): void;
}
