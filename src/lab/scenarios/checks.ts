/** What the demo checks, each with what was measured. A fault changes what is to be expected, never whether it is looked at. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { verifyChain } from '../../evidence/log.ts';
import type { RecoveryReport } from '../../entities/lemf/recover.ts';
import { Deframer } from '../../wire/x2x3/deframer.ts';
import { decodeWav } from '../../media/wav.ts';
import { compareSamples } from './call.ts';
import type { CallOutcome } from './call.ts';
import type { Observations } from './demo.ts';
import type { Faults, Outage } from './faults.ts';
import { HOMES } from '../network/home.ts';
import type { HomeName } from '../network/home.ts';
import type { Network } from '../network/network.ts';
import type { TimelineEntry } from '../timeline.ts';

export interface Check {
  readonly name: string;
  readonly passed: boolean;
  /** What was measured. */
  readonly detail: string;
}

export interface CheckParts {
  readonly network: Network;
  readonly call: CallOutcome;
  readonly voices: { readonly alice: Int16Array; readonly bob: Int16Array };
  readonly recovered: Readonly<Record<HomeName, RecoveryReport>>;
  readonly targets: readonly string[];
  readonly seen: Observations;
  readonly faults: Faults;
  readonly timeline: readonly TimelineEntry[];
  readonly out: string;
  /** Where the LEMF of a home has written what it recovered; two LEMFs have the same names for it. */
  readonly recoveredIn: (home: HomeName) => string;
}

export function judge(parts: CheckParts): Check[] {
  const targetHomes = parts.targets.map((user) => ({ user, home: parts.network.homeOf(user).name }));
  const others = HOMES.filter((home) => !targetHomes.some((target) => target.home === home));
  return [
    ...callChecks(parts),
    ...targetHomes.flatMap(({ user, home }) => [
      ...targetChecks(parts, user, home),
      ...countChecks(parts, home),
      auditCheck(parts, home),
    ]),
    ...others.flatMap((home) => untouchedChecks(parts, home)),
    ...parts.faults.outages.map((outage) => outageCheck(parts, outage)),
  ];
}

function callChecks({ call, voices }: CheckParts): Check[] {
  const { caller, callee } = call;
  const sas = caller.sas !== null && caller.sas === callee.sas;
  return [
    {
      name: 'both ends read the same short authentication string',
      passed: sas,
      detail: `${caller.sas ?? 'none'} and ${callee.sas ?? 'none'}`,
    },
    heardCheck('bob heard what alice said', callee.heard, voices.alice),
    heardCheck('alice heard what bob said', caller.heard, voices.bob),
  ];
}

function heardCheck(name: string, heard: Int16Array, said: Int16Array): Check {
  const { equal, detail } = compareSamples(heard, said);
  return { name, passed: equal, detail };
}

/** What a warrant on `user` gave the LEMF of its home. */
function targetChecks(parts: CheckParts, user: string, home: HomeName): Check[] {
  const calls = parts.recovered[home].calls.filter(({ packets }) => packets > 0);
  if (parts.faults.phones[user]?.includes('ue-ignores-seed') === true) {
    return [refusalCheck(parts, user, home), failureCheck(parts, user, home)];
  }
  return (['alice', 'bob'] as const).map((speaker) => {
    const name = `the LEMF of ${home} recovered what ${speaker} said`;
    const file = calls
      .flatMap(({ streams }) => streams)
      .find((stream) => stream.file === `recovered-${speaker}.wav`);
    if (file === undefined || file.file === null) {
      return { name, passed: false, detail: calls[0]?.explanation ?? 'no content was delivered' };
    }
    const samples = decodeWav(new Uint8Array(readFileSync(path.join(parts.recoveredIn(home), file.file))));
    const { equal, detail } = compareSamples(samples, parts.voices[speaker]);
    return {
      name,
      passed: equal,
      detail: `${detail}; ${file.authenticated} of ${file.packets} packets authenticated`,
    };
  });
}

function refusalCheck({ seen }: CheckParts, user: string, home: HomeName): Check {
  const answers = [...new Set(seen.refusals[home])];
  return {
    name: `the KMS of ${home} finds that ${user}'s phone does not follow its seed`,
    passed: answers.length === 1 && answers[0] === 'endpoint-not-compliant',
    detail: answers.join(', ') || 'no failure indication',
  };
}

