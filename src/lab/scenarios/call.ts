/** One call in the laboratory: from the dialling to the end of both recordings, and what either end made of it. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeG711, encodeG711 } from '../../media/g711.ts';
import { decodeWav } from '../../media/wav.ts';
import type { PhoneCall } from '../../entities/ue/call.ts';
import type { CallStatistics } from '../../entities/ue/statistics.ts';
import type { UserEquipment } from '../../entities/ue/user-equipment.ts';
import { LabError } from '../errors.ts';
import { userOf } from '../network/network.ts';
import type { Network } from '../network/network.ts';

/** What the recordings are encoded with. */
const LAW = 'pcma';
const ANSWER_MS = 60_000;
/** What the last packets may take through two gateways before the call is hung up. */
const LAST_PACKETS_MS = 150;

/**
 * A recording that comes with the package, 16-bit linear, 8 kHz. Whoever has none of their own says what bob says from
 * another place on.
 */
export function recording(speaker: string): Int16Array {
  if (speaker === 'alice' || speaker === 'bob') {
    const file = new URL(`../../../assets/speech/${speaker}.wav`, import.meta.url);
    return decodeWav(new Uint8Array(readFileSync(file)));
  }
  const other = recording('bob');
  const from = 8000 * (1 + (speaker.length % 4));
  return Int16Array.from([...other.slice(from), ...other.slice(0, from)]);
}

/** The recording as whoever decodes it must hear it: after G.711 there and back. */
export function spoken(samples: Int16Array): Int16Array {
  return decodeG711(encodeG711(samples, LAW), LAW);
}

export interface HeardCall {
  readonly user: string;
  readonly heard: Int16Array;
  readonly statistics: CallStatistics;
  readonly sas: string | null;
  /** The authenticated identity of the other end. */
  readonly peer: string | null;
}

export interface CallOutcome {
  readonly callId: string;
  readonly caller: HeardCall;
  readonly callee: HeardCall;
  /** Milliseconds on the timeline. */
  readonly times: { readonly dialled: number; readonly established: number; readonly ended: number };
}

/** What is otherwise than in a plain call. */
export interface CallCourse {
  /** What is done once the call stands, before anybody speaks. */
  readonly before?: (outgoing: PhoneCall, answered: PhoneCall) => Promise<void>;
  /** What is done while both speak; the call is hung up after it. @param said resolves when both have said it all */
  readonly during?: (outgoing: PhoneCall, answered: PhoneCall, said: Promise<unknown>) => Promise<void>;
  /** Whether whoever is called offers. */
  readonly isOfferless?: boolean;
  /** Whether a caller who has video offers it from the beginning; default: so it is. */
  readonly hasVideo?: boolean;
}

export interface CallPlan extends CallCourse {
  /** A user, or one of a user's phones: `bob.desk`. */
  readonly caller: string;
  /** Who answers, likewise. */
  readonly callee: string;
  /** Who is called; default: whoever answers. */
  readonly called?: string;
  /** By user. */
  readonly recordings: Readonly<Record<string, Int16Array>>;
  /** Milliseconds on the timeline. */
  readonly elapsed: () => number;
  /** What happens once the call stands, before anybody speaks. */
  readonly onceUp?: (() => Promise<void>) | undefined;
}

/** One end of a call: a phone that is registered, and what is said there. */
export interface CallEndPoint {
  readonly user: string;
  readonly ue: Pick<UserEquipment, 'call' | 'callForOffer' | 'onIncoming'>;
  readonly says: Int16Array;
}

/** Makes the call, plays both recordings at once, hangs up. @throws LabError `call` */
export function placeCall(network: Network, plan: CallPlan): Promise<CallOutcome> {
  const { caller, callee, called = callee, recordings, elapsed, onceUp } = plan;
  const end = (phone: string): CallEndPoint => {
    const user = userOf(phone);
    return { user, ue: network.phone(phone).ue, says: recordings[user] ?? new Int16Array() };
  };
  return talk(end(caller), end(callee), network.identity(called), elapsed, onceUp, plan);
}

/**
 * As `placeCall`, between two phones. @param identity of the callee
 * @throws LabError `call`, EndpointError `target`, `no-key`, `no-ports`
 */
export async function talk(
  caller: CallEndPoint,
  callee: CallEndPoint,
  identity: string,
  elapsed: () => number,
  onceUp: () => Promise<void> = () => Promise.resolve(),
  course: CallCourse = {},
): Promise<CallOutcome> {
  const { before, during, isOfferless = false, hasVideo = true } = course;
  const dialled = elapsed();
  const incoming = new Promise<PhoneCall>((resolve) => callee.ue.onIncoming(resolve));
  const outgoing = await (isOfferless
    ? caller.ue.callForOffer(identity)
    : caller.ue.call(identity, { video: hasVideo }));
  try {
    const answered = await answeredBy(incoming, outgoing);
    await established(outgoing, answered);
    const up = elapsed();
    await onceUp();
    await before?.(outgoing, answered);
    const said = Promise.all([outgoing.play(caller.says), answered.play(callee.says)]);
    await Promise.all([said, during?.(outgoing, answered, said)]);
    await sleep(LAST_PACKETS_MS);
    await outgoing.hangUp();
    await Promise.all([outgoing.ended, answered.ended]);
    return {
      callId: outgoing.callId,
      caller: heardAt(caller.user, outgoing),
      callee: heardAt(callee.user, answered),
      times: { dialled, established: up, ended: elapsed() },
    };
  } catch (error) {
    // Of a call that never came about there may be nothing to hang up; what is told is why it did not.
    outgoing.hangUp().catch(() => undefined);
    throw error;
  }
}

export interface Compared {
  readonly equal: boolean;
  readonly detail: string;
}

/** Whether two recordings are the same, sample by sample; where not, how they differ. */
export function compareSamples(a: Int16Array, b: Int16Array): Compared {
  if (a.length !== b.length) return { equal: false, detail: `${a.length} samples against ${b.length}` };
  const at = a.findIndex((sample, index) => sample !== b[index]);
  if (at >= 0) return { equal: false, detail: `sample ${at} of ${a.length} differs` };
  return { equal: true, detail: `${a.length} samples, ${(a.length / 8000).toFixed(2)} s, all equal` };
}

/** @throws LabError `call` if it ends before, or nobody rings in time */
function answeredBy(incoming: Promise<PhoneCall>, outgoing: PhoneCall): Promise<PhoneCall> {
  const failure = async (): Promise<never> => {
    const { reason, error } = await outgoing.ended;
    throw new LabError('call', `the call was not answered: ${reason}`, { cause: error });
  };
  return inTime(Promise.race([incoming, failure()]));
}

async function established(...calls: readonly PhoneCall[]): Promise<void> {
  await inTime(Promise.all(calls.map((call) => call.established)));
}

async function inTime<T>(hoped: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LabError('call', `no call within ${ANSWER_MS} ms`)), ANSWER_MS);
  });
  try {
    return await Promise.race([hoped, patience]);
  } finally {
    clearTimeout(timer);
  }
}

/** What one end has made of a call. */
export function heardAt(user: string, call: PhoneCall): HeardCall {
  const { statistics, sas, peer } = call;
  return { user, heard: call.heard(), statistics, sas, peer };
}
