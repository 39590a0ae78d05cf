/** What a warrant on a user gave the LEMF of its home: audio, or word that there are no keys. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { decodeWav } from '../../../media/wav.ts';
import type { HomeName } from '../../network/home.ts';
import { compareSamples } from '../call.ts';
import type { CallOutcome } from '../call.ts';
import { recoveredIn } from '../course.ts';
import { counted } from './check.ts';
import type { Check, CheckParts } from './check.ts';

/** Of a warrant on one party of a call: both sides of it, or what a phone that does not follow its seed leads to. */
export function targetChecks(parts: CheckParts, user: string, call: CallOutcome): Check[] {
  const home = parts.course.network.homeOf(user).name;
  if (parts.scenario.faults.phones[user]?.includes('ue-ignores-seed') === true) {
    const name = `the KMS of ${home} finds that ${user}'s phone does not follow its seed`;
    return [refusalCheck(parts, home, name, 'endpoint-not-compliant'), failureCheck(parts, user, home)];
  }
  return [call.caller.user, call.callee.user].map((speaker) => recoveryCheck(parts, speaker, home, call));
}

/**
 * What a LEMF recovered of what a user said in a call, once, is what was spoken.
 * @param liid the warrant's, where several are on the call in this home
 */
export function recoveryCheck(
  { course, voices, state }: CheckParts,
  speaker: string,
  home: HomeName,
  { callId }: Pick<CallOutcome, 'callId'>,
  liid?: string,
): Check {
  const name = `the LEMF of ${home} recovered what ${speaker} said`;
  const named = { name: liid === undefined ? name : `${name}, under ${liid}` };
  const calls = course.recovered[home].calls.filter(
    (call) => call.packets > 0 && call.callIds.includes(callId) && (liid === undefined || call.liid === liid),
  );
  const file = new RegExp(`^recovered-${speaker}(-\\d+)?\\.wav$`);
  const stream = calls.flatMap(({ streams }) => streams).find((each) => file.test(each.file ?? ''));
  if (stream === undefined || stream.file === null) {
    return { ...named, passed: false, detail: calls[0]?.explanation ?? 'no content was delivered' };
  }
  const recovered = decodeWav(new Uint8Array(readFileSync(path.join(recoveredIn(state, home), stream.file))));
  const { equal, detail } = compareSamples(recovered, voices[speaker] ?? new Int16Array());
  return {
    ...named,
    passed: equal && recovered.length > 0,
    detail: `${detail}; ${stream.authenticated} of ${stream.packets} packets authenticated`,
  };
}

/** That a KMS gave the one reason alone for giving no keys. */
export function refusalCheck({ course }: CheckParts, home: HomeName, name: string, reason: string): Check {
  const answers = [...new Set(course.seen.refusals[home])];
  return {
    name,
    passed: answers.length === 1 && answers[0] === reason,
    detail: answers.join(', ') || 'no failure indication',
  };
}

/** That the LEMF has a record for it, and no key. */
export function failureCheck({ course }: CheckParts, user: string, home: HomeName): Check {
  const { calls } = course.recovered[home];
  const failures = calls.reduce((sum, { records }) => sum + records.keyFailures, 0);
  const keys = calls.reduce((sum, { records }) => sum + records.keys, 0);
  return {
    name: `the LEMF of ${home} is told that ${user}'s keys could not be retrieved`,
    passed: failures > 0 && keys === 0,
    detail: `${counted(failures, 'failure record')}, ${counted(keys, 'key record')}`,
  };
}
