/**
 * A warrant's life, as far as time and the elements decide it, as a table: what an officer decides joins it as further
 * states and commands.
 *
 *     approved ─► provisioning ─► active ─► ending ─► ended
 *         └───────────┴─► failed
 *
 *     approved       KMS and DF are told ahead, with its times; its own time has not come
 *     provisioning   its time has come; elements that intercept are being told
 *     active         every element that this delivery needs has acknowledged its task
 *     ending         nobody intercepts for it any more; what was intercepted before is still delivered
 *     ended          nothing is left of it but the record
 *     failed         an element refused it before it was active; it is withdrawn everywhere
 *
 * One decision, one reading of the clock: a step is taken by the moment that it is given, and by nothing else.
 */
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
}

interface Step {
  readonly to: WarrantState;
  readonly when: (record: WarrantRecord, moment: Moment) => boolean;
}

const started = ({ warrant }: WarrantRecord, { now }: Moment): boolean => now >= warrant.startTime;
const over = ({ warrant }: WarrantRecord, { now }: Moment): boolean => now >= warrant.endTime;
const drained = ({ drainUntil }: WarrantRecord, moment: Moment): boolean =>
  moment.drained || moment.now >= (drainUntil ?? 0);
const refused = (_: WarrantRecord, moment: Moment): boolean => moment.refused;
const held = (_: WarrantRecord, moment: Moment): boolean => moment.held;

/** The steps out of each state; the first that applies is taken. */
const STEPS: Readonly<Record<WarrantState, readonly Step[]>> = {
  approved: [
    { to: 'ending', when: over },
    { to: 'failed', when: refused },
    { to: 'provisioning', when: started },
  ],
  provisioning: [
    { to: 'ending', when: over },
    { to: 'failed', when: refused },
    { to: 'active', when: held },
  ],
  active: [{ to: 'ending', when: over }],
  ending: [{ to: 'ended', when: drained }],
  ended: [],
  failed: [],
};

/** Whether a step out of this state depends on what the elements hold or refuse. */
export function asksElements({ state }: WarrantRecord): boolean {
  return STEPS[state].some(({ when }) => when === held || when === refused);
}

/** The record after its next step; `null`: it stays as it is. */
export function nextStep(record: WarrantRecord, moment: Moment): WarrantRecord | null {
  const step = STEPS[record.state].find(({ when }) => when(record, moment));
  if (step === undefined) return null;
  return step.to === 'ending' ? ending(record, moment) : { ...record, state: step.to };
}

/** The record as it is when interception for it ends, now. */
export function ending(
  record: WarrantRecord,
  { now, drainMs }: Pick<Moment, 'now' | 'drainMs'>,
): WarrantRecord {
  return { ...record, state: 'ending', drainUntil: now + drainMs };
}

/** When time alone next decides about a warrant, Unix milliseconds; `null`: never. */
export function nextTime({ state, warrant, drainUntil }: WarrantRecord): number | null {
  if (state === 'approved') return Math.min(warrant.startTime, warrant.endTime);
  if (state === 'provisioning' || state === 'active') return warrant.endTime;
  return state === 'ending' ? (drainUntil ?? 0) : null;
}
