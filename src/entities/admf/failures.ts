/** What the ADMF says where a warrant is not carried out, or not known. */
import { messageOf } from '../../bytes/errors.ts';
import { AdmfError } from './errors.ts';
import type { Failure } from './provisioning.ts';

/** Characters of a reason in the history at most. */
const LONGEST_REASON = 1000;

/** Steps of a warrant's life (`life.ts`) that follow from what an element has refused. */
const OF_REFUSALS: ReadonlySet<string> = new Set(['failed', 'change-refused']);

/** Why a step was taken, in the elements' words; `null`: of itself. */
export function whyTaken(act: string, refusals: readonly Failure[]): string | null {
  if (!OF_REFUSALS.has(act) || refusals.length === 0) return null;
  return reasonsOf(refusals).join('; ').slice(0, LONGEST_REASON);
}

/** @param left elements at which something is still to be withdrawn */
export function provisioningFailed(
  what: string,
  failures: readonly Failure[],
  left: readonly Failure[],
): AdmfError {
  const reasons = reasonsOf(failures);
  const rest = left.map(({ element }) => element);
  const note = rest.length === 0 ? '' : `; not yet withdrawn at ${rest.join(', ')}, which is tried again`;
  const cause = failures[0]?.error;
  return new AdmfError('provisioning-failed', `${what}: ${reasons.join('; ')}${note}`, { cause });
}

function reasonsOf(failures: readonly Failure[]): string[] {
  return failures.map(({ element, error }) => `${element}: ${messageOf(error)}`);
}

export function warrantUnknown(liid: string): AdmfError {
  return new AdmfError('warrant-unknown', `there is no warrant ${liid}`);
}

export function admfStopped(): AdmfError {
  return new AdmfError('stopped', 'the ADMF is stopping; it goes on after its next start');
}
