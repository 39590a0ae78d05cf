/**
 * A warrant's life, as far as time and the elements decide it, as a table. What officers decide is in `acts.ts`.
 *
 *     draft ─► submitted ─► approved ─► provisioning ─► active ─► ending ─► ended
 *                  └─► rejected │             │           │
 *                               └─────────────┴─► failed  └─► suspending ─► suspended ─► approved
 *
 *     draft          entered; nobody has to decide about it yet
 *     submitted      waits for an officer who has not entered it
 *     approved       KMS and DF are told ahead, with its times; its own time has not come
 *     provisioning   its time has come; elements that intercept are being told
 *     active         every element that this delivery needs has acknowledged its task
 *     suspending     nobody intercepts for it; what was intercepted before is still delivered
 *     suspended      no element has anything of it
 *     ending         as suspending, for good
 *     ended          nothing is left of it but the record, and later not its contents either
 *     rejected       an officer decided against it
 *     failed         an element refused it before it was active; it is withdrawn everywhere
 *
 * One decision, one reading of the clock: a step is taken by the moment that it is given, and by nothing else.
 */
import { amended } from './changes.ts';
import { isOpen, periodOf } from './warrants.ts';
import type { WarrantRecord, WarrantState } from './warrants.ts';

/** What a warrant's next step depends on. */
export interface Moment {
  /** The one reading of the clock, Unix milliseconds. */
  readonly now: number;
  /** Whether every element that is needed holds what it must for this warrant. */
  readonly held: boolean;
  /** Whether an element has refused what it must hold for this warrant. */
  readonly refused: boolean;
  /** Milliseconds for what is under way when interception ends. */
  readonly drainMs: number;
  /** Whether its own timer for that has fired. */
  readonly drained: boolean;
  /** Milliseconds from a warrant's end until its contents are deleted. */
  readonly retentionMs: number;
}

type Condition = (record: WarrantRecord, moment: Moment) => boolean;

interface Step {
  /** What is said of it in the history. */
  readonly act: string;
  readonly when: Condition;
  readonly then: (record: WarrantRecord, moment: Moment) => WarrantRecord;
}

const refused: Condition = (_, moment) => moment.refused;
const held: Condition = (_, moment) => moment.held;
const undoable = ({ undo }: WarrantRecord): boolean => undo !== null;

const goTo =
  (state: WarrantState): Step['then'] =>
  (record) => ({ ...record, state });

const EXPIRE: Step = {
  act: 'expired',
  when: ({ warrant }, { now }) => now >= warrant.endTime,
  then: (record, moment) => ending(record, moment),
};
const LAPSE: Step = {
  act: 'lapsed',
  when: ({ emergency }, { now }) => now >= (emergency?.lapsesAt ?? Infinity),
  then: (record, moment) => ending(record, moment),
};
const UNDO: Step = {
  act: 'change-refused',
  when: (record, moment) => undoable(record) && refused(record, moment),
  then: (record, { now }) => ({ ...amended(record, record.undo ?? record.warrant, now), undo: null }),
};
const KEEP: Step = {
  act: 'change-carried-out',
  when: (record, moment) => undoable(record) && held(record, moment),
  then: (record) => ({ ...record, undo: null }),
};
const FAIL: Step = {
  act: 'failed',
  when: refused,
  then: (record, { now }) => closed({ ...record, until: endOf(record, now) }, 'failed', now),
};
const BEGIN: Step = {
  act: 'begun',
  when: ({ from }, { now }) => now >= from,
  then: goTo('provisioning'),
};
const ACTIVATE: Step = { act: 'activated', when: held, then: goTo('active') };
const drained: Condition = ({ drainUntil }, moment) => moment.drained || moment.now >= (drainUntil ?? 0);
const ERASE: Step = {
  act: 'erased',
  when: ({ erased, closedAt }, { now, retentionMs }) => !erased && now >= (closedAt ?? 0) + retentionMs,
  then: (record) => ({
    ...{ ...record, erased: true, pending: null },
    warrant: { ...record.warrant, targets: [] },
    periods: record.periods.map(({ from, until, delivery }) => ({ from, until, delivery })),
  }),
};

