/** Which records of the audit logs are listed: all logs in one timeline, the newest first. */
import type { AuditRecord } from '../../evidence/log.ts';
import type { ReadLog } from './audit-logs.ts';

export interface AuditWishes {
  /** Name of an entity; empty: any. */
  readonly entity: string;
  /** Kind of event; empty: any. */
  readonly kind: string;
  /** Words that are in a field, or in a kind. */
  readonly search: string;
  /** Unix milliseconds; `null`: from the beginning, to the end. */
  readonly from: number | null;
  readonly until: number | null;
  /** Rows at most. */
  readonly rows: number;
}

export const ALL_RECORDS: AuditWishes = {
  ...{ entity: '', kind: '', search: '', from: null, until: null, rows: 100 },
};

export interface AuditEntry {
  readonly entity: string;
  readonly record: AuditRecord;
}

/** Those that are wished for, the newest first; of one moment in the order of the chain. */
export function listedEntries(logs: readonly ReadLog[], wishes: AuditWishes): AuditEntry[] {
  const words = wishes.search.trim().toLowerCase();
  const found = logs
    .filter(({ name }) => wishes.entity === '' || name === wishes.entity)
    .flatMap(({ name, records }) =>
      records
        .filter((record) => isWishedRecord(record, wishes, words))
        .map((record) => ({ entity: name, record })),
    );
  return found.sort(
    (a, b) =>
      descending(a.record.time, b.record.time) ||
      descending(a.entity, b.entity) ||
      b.record.sequence - a.record.sequence,
  );
}

/** The kinds that there are. */
export function kindsIn(logs: readonly ReadLog[]): string[] {
  return [...new Set(logs.flatMap(({ records }) => records.map(({ event }) => event.kind)))].sort();
}

/** The fields of an event but its kind, as they are told. */
export function eventFields({ event }: AuditRecord): (readonly [string, string])[] {
  return Object.entries(event).flatMap(([name, value]) =>
    name === 'kind' ? [] : [[name, String(value)] as const],
  );
}

function isWishedRecord(record: AuditRecord, { kind, from, until }: AuditWishes, words: string): boolean {
  const { event, time } = record;
  if (kind !== '' && event.kind !== kind) return false;
  const at = Date.parse(time);
  if ((from !== null && at < from) || (until !== null && at >= until)) return false;
  return words === '' || Object.values(event).some((value) => String(value).toLowerCase().includes(words));
}

function descending(a: string, b: string): number {
  return a === b ? 0 : a < b ? 1 : -1;
}
