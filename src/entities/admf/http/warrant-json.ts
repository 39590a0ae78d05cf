/** Warrants as the officers' interface has them. */
import { present } from '../../../bytes/present.ts';
import { isoTime } from '../../../bytes/iso-time.ts';
import { targetKeys } from '../../../x1/target-keys.ts';
import type { ElementProgress } from '../provisioning.ts';
import { coveredPeriods } from '../warrants.ts';
import type { HistoryEntry, PendingChange, Warrant, WarrantChanges, WarrantRecord } from '../warrants.ts';

export function warrantJson(record: WarrantRecord, degraded: ReadonlySet<string>): object {
  const { warrant, xid, state, version, authors, approvals, reference, imported, erased } = record;
  const lapsesAt = record.emergency?.lapsesAt ?? null;
  return {
    liid: warrant.liid,
    xid,
    state,
    degraded: degraded.has(warrant.liid),
    changing: record.undo !== null,
    generation: version,
    ...contentsJson(warrant),
    location: warrant.location ?? false,
    xk: warrant.xk ?? false,
    covered: coveredJson(record),
    authors,
    approvals,
    ...present({
      pending: record.pending === null ? null : pendingJson(record.pending),
      lapses: lapsesAt === null ? null : isoTime(lapsesAt),
      reference,
    }),
    imported,
    erased,
  };
}

export function eventJson({ at, by, act, state, version, reason, detail }: HistoryEntry): object {
  return present({ at: isoTime(at), by, act, state, generation: version, reason, detail });
}

export function progressJson({ element, kind, task, isDelivering }: ElementProgress): object {
  return { element, kind, task, delivers: isDelivering };
}

function pendingJson({ change, by, reason, at }: PendingChange): object {
  const { kind } = change;
  return {
    kind,
    by,
    at: isoTime(at),
    reason,
    ...(kind === 'amend' ? { changes: contentsJson(change.changes) } : {}),
    ...(kind === 'extend' ? timesJson(change) : {}),
  };
}

/** What nobody has approved covers nothing. */
function coveredJson(record: WarrantRecord): object[] {
  if (['draft', 'submitted', 'rejected'].includes(record.state)) return [];
  return coveredPeriods(record).map(({ from, until, delivery }) => ({
    from: isoTime(from),
    until: isoTime(until),
    delivery,
  }));
}

function contentsJson(contents: WarrantChanges): object {
  const { targets, delivery, lemf, location, xk } = contents;
  return present({ targets, delivery, ...timesJson(contents), lemf, location, xk });
}

interface Times {
  readonly startTime?: number | null | undefined;
  readonly endTime?: number | undefined;
}

function timesJson({ startTime, endTime }: Times): object {
  const textOf = (time: number | null | undefined): string | null =>
    time === undefined || time === null ? null : isoTime(time);
  return present({ startTime: textOf(startTime), endTime: textOf(endTime) });
}

/** Whether a warrant is about an identity: a URI, or `NAME=VALUE`; spellings of one identity are the same. */
export function isAbout({ targets }: Pick<Warrant, 'targets'>, identity: string): boolean {
  const [, name, value] = /^([a-z][a-zA-Z0-9]*)=(.+)$/s.exec(identity) ?? [];
  const asked = name === undefined || value === undefined ? null : { name, value };
  const keys = new Set(targetKeys(asked ?? { name: 'impu', value: identity }));
  return targets.some(
    (target) =>
      targetKeys(target).some((key) => keys.has(key)) ||
      (target.value === (asked?.value ?? identity) && (asked === null || asked.name === target.name)),
  );
}
