/** `report.json`: the calls of a run and the checks that were made on them. */
import type { RecoveryReport } from '../../entities/lemf/recover.ts';
import type { CallOutcome } from './call.ts';
import type { Check } from './checks/check.ts';
import type { Course } from './course.ts';
import { iMessage2Time, callIcid } from './observations.ts';
import type { Scenario } from './scenario.ts';
import type { TimelineEntry } from '../timeline.ts';

export interface DemoReport {
  readonly state: 'done';
  /** What `--scenario` named. */
  readonly scenario: string;
  /** What `--target` named. */
  readonly target: string;
  readonly faults: readonly string[];
  readonly passed: boolean;
  readonly calls: readonly DemoCallReport[];
  readonly checks: readonly Check[];
  readonly timeline: readonly TimelineEntry[];
}

/** A call, once for each target; once without one where nobody was a target. */
export interface DemoCallReport {
  readonly callId: string;
  readonly icid: string | null;
  readonly target: string | null;
  /** `null`: the target was not a party of the call when it ended. */
  readonly role: 'initiator' | 'responder' | null;
  /** Milliseconds since the run began. */
  readonly times: CallOutcome['times'];
  readonly cryptoSessions: readonly CryptoSessionReport[];
  /** From I_MESSAGE_2 at the initiator to the first key record at the LEMF. */
  readonly millisecondsToKeyRecord: number | null;
  /** What the LEMF of the target's home says of it. */
  readonly recovery: RecoveryReport['calls'];
}

export interface CryptoSessionReport {
  readonly csId: number;
  readonly ssrc: number;
  readonly suite: string;
  readonly packets: number;
}

export function callReports(scenario: Scenario, course: Course): DemoCallReport[] {
  return course.calls.flatMap((call) => reportsOf(call, scenario.targets, course));
}

function reportsOf(call: CallOutcome, targets: readonly string[], course: Course): DemoCallReport[] {
  const { network, recovered, seen, timeline } = course;
  const icid = callIcid(network.signalling.messages, call.callId);
  const base = { callId: call.callId, icid, times: call.times, cryptoSessions: cryptoSessionsOf(call) };
  if (targets.length === 0) {
    return [{ ...base, target: null, role: null, millisecondsToKeyRecord: null, recovery: [] }];
  }
  const iMessage2 = iMessage2Time(timeline.entries, call.times.dialled);
  return targets.map((user) => {
    const home = network.homeOf(user).name;
    const role = roleOf(user, call);
    // Of a call that is none of the target's, what comes later is of another.
    const isTold = role !== null && iMessage2 !== null;
    const arrived = isTold ? seen.keyRecords[home].find((at) => at >= iMessage2) : undefined;
    return {
      ...base,
      target: network.identity(user),
      role,
      millisecondsToKeyRecord:
        arrived === undefined || iMessage2 === null ? null : Math.round(arrived - iMessage2),
      recovery: recovered[home].calls.filter(({ callIds }) => callIds.includes(call.callId)),
    };
  });
}

function roleOf(user: string, { caller, callee }: CallOutcome): DemoCallReport['role'] {
  if (user === caller.user) return 'initiator';
  return user === callee.user ? 'responder' : null;
}

/** The crypto sessions with the packets that either end sent. */
function cryptoSessionsOf({ caller, callee }: CallOutcome): CryptoSessionReport[] {
  const sent = [caller, callee].map(({ statistics }) => statistics.sent);
  return caller.statistics.sessions.map(({ csId, ssrc, suite }) => ({
    csId,
    ssrc,
    suite,
    packets: sent.find((stream) => stream.ssrc === ssrc)?.packets ?? 0,
  }));
}
