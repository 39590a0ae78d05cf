/**
 * Warrants, as HI1 brings them: who is intercepted, from when to when, what is delivered, and to which LEMF. One warrant
 * is one LIID and one XID, the same XID at every element, so that several warrants on one call stay apart.
 */
import { endpointOf } from '../../x1/policy.ts';
import { XmlDocumentError } from '../../wire/xml/errors.ts';
import { encodeX1Request } from '../../wire/x1/containers.ts';
import { X1_VERSION } from '../../wire/x1/versions.ts';
import { lemfTaskXid } from '../../wire/xk/lemf-task.ts';
import type { WARRANT_STATES } from '../../wire/officers/warrants.ts';
import type { Destination } from '../../wire/x1/details.ts';
import { keyClientOf } from '../../wire/x1/key-client.ts';
import type { TargetIdentifier } from '../../wire/x1/target-identifiers.ts';
import { X1_SIZE_LIMIT } from '../../wire/x1/names.ts';
import type { X1RequestBody } from '../../wire/x1/requests.ts';
import { AdmfError } from './errors.ts';

/** Host name or IP address, and port. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface Warrant {
  /** Lawful interception identifier: 1 to 25 printable characters, or 26 to 50 hex digits in lower case. */
  readonly liid: string;
  /** The target's identities, by the element names of X1; all of them are names of the one target. */
  readonly targets: readonly TargetIdentifier[];
  /** Intercept related information alone, or content as well. */
  readonly delivery: 'IRI' | 'IRI+CC';
  /** In force from here on, inclusive. Unix milliseconds. */
  readonly startTime: number;
  /** In force until here, exclusive. Unix milliseconds. */
  readonly endTime: number;
  readonly lemf: {
    readonly hi2: HostPort;
    /** Needed for content. */
    readonly hi3?: HostPort;
  };
  /**
   * Whether the warrant covers the target's location; default: it does not. `true`: where a session or something
   * else begins or ends; `uponChange`: also in between.
   */
  readonly location?: boolean | 'uponChange';
  /** The LEMF that may ask the KMS for keys itself, by a name in its certificate; default: none may. Without content there is nothing to ask for. */
  readonly xk?: string | false;
}

/** What each means: `life.ts`. */
export type WarrantState = (typeof WARRANT_STATES)[number];

/** A time that a warrant covered, and what it covered then. Unix milliseconds; `until` is exclusive. */
export interface CarriedPeriod {
  readonly from: number;
  readonly until: number;
  readonly delivery: Warrant['delivery'];
  /** Names of the target then; absent: as they are now. Deleted with the warrant's contents. */
  readonly targets?: Warrant['targets'];
  /** The LEMF that could ask the KMS itself; absent: none could. */
  readonly xk?: string;
}

/** What may be changed of a warrant. */
export type WarrantChanges = Partial<Omit<Warrant, 'liid'>>;

/** A change that waits for a second officer. */
export type ProposedChange =
  | { readonly kind: 'amend'; readonly changes: WarrantChanges }
  /** After a suspension, from the moment of the approval on. */
  | { readonly kind: 'resume' }
  /** After the end: a new period. Its start is no earlier than the approval. */
  | { readonly kind: 'extend'; readonly startTime: number | null; readonly endTime: number };

export interface PendingChange {
  readonly change: ProposedChange;
  /** Who proposes it, why, and since when (Unix milliseconds). */
  readonly by: string;
  readonly reason: string;
  readonly at: number;
}

export interface WarrantRecord {
  readonly warrant: Warrant;
  readonly xid: string;
  readonly state: WarrantState;
  /** Counts the changes of the record, from 1. */
  readonly version: number;
  /** What it covers now begins here, Unix milliseconds: at its start, or when it was approved or resumed if that was later. */
  readonly from: number;
  /** What it covers now ended here, before the warrant's end or with it; `null`: it has not. */
  readonly until: number | null;
  /** Until when what was intercepted is delivered, Unix milliseconds; `null`: nothing is under way. */
  readonly drainUntil: number | null;
  /** What it covered before, in order. */
  readonly periods: readonly CarriedPeriod[];
  /** Who entered it, and who changed what was entered before it was approved. */
  readonly authors: readonly string[];
  /** Who has approved it. */
  readonly approvals: readonly string[];
  /** Whether it was entered as an emergency, and when it lapses without a second approval; `null` in there: it has it. */
  readonly emergency: { readonly lapsesAt: number | null } | null;
  /** A name that whoever entered it has for it; unique. */
  readonly reference: string | null;
  /** Whether it came with an imported file. */
  readonly imported: boolean;
  readonly pending: PendingChange | null;
  /** What it was before a change that not all elements have taken yet. */
  readonly undo: Warrant | null;
  /** When it ended, failed or was rejected. */
  readonly closedAt: number | null;
  /** Whether its contents (targets) were deleted. */
  readonly erased: boolean;
}

