/** When what was asked of a warrant is done at the elements, or will not be: what a command that waits for them looks for. */
import { provisioningFailed } from './failures.ts';
import type { Failure, Situation } from './provisioning.ts';
import { isDraining } from './warrants.ts';
import type { WarrantRecord } from './warrants.ts';

/** A warrant that was taken, and how far it is. */
export interface AskedOutcome {
  /** What an act has made of it. */
  readonly asked: WarrantRecord;
  readonly record: WarrantRecord;
  readonly situation: Situation;
  /** Why it has failed, if it has. */
  readonly refusals: readonly Failure[];
  /** Unix milliseconds. */
  readonly now: number;
}

/** Of a warrant that has just taken a step, nothing is known of what the elements hold for it. */
export const NOTHING_KNOWN: Situation = {
  settled: false,
  refusals: [],
  failures: [],
  undelivered: [],
  pending: 0,
  leaving: false,
};

/**
 * Whether all is done for it that can be done at this time; an element that does not answer is asked until it does, and
 * not waited for.
 * @throws AdmfError `provisioning-failed` if an element has refused it, or the change, which is undone then
 */
export function isCarried({ asked, record, situation, refusals, now }: AskedOutcome): boolean {
  const { liid } = asked.warrant;
  const isUndone = record.warrant !== asked.warrant && record.warrant === asked.undo;
  if (isUndone && situation.pending === 0)
    throw provisioningFailed(`warrant ${liid} was not changed`, refusals, situation.failures);
  if (record.state === 'failed' && situation.pending === 0 && !situation.leaving)
    throw provisioningFailed(`warrant ${liid} was not activated`, refusals, situation.failures);
  if (record.state === 'failed') return false;
  const isAsFarAsCan = situation.pending === 0 && situation.failures.length > 0;
  return isAsFarAsCan || (!isUndone && isAsItShould(record, situation, now));
}

/**
 * Whether nothing is left at any element of a warrant that is ending or suspending.
 * @throws AdmfError `provisioning-failed` if an element has not done it yet
 */
export function isGone(record: WarrantRecord, situation: Situation): boolean {
  const { settled, pending, failures, refusals, leaving } = situation;
  if (isDraining(record) || pending > 0) return false;
  if (!settled)
    throw provisioningFailed(
      `warrant ${record.warrant.liid} is not deactivated everywhere`,
      [...refusals, ...failures],
      [],
    );
  return !leaving;
}

function isAsItShould(
  { state, from, undo }: WarrantRecord,
  { settled, pending }: Situation,
  now: number,
): boolean {
  const isAhead = state === 'approved' && now < from;
  const isActive = state === 'active' && undo === null && pending === 0;
  return isActive || state === 'ended' || state === 'suspended' || (isAhead && settled);
}
