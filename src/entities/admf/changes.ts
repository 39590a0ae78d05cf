/**
 * What a change of a warrant means. What narrows it takes effect at once; what widens it needs a second officer:
 *
 *     narrower   an earlier end; before it has begun, a later start; IRI in place of IRI and content; fewer names of the
 *                target; no location;
 *                no LEMF that asks the KMS itself
 *     wider      the rest: a later end, an earlier start, content, another name of the target, another LEMF, location,
 *                a LEMF that asks the KMS itself
 *
 * A change that is partly the one and partly the other is one decision, and so is wider.
 */
import { areAmong, lemfOf, periodOf } from './warrants.ts';
import type { HostPort, Warrant, WarrantChanges, WarrantRecord } from './warrants.ts';

/** Whether the warrant after it covers something that the one before does not. */
export function widens(before: Warrant, after: Warrant): boolean {
  const isMoved = (was: HostPort | undefined, is: HostPort | undefined): boolean =>
    is !== undefined && (was?.host !== is.host || was.port !== is.port);
  return (
    after.endTime > before.endTime ||
    after.startTime < before.startTime ||
    (after.delivery === 'IRI+CC' && before.delivery === 'IRI') ||
    reachOf(after) > reachOf(before) ||
    (lemfOf(after) !== null && lemfOf(after) !== lemfOf(before)) ||
    !areAmong(after.targets, before.targets) ||
    isMoved(before.lemf.hi2, after.lemf.hi2) ||
    isMoved(before.lemf.hi3, after.lemf.hi3)
  );
}

/** How much of the target's location it covers. */
function reachOf({ location = false }: Warrant): number {
  return location === 'uponChange' ? 2 : Number(location);
}

/** The members in which two warrants differ. */
export function differences(one: Warrant, other: Warrant): (keyof WarrantChanges)[] {
  const members = ['targets', 'delivery', 'startTime', 'endTime', 'lemf', 'location', 'xk'] as const;
  return members.filter((member) => canonical(one, member) !== canonical(other, member));
}

/** The record with other contents from now on. What has begun has begun; what it delivered before stays on record. */
export function amended(record: WarrantRecord, warrant: Warrant, now: number): WarrantRecord {
  const { state, from, periods } = record;
  if (state === 'draft' || state === 'submitted') return { ...record, warrant, from: warrant.startTime };
  if (state === 'approved') return { ...record, warrant, from: Math.max(warrant.startTime, now) };
  const isRunning = state === 'provisioning' || state === 'active';
  const isOfSame = (['delivery', 'targets', 'xk'] as const).every(
    (member) => canonical(warrant, member) === canonical(record.warrant, member),
  );
  if (!isRunning || isOfSame) return { ...record, warrant };
  const past = periodOf(record.warrant, from, now);
  return { ...record, warrant, from: now, periods: from < now ? [...periods, past] : periods };
}

function canonical(warrant: Warrant, member: keyof WarrantChanges): string {
  const { targets, lemf } = warrant;
  if (member === 'targets') return JSON.stringify(targets.map(({ name, value }) => [name, value]).sort());
  if (member === 'lemf') {
    const { hi2, hi3 } = lemf;
    return JSON.stringify([hi2.host, hi2.port, hi3?.host, hi3?.port]);
  }
  const isOff = member === 'location' || member === 'xk';
  return JSON.stringify(isOff ? (warrant[member] ?? false) : warrant[member]);
}