/** What happened to a warrant. */
export interface HistoryEntry {
  readonly liid: string;
  readonly xid: string;
  /** Unix milliseconds. */
  readonly at: number;
  /** The officer; `null`: time or the elements decided. */
  readonly by: string | null;
  /** `entered`, `approved`, … */
  readonly act: string;
  /** The state after it. */
  readonly state: WarrantState;
  readonly version: number;
  readonly reason: string | null;
  /** What was changed or proposed, as JSON; `null`: nothing, or deleted with the contents. */
  readonly detail: string | null;
}

/** What is said of a change for the history. */
export type HistoryNote = Pick<HistoryEntry, 'act' | 'by' | 'state' | 'reason' | 'detail'>;

/** A record after a change, and what led to it. */
export interface WarrantChange {
  readonly record: WarrantRecord;
  readonly notes: readonly HistoryNote[];
  /** What it becomes if a proposed change is approved: checked as if it were. */
  readonly wouldBe?: WarrantRecord;
}

/** The end of the year 9999, beyond which X1 has no dates. */
const LAST_TIME = 253_402_300_799_999;

/** Whether something may still come of the warrant by itself. */
export function isOpen({ state }: WarrantRecord): boolean {
  return state !== 'ended' && state !== 'failed' && state !== 'rejected';
}

/** Whether nobody intercepts for it any more, and what was intercepted before is still delivered. */
export function isDraining({ state }: WarrantRecord): boolean {
  return state === 'ending' || state === 'suspending';
}

/** Whether all of these names are among those. */
export function areAmong(names: Warrant['targets'], others: Warrant['targets']): boolean {
  return names.every(({ name, value }) =>
    others.some((other) => other.name === name && other.value === value),
  );
}

/** A time that a warrant covers, or covered, by what it says now. */
export function periodOf(
  { delivery, targets, xk = false }: Warrant,
  from: number,
  until: number,
): CarriedPeriod {
  return { from, until, delivery, targets, ...(xk === false ? {} : { xk }) };
}

/** The XIDs of its tasks: the same at every element, and at the KMS another for the LEMF that may ask it, or might before. */
export function xidsOf({ xid, warrant, periods }: WarrantRecord): string[] {
  const isAsked = lemfOf(warrant) !== null || periods.some(({ xk }) => xk !== undefined);
  return isAsked ? [xid, lemfTaskXid(warrant.liid)] : [xid];
}

/** The LEMF that may ask the KMS itself. */
export function lemfOf({ xk = false }: Warrant): string | null {
  return xk === false ? null : xk;
}

/** All that it has covered and covers, in order; what follows without a gap and is alike is one. */
export function coveredPeriods(record: WarrantRecord): CarriedPeriod[] {
  const { warrant, from, until, periods } = record;
  const present = { from, until: until ?? warrant.endTime, delivery: warrant.delivery };
  const joined: CarriedPeriod[] = [];
  for (const period of [...periods, present]) {
    const last = joined.at(-1);
    const { from: start, until: end, delivery } = period;
    if (start >= end) continue;
    if (last?.until === start && last.delivery === delivery) {
      joined.splice(-1, 1, { from: last.from, until: end, delivery });
    } else joined.push({ from: start, until: end, delivery });
  }
  return joined;
}

/**
 * Checks a warrant by itself, and the requests it leads to by what X1 can carry.
 * @throws AdmfError `invalid-warrant`
 */
export function requireWarrant(warrant: Warrant, requests: readonly X1RequestBody[], now: number): void {
  const times = [warrant.startTime, warrant.endTime];
  if (!times.every((time) => time >= 0 && time <= LAST_TIME)) throw invalid(warrant, 'its times');
  if (warrant.startTime >= warrant.endTime) throw invalid(warrant, 'its end is not after its start');
  if (warrant.endTime <= now) throw invalid(warrant, 'it has ended');
  if (warrant.delivery === 'IRI+CC' && warrant.lemf.hi3 === undefined)
    throw invalid(warrant, 'content needs an HI3');
  const header = {
    admfIdentifier: 'admf',
    neIdentifier: 'ne',
    timestamp: now,
    version: X1_VERSION,
    transactionId: '00000000-0000-4000-8000-000000000000',
  };
  try {
    for (const body of requests) {
      if ('destination' in body && !isPlace(body.destination)) throw invalid(warrant, 'its LEMF’s address');
      if (encodeX1Request([{ header, body }]).length > X1_SIZE_LIMIT)
        throw invalid(warrant, 'it is too large');
    }
  } catch (cause) {
    if (cause instanceof XmlDocumentError) throw invalid(warrant, cause.message, cause);
    throw cause;
  }
}

/** Whether it is somewhere to deliver to, or stands for a LEMF that asks. */
function isPlace(destination: Destination): boolean {
  return endpointOf(destination) !== null || keyClientOf(destination) !== null;
}

function invalid({ liid }: Warrant, why: string, cause?: unknown): AdmfError {
  return new AdmfError('invalid-warrant', `warrant ${liid} cannot be carried out: ${why}`, { cause });
}
