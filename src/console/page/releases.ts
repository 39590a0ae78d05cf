/**
 * Keys that KMSs have released, held against the warrants: each release (`get-keys`, answered) on the log of a KMS must
 * have its warrant on the log of the ADMF, which was approved before and covers the time T of the messages that the keys
 * are of, or was in force when a call that had begun before was taken up (`beforeStart`).
 *
 *     KMS    get-keys   xid, t, beforeStart                      of a LEMF that asks itself: liid
 *     ADMF   warrant-…  xid, liid, state, start, end, by         a period begins with the approval, ends with the end
 */
import { hexToBytes } from '@noble/hashes/utils.js';
import { unixMsFromNtp } from '../../mikey/ntp.ts';
import type { AuditRecord } from '../../evidence/log.ts';
import type { ReadLog } from './audit-logs.ts';

/** What is wrong with a release. */
export type ReleaseFault = 'no-warrant' | 'not-approved' | 'outside' | 'no-time';

export interface KeyRelease {
  /** The KMS. */
  readonly entity: string;
  readonly record: AuditRecord;
  /** Who asked. */
  readonly client: string;
  readonly target: string;
  readonly xid: string;
  /** T of the first message, Unix milliseconds; `null`: the record has none. */
  readonly sent: number | null;
  readonly isBeforeStart: boolean;
  /** Crypto sessions whose keys were given. */
  readonly sessions: number;
  /** Of the warrant; `null`: none was found. */
  readonly liid: string | null;
  /** Who approved it; empty: that is not on the log. */
  readonly approvedBy: readonly string[];
  /** `covered`: it has its warrant; `unjudged`: the ADMF's log cannot be held against it. */
  readonly verdict: 'covered' | 'unjudged' | ReleaseFault;
}

/** A warrant as the ADMF's log has it. */
interface LoggedWarrant {
  readonly liid: string;
  /** Who has approved it. */
  readonly approvals: string[];
  /** Unix milliseconds. `known`: since when it is on the log as approved. */
  readonly periods: { readonly start: number; end: number; readonly known: number }[];
}

/** X1 and Xk have times in whole seconds. */
const SECOND_MS = 1_000;
/** By how much the clocks of two entities may differ, milliseconds. */
const SKEW_MS = 300_000;

const APPROVALS = ['warrant-approved', 'warrant-approved-once', 'warrant-change-approved'];
const BEGUN = ['approved', 'provisioning', 'active', 'suspending', 'ending'];
const OVER = ['suspended', 'ended', 'rejected', 'failed'];

/** The newest first. */
export function releasesIn(logs: readonly ReadLog[]): KeyRelease[] {
  const warrants = new WarrantsOnLog(logs.filter(({ kind }) => kind === 'admf'));
  const found = logs
    .filter(({ kind }) => kind === 'kms')
    .flatMap(({ name, records }) =>
      records.filter(isRelease).map((record) => releaseOf(name, record, warrants)),
    );
  return found.sort((a, b) => Date.parse(b.record.time) - Date.parse(a.record.time));
}

/** Whether it is red. */
export function isWithoutWarrant({ verdict }: KeyRelease): boolean {
  return verdict !== 'covered' && verdict !== 'unjudged';
}

/** How many questions were refused. */
export function refusedIn(logs: readonly ReadLog[]): number {
  const isRefusal = ({ event }: AuditRecord): boolean =>
    event.kind === 'get-keys' && event['outcome'] !== 'answered';
  return logs.reduce((sum, { records }) => sum + records.filter(isRefusal).length, 0);
}

function isRelease({ event }: AuditRecord): boolean {
  return event.kind === 'get-keys' && event['outcome'] === 'answered';
}

function releaseOf(entity: string, record: AuditRecord, warrants: WarrantsOnLog): KeyRelease {
  const { event, time } = record;
  const text = (name: string): string => String(event[name] ?? '');
  const warrant = warrants.of(text('xid'), text('liid'));
  const release = {
    ...{ entity, record, client: text('client'), target: text('target'), xid: text('xid') },
    sent: timeOfMessage(text('t')),
    isBeforeStart: event['beforeStart'] === true,
    sessions: Number(event['cryptoSessions'] ?? 0),
    liid: warrant?.liid ?? null,
    approvedBy: [...new Set(warrant?.approvals)],
  };
  const verdict = warrants.covers(Date.parse(time))
    ? verdictOn(release, Date.parse(time), warrant)
    : 'unjudged';
  return { ...release, verdict };
}

function verdictOn(
  { sent, isBeforeStart }: Pick<KeyRelease, 'sent' | 'isBeforeStart'>,
  at: number,
  warrant: LoggedWarrant | null,
): KeyRelease['verdict'] {
  if (warrant === null) return 'no-warrant';
  const approved = warrant.periods.filter(({ known }) => known <= at + SKEW_MS);
  if (approved.length === 0) return 'not-approved';
  if (sent === null) return 'no-time';
  const isWithin = approved.some(({ start, end }) => start - SECOND_MS <= sent && sent < end + SECOND_MS);
  // A call that was under way when the warrant began: its messages are older, the warrant is in force.
  const isTakenUp =
    isBeforeStart &&
    approved.some(({ start, end }) => sent < start && start <= at + SKEW_MS && at < end + SKEW_MS);
  return isWithin || isTakenUp ? 'covered' : 'outside';
}

/** Unix milliseconds. @param hex of an NTP timestamp */
function timeOfMessage(hex: string): number | null {
  return /^[0-9a-f]{16}$/.test(hex) ? unixMsFromNtp(hexToBytes(hex)) : null;
}

/** The warrants of the logs of ADMFs. */
class WarrantsOnLog {
  readonly #byXid = new Map<string, LoggedWarrant>();
  readonly #byLiid = new Map<string, LoggedWarrant>();
  /** Since when the logs are known, Unix milliseconds; `Infinity`: not at all. */
  readonly #since: number;

  constructor(logs: readonly ReadLog[]) {
    const isWhole = logs.length > 0 && logs.every(({ state, why }) => state === 'verified' && why === '');
    const begun = logs.map(({ records, verified }) =>
      records.length < verified ? Date.parse(records[0]?.time ?? '') : -Infinity,
    );
    this.#since = isWhole ? Math.max(...begun) : Infinity;
    for (const { records } of logs)
      for (const record of records) if (record.event.kind.startsWith('warrant-')) this.#enter(record);
  }

  /** Whether what was released at that time can be held against them. */
  covers(at: number): boolean {
    return at >= this.#since;
  }

  of(xid: string, liid: string): LoggedWarrant | null {
    return this.#byXid.get(xid) ?? this.#byLiid.get(liid) ?? null;
  }

  #enter({ event, time }: AuditRecord): void {
    const { xid, liid, state, start, end, by } = event;
    if (typeof xid !== 'string' || typeof liid !== 'string' || typeof state !== 'string') return;
    const known = this.#byXid.get(xid) ?? { liid, approvals: [], periods: [] };
    this.#byXid.set(xid, known);
    this.#byLiid.set(liid, known);
    const at = Date.parse(time);
    if (APPROVALS.includes(event.kind) && typeof by === 'string') known.approvals.push(by);
    const last = known.periods.at(-1);
    if (BEGUN.includes(state)) {
      const [from, to] = [Date.parse(String(start)), Date.parse(String(end))];
      if (last?.start === from) last.end = to;
      else known.periods.push({ start: from, end: to, known: at });
    }
    if (OVER.includes(state) && last !== undefined) last.end = Math.min(last.end, at);
  }
}
