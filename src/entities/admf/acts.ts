/**
 * What officers decide about a warrant, as pure functions from the record before to the record after.
 *
 *     approval: two   nobody approves what they entered or changed. What narrows a warrant takes effect at once; what
 *                     widens it (a later end, resuming, …) is proposed, and done when another officer approves it. An
 *                     emergency is carried out as soon as it is submitted, which is its first approval; it ends when the
 *                     second, by another officer, does not follow in time
 *     approval: one   submitting approves, and so does proposing
 */
import { amended, differences, widens } from './changes.ts';
import { AdmfError } from './errors.ts';
import { closed, ending, suspending } from './life.ts';
import type {
  HistoryNote,
  PendingChange,
  ProposedChange,
  Warrant,
  WarrantChange,
  WarrantChanges,
  WarrantRecord,
  WarrantState,
} from './warrants.ts';

/** Who does something, and why. */
export interface Act {
  /** The officer's name. */
  readonly by: string;
  /** Needed for what changes or ends a warrant that was submitted, or rejects it. */
  readonly reason?: string;
  /** The version of the record that it was decided on; absent: whichever is there. */
  readonly version?: number;
}

export interface ActContext {
  /** The one reading of the clock, Unix milliseconds. */
  readonly now: number;
  readonly approval: 'two' | 'one';
  readonly drainMs: number;
  /** Milliseconds in which the second approval of an emergency must follow. */
  readonly emergencyMs: number;
}

/** How a warrant comes in. */
export interface EnteredWarrant {
  readonly warrant: Warrant;
  readonly xid: string;
  readonly reference: string | null;
  readonly emergency: boolean;
  readonly imported: boolean;
}

const MOST_REASON = 1000;
const MOST_NAME = 256;
/** Times that a warrant covers, apart from each other, at most. */
const MOST_PERIODS = 1000;
/** What can be changed at once: no element is between two states of it. */
const AMENDABLE: readonly WarrantState[] = [
  'draft',
  'submitted',
  'approved',
  'provisioning',
  'active',
  'suspended',
];
const CARRIED: readonly WarrantState[] = ['approved', 'provisioning', 'active', 'suspending', 'suspended'];

/** @throws AdmfError `invalid-act` */
export function requireAct({ by, reason }: Act): void {
  // Control characters would let one line of a log look like two.
  const isText = (text: string, most: number): boolean =>
    text.trim() !== '' && text.length <= most && !/\p{Cc}/u.test(text);
  if (!isText(by, MOST_NAME)) throw new AdmfError('invalid-act', 'it does not say which officer does it');
  if (reason !== undefined && !isText(reason, MOST_REASON))
    throw new AdmfError('invalid-act', `a reason is a line of 1 to ${MOST_REASON} characters`);
}

export function entered({ warrant, ...given }: EnteredWarrant, act: Act): WarrantChange {
  const record: WarrantRecord = {
    ...{ warrant, xid: given.xid, reference: given.reference, imported: given.imported },
    ...{ state: 'draft', version: 0, from: warrant.startTime, until: null, drainUntil: null, periods: [] },
    ...{ authors: [act.by], approvals: [], emergency: given.emergency ? { lapsesAt: null } : null },
    ...{ pending: null, undo: null, closedAt: null, erased: false },
  };
  return changed(record, act, given.imported ? 'imported' : 'entered');
}

/** @param approves whether who submits it may approve by that (`one`, or an emergency) */
export function submitted(
  record: WarrantRecord,
  act: Act,
  { now, approval, emergencyMs }: ActContext,
  approves: boolean,
): WarrantChange {
  requireState(record, ['draft'], 'submitted');
  const waiting = changed({ ...record, state: 'submitted' }, act, 'submitted');
  if (!approves || (approval === 'two' && record.emergency === null)) return waiting;
  const isWhole = approval === 'one';
  const emergency = record.emergency === null ? null : { lapsesAt: isWhole ? null : now + emergencyMs };
  const approvedNow = inForce({ ...waiting.record, emergency }, act, now);
  return after(waiting, changed(approvedNow, act, isWhole ? 'approved' : 'approved-once'));
}

/** Approves what waits: a proposed change, the second approval of an emergency, or the warrant itself. */
export function approved(record: WarrantRecord, act: Act, context: ActContext): WarrantChange {
  const { pending, authors } = record;
  if (pending !== null) {
    requireOther(act, [pending.by], 'proposed', context);
    return carriedOut({ ...record, pending: null }, pending.change, act, context, 'change-approved');
  }
  if (record.state === 'submitted') {
    requireOther(act, authors, 'entered or changed', context);
    return changed(inForce(record, act, context.now), act, 'approved');
  }
  if (!isProvisional(record)) throw nothingPending(record);
  requireOther(act, [...authors, ...record.approvals], 'entered, changed or approved', context);
  const approvals = [...record.approvals, act.by];
  return changed({ ...record, approvals, emergency: { lapsesAt: null } }, act, 'approved');
}