function failureCheck({ recovered }: CheckParts, user: string, home: HomeName): Check {
  const failures = recovered[home].calls.reduce((sum, { records }) => sum + records.keyFailures, 0);
  const keys = recovered[home].calls.reduce((sum, { records }) => sum + records.keys, 0);
  return {
    name: `the LEMF of ${home} is told that ${user}'s keys could not be retrieved`,
    passed: failures > 0 && keys === 0,
    detail: `${counted(failures, 'failure record')}, ${counted(keys, 'key record')}`,
  };
}

/** Nothing lost, nothing doubled: from the points of interception to the LEMF. */
function countChecks({ recovered, out }: CheckParts, home: HomeName): Check[] {
  const { calls } = recovered[home];
  const gaps = calls.flatMap(({ missing }) => [...missing.hi2, ...missing.hi3]).length;
  const sip = calls.reduce((sum, { records }) => sum + records.sip, 0);
  const content = calls.reduce((sum, { packets, otherContent }) => sum + packets + otherContent, 0);
  const carried = { x2: pdusIn(path.join(out, home, 'x2.bin')), x3: pdusIn(path.join(out, home, 'x3.bin')) };
  return [
    {
      name: `sequence numbers at the LEMF of ${home} have no gap`,
      passed: gaps === 0 && calls.length > 0,
      detail: `${counted(gaps, 'gap')} in ${counted(calls.length, 'communication')}`,
    },
    {
      name: `the LEMF of ${home} has as many records as X2 and X3 carried`,
      passed: sip === carried.x2 && content === carried.x3 && sip > 0,
      detail: `X2 ${carried.x2}, SIP records ${sip}; X3 ${carried.x3}, packets ${content}`,
    },
  ];
}

/** No release without a record, and the record an unbroken chain. */
function auditCheck({ seen, out }: CheckParts, home: HomeName): Check {
  const lines = readFileSync(path.join(out, home, 'audit', 'kms.jsonl'), 'utf8')
    .trimEnd()
    .split('\n');
  const records = [...verifyChain(lines)];
  const answers = records.filter(({ event }) => event.kind === 'get-keys');
  const released = answers.filter(({ event }) => event['outcome'] === 'answered');
  return {
    name: `every release of keys is in the audit log of the KMS of ${home}`,
    passed: released.length >= seen.answers[home] && answers.length > 0,
    detail: `${counted(answers.length, 'question')}, ${released.length} answered; ${counted(records.length, 'record')}, unbroken`,
  };
}

/** A home without a target has nothing to tell. */
function untouchedChecks({ recovered, seen, out }: CheckParts, home: HomeName): Check[] {
  const pdus = pdusIn(path.join(out, home, 'x2.bin')) + pdusIn(path.join(out, home, 'x3.bin'));
  const { calls } = recovered[home];
  return [
    {
      name: `nothing of the call is intercepted in ${home}`,
      passed: pdus === 0 && calls.length === 0 && seen.questions[home] === 0,
      detail: `${counted(pdus, 'PDU')} on X2 and X3, ${counted(calls.length, 'communication')} at the LEMF, ${seen.questions[home]} get_keys`,
    },
  ];
}

/** A fault that came too late, or not at all, has shown nothing. */
function outageCheck({ call, timeline }: CheckParts, { entity, home }: Outage): Check {
  const name = `${entity}.${home}`;
  const changes = timeline.filter(({ reference, from }) => reference === 'lab' && from === name);
  const down = changes.find(({ what }) => what === 'is down')?.at ?? Infinity;
  const up = changes.find(({ at, what }) => at > down && what.endsWith('is up'))?.at ?? Infinity;
  const seconds = (at: number): string => (at / 1000).toFixed(3);
  const { dialled, ended } = call.times;
  return {
    name: `${name} was down during the call`,
    passed: down < ended && up > dialled,
    detail:
      down < ended
        ? `from ${seconds(down)} s to ${seconds(up)} s, the call from ${seconds(dialled)} s to ${seconds(ended)} s`
        : `the call ended ${seconds(ended - dialled)} s after dialling, before it was to go down`,
  };
}

/** `1 question`, `2 questions`. */
function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function pdusIn(file: string): number {
  if (!existsSync(file)) return 0;
  return new Deframer().push(new Uint8Array(readFileSync(file))).length;
}
