/**
 * Alice calls Bob, who has three phones (RFC 6267 sections 3.1 and 7.3): all ring, each with an early dialog and an
 * exchange of its own; one answers, the others are cancelled and learn nothing.
 */
import type { PhoneCall } from '../../../entities/ue/call.ts';
import { phoneName } from '../../network/home.ts';
import { callChecks } from '../checks/call.ts';
import type { CallOutcome } from '../call.ts';
import { counted } from '../checks/check.ts';
import type { Check, CheckParts } from '../checks/check.ts';
import { elsewhereChecks } from '../checks/elsewhere.ts';
import { interceptedChecks } from '../checks/intercepted.ts';
import { keyRecordsCheck } from '../checks/keys.ts';
import { contentWarrants } from '../definition.ts';
import type { DemoScenario } from '../definition.ts';
import { liidOf } from '../warrants.ts';

const DEVICES = ['desk', 'mobile', 'tablet'];
const ANSWERS = 'mobile';
/** Of the one that answers: by then all ring. */
const ANSWERED_MS = 2_000;
/** Of the others. */
const UNANSWERED_MS = 120_000;

export const forked: DemoScenario = {
  users: { home1: ['alice'], home2: ['bob'] },
  devices: { bob: DEVICES },
  warrants: contentWarrants,
  configure: (party, config) => {
    const device = DEVICES.find((each) => party === phoneName('bob', each));
    if (device === undefined) return config;
    return { ...config, answer: { answerMs: device === ANSWERS ? ANSWERED_MS : UNANSWERED_MS } };
  },
  course: async (stage) => {
    const { network, targets } = stage;
    const others = new Map<string, PhoneCall>();
    for (const name of DEVICES.filter((device) => device !== ANSWERS).map((each) => phoneName('bob', each)))
      network.phone(name).ue.onIncoming((call) => others.set(name, call));
    const call = await stage.call('alice', phoneName('bob', ANSWERS), 'bob');
    const ends = await Promise.all([...others.values()].map(({ ended }) => ended));
    return (parts) => [
      ...callChecks(parts, call),
      gruuCheck(call, network.phone(phoneName('bob', ANSWERS)).ue.gruu),
      othersCheck(
        call,
        others,
        ends.map(({ reason }) => reason),
      ),
      ...targets.flatMap((user) => [...interceptedChecks(parts, user, call), keysCheck(parts, user, call)]),
      ...elsewhereChecks(parts, targets),
    ];
  },
};

/** Of the exchange that came about, and of those with the other phones as far as they went. */
function keysCheck(parts: CheckParts, user: string, { caller }: CallOutcome): Check {
  const sessions = caller.statistics.sessions.length;
  const home = parts.course.network.homeOf(user).name;
  return keyRecordsCheck(parts, home, liidOf(user), sessions, sessions * DEVICES.length);
}

/** `gr` of SIP and of MIKEY are one. */
function gruuCheck({ caller }: CallOutcome, gruu: string | null): Check {
  return {
    name: 'alice sees which of the phones has answered, by its GRUU',
    passed: gruu !== null && caller.peer === gruu,
    detail: caller.peer ?? 'nobody',
  };
}

/** Cancelled before they had heard anything, with strings of exchanges of their own. */
function othersCheck(
  { callee }: CallOutcome,
  others: ReadonlyMap<string, PhoneCall>,
  ends: readonly string[],
): Check {
  const calls = [...others.values()];
  const made = [callee, ...calls].flatMap(({ sas }) => sas ?? []);
  const strings = new Set(made);
  const packets = calls.reduce(
    (sum, { statistics: { received } }) => sum + received.packets + received.refused,
    0,
  );
  const rang = calls.length === DEVICES.length - 1;
  return {
    name: 'the phones that did not answer learn nothing of the call',
    passed:
      rang && ends.every((reason) => reason === 'cancelled') && packets === 0 && strings.size === made.length,
    detail: `${[...others.keys()].join(', ')}: ${ends.join(', ')}; ${counted(packets, 'packet')} came; ${strings.size} strings of ${made.length} exchanges`,
  };
}
