/**
 * Alice calls Bob, then Carol, and has the two speak with each other (RFC 3515, RFC 3891, RFC 5589): Bob is referred to
 * Carol, whose call with him takes the place of that with Alice. It is a call of its own, keyed anew, and intercepted where
 * either of them is a target; a warrant on Alice has what she had a part in, the REFER and its outcome among it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PhoneCall } from '../../../entities/ue/call.ts';
import { LabError } from '../../errors.ts';
import { heardAt } from '../call.ts';
import type { CallOutcome } from '../call.ts';
import { auditCheck } from '../checks/audit.ts';
import { callChecks } from '../checks/call.ts';
import type { Check, CheckParts } from '../checks/check.ts';
import { counted } from '../checks/check.ts';
import { countChecks } from '../checks/counts.ts';
import { elsewhereChecks } from '../checks/elsewhere.ts';
import { keyRecordsCheck } from '../checks/keys.ts';
import { noticeCheck } from '../checks/notices.ts';
import { signallingCheck } from '../checks/signalling.ts';
import { targetChecks } from '../checks/target.ts';
import { contentWarrants } from '../definition.ts';
import type { DemoScenario } from '../definition.ts';
import type { Stage } from '../stage.ts';
import { liidOf } from '../warrants.ts';

/** What the last packets of a recording may take. */
const LAST_PACKETS_MS = 300;

interface Outcomes {
  readonly first: CallOutcome;
  readonly second: CallOutcome;
  readonly third: CallOutcome;
  readonly replacedAtCarol: string | null;
}

export const transferred: DemoScenario = {
  users: { home1: ['alice'], home2: ['bob', 'carol'] },
  warrants: contentWarrants,
  course: async (stage) => {
    const outcomes = await transferring(stage);
    const { first, second, third } = outcomes;
    const calls = [first, second, third];
    return (parts) => [
      ...calls.flatMap((call) => inCall(call, callChecks(parts, call))),
      newKeysCheck(calls),
      replacedCheck(outcomes),
      ...stage.targets.flatMap((user) => partyChecks(parts, user, calls)),
      ...elsewhereChecks(parts, stage.targets),
    ];
  },
};

/** Everybody says what they have to say in each of their calls. */
async function transferring(stage: Stage): Promise<Outcomes> {
  const { network, elapsed } = stage;
  const [alice, carol] = [network.phone('alice').ue, network.phone('carol').ue];
  const made: { second?: CallOutcome; third?: CallOutcome; replaced?: string | undefined } = {};
  const first = await stage.call('alice', 'bob', 'bob', undefined, {
    during: async (toBob, atBob, saidToBob) => {
      await heard(saidToBob);
      made.second = await stage.call('alice', 'carol', 'carol', undefined, {
        during: async (toCarol, _atCarol, saidToCarol) => {
          await heard(saidToCarol);
          const dialled = elapsed();
          const came = new Promise<PhoneCall>((resolve) => carol.onIncoming(resolve));
          const next = new Promise<PhoneCall>((resolve) =>
            atBob.onEvent((event) => {
              if (event.kind === 'transferred') resolve(event.call);
            }),
          );
          await alice.join(toBob, toCarol);
          const [outgoing, answered] = await Promise.all([next, came]);
          await Promise.all([outgoing.established, answered.established]);
          const established = elapsed();
          made.replaced = answered.replaced?.callId;
          const voice = (user: string): Int16Array => stage.recordings[user] ?? new Int16Array();
          await heard(Promise.all([outgoing.play(voice('bob')), answered.play(voice('carol'))]));
          await outgoing.hangUp();
          await Promise.all([outgoing.ended, answered.ended]);
          made.third = {
            callId: outgoing.callId,
            caller: heardAt('bob', outgoing),
            callee: heardAt('carol', answered),
            times: { dialled, established, ended: elapsed() },
          };
        },
      });
    },
  });
  const { second, third, replaced } = made;
  if (second === undefined || third === undefined) throw new LabError('call', 'the call was not transferred');
  return { first, second, third: stage.ended(third), replacedAtCarol: replaced ?? null };
}

/** Until what both have said has arrived. */
async function heard(said: Promise<unknown>): Promise<void> {
  await said;
  await sleep(LAST_PACKETS_MS);
}

function inCall({ caller, callee }: CallOutcome, checks: readonly Check[]): Check[] {
  return checks.map((check) => ({
    ...check,
    name: `${check.name}, in the call of ${caller.user} with ${callee.user}`,
  }));
}

function newKeysCheck(calls: readonly CallOutcome[]): Check {
  const strings = new Set(calls.flatMap(({ caller }) => caller.sas ?? []));
  return {
    name: 'each call has keys of its own',
    passed: strings.size === calls.length,
    detail: `${counted(strings.size, 'string')} of ${counted(calls.length, 'call')}`,
  };
}

function replacedCheck({ second, third, replacedAtCarol }: Outcomes): Check {
  return {
    name: "bob's call with carol takes the place of alice's",
    passed: replacedAtCarol === second.callId && third.times.ended > second.times.established,
    detail:
      replacedAtCarol === second.callId
        ? 'it is what Replaces names'
        : `it replaces ${replacedAtCarol ?? 'none'}`,
  };
}

/** Of a warrant on one of the three: the two calls that they have a part in. */
function partyChecks(parts: CheckParts, user: string, calls: readonly CallOutcome[]): Check[] {
  const home = parts.course.network.homeOf(user).name;
  const own = calls.filter(({ caller, callee }) => [caller.user, callee.user].includes(user));
  return [
    ...own.flatMap((call) => inCall(call, targetChecks(parts, user, call))),
    ownCallsCheck(parts, user, own),
    signallingCheck(parts, user),
    keyRecordsCheck(parts, home, liidOf(user), 2 * own.length),
    ...countChecks(parts, home),
    noticeCheck(parts, home),
    auditCheck(parts, home),
  ];
}

/** The other call is no business of this warrant. */
function ownCallsCheck({ course }: CheckParts, user: string, own: readonly CallOutcome[]): Check {
  const home = course.network.homeOf(user).name;
  const calls = course.recovered[home].calls.filter(
    ({ liid, packets }) => liid === liidOf(user) && packets > 0,
  );
  const ids = calls.flatMap(({ callIds }) => callIds);
  const cins = new Set(calls.map(({ cin }) => cin));
  return {
    name: `the LEMF of ${home} has the calls of ${user}, each by a CIN of its own, and no other`,
    passed:
      cins.size === own.length &&
      ids.length === own.length &&
      own.every(({ callId }) => ids.includes(callId)),
    detail: `${counted(calls.length, 'call')} by ${counted(cins.size, 'CIN')}, of ${own.length}`,
  };
}
