/** What the ADMF says where a warrant is not carried out, or not known. */
import { messageOf } from '../../bytes/errors.ts';
import { AdmfError } from './errors.ts';
import type { Failure } from './provisioning.ts';

/** @param left elements at which something is still to be withdrawn */
export function provisioningFailed(
  what: string,
  failures: readonly Failure[],
  left: readonly Failure[],
): AdmfError {
  const reasons = failures.map(({ element, error }) => `${element}: ${messageOf(error)}`);
  const rest = left.map(({ element }) => element);
  const note = rest.length === 0 ? '' : `; not yet withdrawn at ${rest.join(', ')}, which is tried again`;
  const cause = failures[0]?.error;
  return new AdmfError('provisioning-failed', `${what}: ${reasons.join('; ')}${note}`, { cause });
}

export function warrantUnknown(liid: string): AdmfError {
  return new AdmfError('warrant-unknown', `there is no warrant ${liid}`);
}

export function admfStopped(): AdmfError {
  return new AdmfError('stopped', 'the ADMF is stopping; it goes on after its next start');
}
