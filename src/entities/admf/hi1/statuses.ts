/** The statuses of tasks and authorisations, from what has become of their warrants. */
import { FINAL_STATUSES } from '../../../wire/hi1/dictionaries.ts';
import type { AuthorisationStatus, Hi1Status, TaskStatus } from '../../../wire/hi1/dictionaries.ts';
import type { HistoryEntry, WarrantRecord, WarrantState } from '../warrants.ts';
import type { StoredObject } from './ports.ts';

const OF_STATE: Readonly<Record<WarrantState, TaskStatus | null>> = {
  draft: 'AwaitingApproval',
  submitted: 'AwaitingApproval',
  approved: 'AwaitingProvisioning',
  provisioning: 'AwaitingProvisioning',
  active: 'Active',
  suspending: 'Suspended',
  suspended: 'Suspended',
  rejected: 'Rejected',
  failed: 'Error',
  // How it came to its end is in its history.
  ending: null,
  ended: null,
};

const ENDINGS: Readonly<Record<string, TaskStatus>> = {
  withdrawn: 'Cancelled',
  rejected: 'Rejected',
  lapsed: 'Expired',
  expired: 'Expired',
};

/**
 * @param record the task's warrant; `null`: there is none
 * @param history of the warrant, in order
 */
export function taskStatus(
  { status, reason, task }: StoredObject,
  record: WarrantRecord | null,
  history: readonly Pick<HistoryEntry, 'act'>[],
): Hi1Status | null {
  if (record === null) {
    if (task !== null && task.due !== 'nothing') return status;
    if (reason !== null) return 'Invalid';
    return task?.wish.desired === 'Cancelled' ? 'Cancelled' : status;
  }
  const end = [...history].reverse().find(({ act }) => Object.hasOwn(ENDINGS, act));
  return OF_STATE[record.state] ?? (end === undefined ? 'Cancelled' : (ENDINGS[end.act] ?? 'Cancelled'));
}

/** Whether a warrant is carried out on one approval, and waits for the second. */
export function isProvisional(record: WarrantRecord | null): boolean {
  const isCarried = record !== null && ['approved', 'provisioning', 'active'].includes(record.state);
  return isCarried && record.emergency !== null && record.emergency.lapsesAt !== null;
}

/**
 * @param tasks statuses of its tasks
 * @param ended what it is if it has no task: whether it was cancelled, or its time is over; `null`: neither
 */
export function authorisationStatus(
  tasks: readonly (Hi1Status | null)[],
  provisional: boolean,
  ended: 'Cancelled' | 'Expired' | null,
): AuthorisationStatus {
  if (tasks.length === 0) return ended ?? 'AwaitingApproval';
  if (provisional) return 'EmergencyApproval';
  const some = (...statuses: readonly Hi1Status[]): boolean =>
    tasks.some((status) => status !== null && statuses.includes(status));
  if (some('Active', 'AwaitingProvisioning')) return 'Approved';
  if (some('AwaitingApproval')) return 'AwaitingApproval';
  if (some('Suspended')) return 'Suspended';
  // An element's fault is not the authorisation's; it can have further tasks.
  if (some('Error')) return ended ?? 'Approved';
  const finals = FINAL_STATUSES.filter((status) => some(status));
  if (finals.length === 1 && finals[0] === 'Invalid') return ended ?? 'AwaitingApproval';
  if (ended !== null) return ended;
  if (some('Expired')) return 'Expired';
  return some('Cancelled') ? 'Cancelled' : 'Rejected';
}