/** The steps out of each state; the first that applies is taken. */
const STEPS: Readonly<Record<WarrantState, readonly Step[]>> = {
  draft: [EXPIRE],
  submitted: [EXPIRE],
  approved: [EXPIRE, LAPSE, UNDO, FAIL, KEEP, BEGIN],
  provisioning: [EXPIRE, LAPSE, UNDO, FAIL, KEEP, ACTIVATE],
  active: [EXPIRE, LAPSE, UNDO, KEEP],
  suspending: [{ act: 'drained', when: drained, then: (record) => settledPeriod(record, 'suspended') }],
  suspended: [EXPIRE, LAPSE],
  ending: [
    {
      act: 'ended',
      when: drained,
      then: (record, { now }) => closed(settledPeriod(record, 'ended'), 'ended', now),
    },
  ],
  ended: [ERASE],
  rejected: [ERASE],
  failed: [ERASE],
};

/** Whether a step out of this state depends on what the elements hold or refuse. */
export function asksElements(record: WarrantRecord): boolean {
  const { state } = record;
  return state === 'approved' || state === 'provisioning' || (state === 'active' && undoable(record));
}

/** A step of a warrant's life: the record after it, and what it is called. */
export interface TakenStep {
  readonly act: string;
  readonly record: WarrantRecord;
}

/** The next step; `null`: the record stays as it is. */
export function nextStep(record: WarrantRecord, moment: Moment): TakenStep | null {
  const step = STEPS[record.state].find(({ when }) => when(record, moment));
  return step === undefined ? null : { act: step.act, record: step.then(record, moment) };
}

/** The record as it is when interception for it ends for good, now; at once ended if nobody has intercepted for it. */
export function ending(record: WarrantRecord, moment: Pick<Moment, 'now' | 'drainMs'>): WarrantRecord {
  return stopped({ ...record, pending: null, undo: null }, 'ending', moment);
}

/** The record as it is when interception for it ceases for now. */
export function suspending(record: WarrantRecord, moment: Pick<Moment, 'now' | 'drainMs'>): WarrantRecord {
  return stopped({ ...record, undo: null }, 'suspending', moment);
}

/** The record in a state from which nothing follows. */
export function closed(
  record: WarrantRecord,
  state: 'ended' | 'failed' | 'rejected',
  now: number,
): WarrantRecord {
  return { ...record, state, closedAt: now, pending: null, undo: null };
}

/** When time alone next decides about a warrant, Unix milliseconds; `null`: never. */
export function nextTime(record: WarrantRecord, retentionMs: number): number | null {
  const { state, warrant, from, drainUntil, emergency, closedAt, erased } = record;
  const over = Math.min(warrant.endTime, emergency?.lapsesAt ?? Infinity);
  if (!isOpen(record)) return erased ? null : (closedAt ?? 0) + retentionMs;
  if (state === 'draft' || state === 'submitted') return warrant.endTime;
  if (state === 'approved') return Math.min(from, over);
  return state === 'ending' || state === 'suspending' ? (drainUntil ?? 0) : over;
}

function stopped(
  record: WarrantRecord,
  to: 'ending' | 'suspending',
  { now, drainMs }: Pick<Moment, 'now' | 'drainMs'>,
): WarrantRecord {
  const { state, drainUntil } = record;
  // What drains already goes on draining until its own time.
  if (state === 'suspending') return { ...record, state: to };
  const until = endOf(record, now);
  const hasBegun = state === 'provisioning' || state === 'active';
  if (hasBegun) return { ...record, state: to, until, drainUntil: now + drainMs };
  const idle = { ...record, until, drainUntil };
  return to === 'ending' ? closed(idle, 'ended', now) : { ...idle, state: 'suspended' };
}

/** Until when it has covered anything, if that ends now; not before its beginning. */
function endOf({ from, until, warrant }: WarrantRecord, now: number): number {
  return until ?? Math.max(from, Math.min(now, warrant.endTime));
}

/** The record when nothing of its present period is under way any more: that is one of those before now. */
function settledPeriod(record: WarrantRecord, state: 'suspended' | 'ended'): WarrantRecord {
  const { from, until, warrant, periods } = record;
  const end = until ?? warrant.endTime;
  const past = from < end ? [...periods, periodOf(warrant, from, end)] : periods;
  return { ...record, state, drainUntil: null, periods: past, from: end, until: end };
}