/** Decides against what waits. An emergency that is carried out ends. */
export function rejected(record: WarrantRecord, act: Act, context: ActContext): WarrantChange {
  requireReason(act);
  if (record.pending !== null) return changed({ ...record, pending: null }, act, 'change-rejected');
  if (record.state === 'submitted') return changed(closed(record, 'rejected', context.now), act, 'rejected');
  if (!isProvisional(record)) throw nothingPending(record);
  return changed(ending(record, context), act, 'rejected');
}

export function changedBy(
  record: WarrantRecord,
  changes: WarrantChanges,
  act: Act,
  context: ActContext,
): WarrantChange {
  requireState(record, AMENDABLE, 'amended');
  const isEntry = record.state === 'draft' || record.state === 'submitted';
  if (!isEntry) requireReason(act);
  const warrant = { ...record.warrant, ...changes };
  const members = differences(record.warrant, warrant);
  if (members.length === 0) throw new AdmfError('invalid-act', 'nothing would change');
  requireUnbegun(record, members);
  const change: ProposedChange = { kind: 'amend', changes: only(changes, members) };
  if (isEntry) {
    const authors = [...new Set([...record.authors, act.by])];
    return carriedOut({ ...record, authors }, change, act, context, 'amended');
  }
  if (!widens(record.warrant, warrant)) return carriedOut(record, change, act, context, 'amended');
  return proposed(record, change, act, context);
}

/** Nobody intercepts for it from now on. */
export function suspendedNow(record: WarrantRecord, act: Act, context: ActContext): WarrantChange {
  requireState(record, ['approved', 'provisioning', 'active'], 'suspended');
  requireReason(act);
  return changed(suspending(record, context), act, 'suspended');
}

export function resumed(record: WarrantRecord, act: Act, context: ActContext): WarrantChange {
  requireState(record, ['suspended'], 'resumed');
  requireReason(act);
  return proposed(record, { kind: 'resume' }, act, context);
}

/** While it runs, its end moves; after its end, it gets a new period. */
export function extended(
  record: WarrantRecord,
  { startTime, endTime }: { readonly startTime: number | null; readonly endTime: number },
  act: Act,
  context: ActContext,
): WarrantChange {
  requireReason(act);
  if (record.state !== 'ended') {
    requireState(record, CARRIED, 'extended');
    if (startTime !== null) throw new AdmfError('invalid-act', 'it has a start, and has not ended');
    if (endTime <= record.warrant.endTime)
      throw new AdmfError('invalid-act', 'an extension ends later than the warrant does');
    return changedBy(record, { endTime }, act, context);
  }
  if (record.approvals.length === 0 || record.erased)
    throw wrongState(record, 'extended: enter another warrant');
  requireRoom(record);
  return proposed(record, { kind: 'extend', startTime, endTime }, act, context);
}

/** Ends it, at once. */
export function withdrawn(record: WarrantRecord, act: Act, context: ActContext): WarrantChange {
  requireState(record, ['draft', 'submitted', ...CARRIED], 'withdrawn');
  if (record.state !== 'draft') requireReason(act);
  return changed(ending(record, context), act, 'withdrawn');
}

/* ---------------------------------------------------------------- helpers */

function proposed(
  record: WarrantRecord,
  change: ProposedChange,
  act: Act,
  context: ActContext,
): WarrantChange {
  if (isProvisional(record)) throw wrongState(record, 'widened before its second approval');
  if (record.pending !== null)
    throw new AdmfError('change-pending', `a change of warrant ${record.warrant.liid} waits for an approval`);
  // What could not be done is not proposed either.
  const done = carriedOut(record, change, act, context, DONE[change.kind]);
  if (context.approval === 'one') return done;
  const { by, reason = '' } = act;
  const pending: PendingChange = { change, by, reason, at: context.now };
  return { ...changed({ ...record, pending }, act, 'change-proposed', change), wouldBe: done.record };
}

const DONE: Readonly<Record<ProposedChange['kind'], string>> = {
  amend: 'amended',
  resume: 'resumed',
  extend: 'extended',
};

