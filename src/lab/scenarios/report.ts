/** `report.json`: the calls of a run, what went over each reference point, and the checks that were made. */
import type { RecoveryReport } from '../../entities/lemf/recover.ts';
import type { CallOutcome } from './call.ts';
import type { Check } from './checks/check.ts';
import type { Course } from './course.ts';
import { iMessage2Time, callIcid } from './observations.ts';
import type { Scenario } from './scenario.ts';
import { HOMES } from '../network/home.ts';
import type { ReferencePoint, TimelineEntry } from '../timeline.ts';

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
  readonly warrants: readonly WarrantReport[];
  readonly links: readonly LinkReport[];
  readonly timeline: readonly TimelineEntry[];
}

/** A call, once for each target; once without one where nobody was a target. */
export interface DemoCallReport {
  readonly callId: string;
  readonly icid: string | null;
  /** Users. */
  readonly caller: string;
  readonly callee: string;
  /** The short authentication string as either end shows it; `null`: none. */
  readonly sas: { readonly caller: string | null; readonly callee: string | null };
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

/** A warrant that ran, by the target's identity and home. */
export interface WarrantReport {
  readonly liid: string;
  readonly target: string;
  readonly home: string;
}

/**
 * What went from one to another over one reference point: messages on SIP, X1 and Xk, PDUs on X2 and X3, what a LEMF
 * received beside the transport's own on HI2 and HI3, packets that a phone sent as media.
 */
export interface LinkReport {
  readonly reference: ReferencePoint;
  readonly from: string;
  readonly to: string;
  readonly count: number;
}

export function warrantReports({ network, seen }: Course): WarrantReport[] {
  return seen.warrants.map(({ liid, user, home }) => ({ liid, target: network.identity(user), home }));
}

export function linkReports({ network, timeline, recovered, calls }: Course): LinkReport[] {
  // Of HI2 and HI3 the timeline has single events; what came is in the LEMFs' files.
  const told = timeline.tallies.filter(({ reference }) => !['lab', 'HI2', 'HI3'].includes(reference));
  const handedOver = HOMES.flatMap((home) => {
    const { hi2, hi3 } = recovered[home].files;
    const ends = { from: `df.${home}`, to: `lemf.${home}` };
    return [
      { reference: 'HI2' as const, ...ends, count: hi2.pdus - hi2.transport },
      { reference: 'HI3' as const, ...ends, count: hi3.pdus - hi3.transport },
    ];
  });
  const media = calls.flatMap(({ caller, callee }) =>
    [caller, callee].map(({ user, statistics: { sent, video } }) => ({
      reference: 'media' as const,
      from: user,
      to: `gateway.${network.homeOf(user).name}`,
      count: sent.packets + (video?.sent.packets ?? 0),
    })),
  );
  return [...told, ...handedOver, ...summed(media)].filter(({ count }) => count > 0);
}

function summed(links: readonly LinkReport[]): LinkReport[] {
  const sums = new Map<string, LinkReport>();
  for (const link of links) {
    const key = `${link.from} ${link.to}`;
    sums.set(key, { ...link, count: link.count + (sums.get(key)?.count ?? 0) });
  }
  return [...sums.values()];
}

export function callReports(scenario: Scenario, course: Course): DemoCallReport[] {
  return course.calls.flatMap((call) => reportsOf(call, scenario.targets, course));
}

function reportsOf(call: CallOutcome, targets: readonly string[], course: Course): DemoCallReport[] {
  const { network, recovered, seen, timeline } = course;
  const icid = callIcid(network.signalling.messages, call.callId);
  const { caller, callee, times } = call;
  const base = {
    callId: call.callId,
    icid,
    caller: caller.user,
    callee: callee.user,
    sas: { caller: caller.sas, callee: callee.sas },
    times,
    cryptoSessions: cryptoSessionsOf(call),
  };
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
