/**
 * Warrants, as HI1 brings them: who is intercepted, from when to when, what is delivered, and to which LEMF. One warrant
 * is one LIID and one XID, the same XID at every element, so that several warrants on one call stay apart.
 */
import { endpointOf } from '../../x1/policy.ts';
import { XmlDocumentError } from '../../wire/xml/errors.ts';
import { encodeX1Request, X1_VERSION } from '../../wire/x1/containers.ts';
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
  /** Whether the warrant covers the target's location; default: it does not. */
  readonly location?: boolean;
}

/** As `life.ts` has them. */
export const WARRANT_STATES = ['approved', 'provisioning', 'active', 'ending', 'ended', 'failed'] as const;

export type WarrantState = (typeof WARRANT_STATES)[number];

export interface WarrantRecord {
  readonly warrant: Warrant;
  readonly xid: string;
  readonly state: WarrantState;
  /** What it covers begins here, Unix milliseconds: at its start, or when it was entered if that was later. */
  readonly from: number;
  /** Until when what was intercepted is delivered, Unix milliseconds; `null` before its end. */
  readonly drainUntil: number | null;
}

/** The end of the year 9999, beyond which X1 has no dates. */
const LAST_TIME = 253_402_300_799_999;

/** Whether the warrant still has tasks somewhere. */
export function isOpen({ state }: WarrantRecord): boolean {
  return state !== 'ended' && state !== 'failed';
}

/**
 * Checks a warrant by itself, and the requests it leads to by what X1 can carry.
 * @throws AdmfError `invalid-warrant`
 */
export function requireWarrant(warrant: Warrant, requests: readonly X1RequestBody[], now: number): void {
  const times = [warrant.startTime, warrant.endTime];
  if (!times.every((time) => time >= 0 && time <= LAST_TIME)) throw invalid('its times');
  if (warrant.startTime >= warrant.endTime) throw invalid('its end is not after its start');
  if (warrant.endTime <= now) throw invalid('it has ended');
  if (warrant.delivery === 'IRI+CC' && warrant.lemf.hi3 === undefined) throw invalid('content needs an HI3');
  const header = {
    admfIdentifier: 'admf',
    neIdentifier: 'ne',
    timestamp: now,
    version: X1_VERSION,
    transactionId: '00000000-0000-4000-8000-000000000000',
  };
  try {
    for (const body of requests) {
      if ('destination' in body && endpointOf(body.destination) === null) throw invalid('its LEMF’s address');
      if (encodeX1Request([{ header, body }]).length > X1_SIZE_LIMIT) throw invalid('it is too large');
    }
  } catch (cause) {
    if (cause instanceof XmlDocumentError) throw invalid(cause.message, cause);
    throw cause;
  }
}

function invalid(why: string, cause?: unknown): AdmfError {
  return new AdmfError('invalid-warrant', `the warrant cannot be carried out: ${why}`, { cause });
}