/** @throws AdmfError `wrong-state` if the warrant is no longer in a state for it */
function carriedOut(
  record: WarrantRecord,
  change: ProposedChange,
  act: Act,
  { now }: ActContext,
  what: string,
): WarrantChange {
  switch (change.kind) {
    case 'amend': {
      requireState(record, AMENDABLE, 'amended');
      const warrant = { ...record.warrant, ...change.changes };
      requireUnbegun(record, differences(record.warrant, warrant));
      const next = amended(record, warrant, now);
      if (next.periods !== record.periods) requireRoom(record);
      const isRunning = CARRIED.includes(record.state) && record.state !== 'suspended';
      const undo = isRunning && widens(record.warrant, warrant) ? (record.undo ?? record.warrant) : null;
      return changed({ ...next, undo }, act, what, change);
    }
    case 'resume': {
      requireState(record, ['suspended'], 'resumed');
      requireRoom(record);
      const from = Math.max(record.warrant.startTime, now);
      return changed({ ...record, state: 'approved', from, until: null }, act, what, change);
    }
    case 'extend': {
      requireState(record, ['ended'], 'extended');
      const from = Math.max(change.startTime ?? now, now);
      if (change.endTime <= from) throw new AdmfError('invalid-act', 'its end is not after its start');
      const warrant = { ...record.warrant, startTime: from, endTime: change.endTime };
      const emergency = record.emergency === null ? null : { lapsesAt: null };
      const open = { ...record, warrant, from, until: null, closedAt: null, emergency };
      return changed({ ...open, state: 'approved' }, act, what, change);
    }
  }
}

/** What has begun has begun, and what lay before it was not covered. */
function requireUnbegun(record: WarrantRecord, members: readonly string[]): void {
  const isUnbegun = ['draft', 'submitted', 'approved'].includes(record.state) && record.periods.length === 0;
  if (members.includes('startTime') && !isUnbegun)
    throw new AdmfError(
      'invalid-warrant',
      `warrant ${record.warrant.liid} has begun: its start does not change`,
    );
}

function inForce(record: WarrantRecord, act: Act, now: number): WarrantRecord {
  const from = Math.max(record.warrant.startTime, now);
  return { ...record, state: 'approved', from, approvals: [...record.approvals, act.by] };
}

/** Whether it is carried out on one approval, and waits for the second. */
function isProvisional({ emergency }: WarrantRecord): boolean {
  return emergency !== null && emergency.lapsesAt !== null;
}

function requireState(record: WarrantRecord, states: readonly WarrantState[], to: string): void {
  if (!states.includes(record.state)) throw wrongState(record, to);
}

function requireOther(
  { by }: Act,
  others: readonly string[],
  did: string,
  { approval }: Pick<ActContext, 'approval'>,
): void {
  if (approval === 'two' && others.includes(by))
    throw new AdmfError('own-act', `${by} has ${did} it: another officer must approve it`);
}

function requireReason({ reason }: Act): void {
  if (reason === undefined) throw new AdmfError('invalid-act', 'a reason is needed');
}

function requireRoom({ warrant, periods }: WarrantRecord): void {
  if (periods.length >= MOST_PERIODS)
    throw new AdmfError('wrong-state', `warrant ${warrant.liid} has ${MOST_PERIODS} periods: enter another`);
}

function wrongState(record: WarrantRecord, to: string): AdmfError {
  const { warrant, state, drainUntil } = record;
  const isLater = state === 'suspending' && drainUntil !== null;
  const until = isLater ? new Date(drainUntil).toISOString() : '';
  const yet = isLater ? ` yet: what was intercepted before is delivered until ${until}` : '';
  return new AdmfError('wrong-state', `warrant ${warrant.liid} is ${state}, and cannot be ${to}${yet}`);
}

function nothingPending({ warrant, state }: WarrantRecord): AdmfError {
  return new AdmfError(
    'nothing-pending',
    `warrant ${warrant.liid} is ${state}: nothing waits for an approval`,
  );
}

function only(changes: WarrantChanges, members: readonly (keyof WarrantChanges)[]): WarrantChanges {
  return Object.fromEntries(members.map((member) => [member, changes[member]]));
}

function changed(record: WarrantRecord, { by, reason }: Act, act: string, detail?: unknown): WarrantChange {
  const { state } = record;
  const text = detail === undefined ? null : JSON.stringify(detail);
  const note: HistoryNote = { act, by, state, reason: reason ?? null, detail: text };
  return { record, notes: [note] };
}

function after(first: WarrantChange, second: WarrantChange): WarrantChange {
  return { record: second.record, notes: [...first.notes, ...second.notes] };
}
