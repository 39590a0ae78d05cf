/** What a warrant on a user gave the LEMF of its home: audio, or word that there are no keys. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { decodeWav } from '../../../media/wav.ts';
import type { HomeName } from '../../network/home.ts';
import { compareSamples } from '../call.ts';
import { recoveredIn } from '../course.ts';
import { counted } from './check.ts';
import type { Check, CheckParts } from './check.ts';

export function targetChecks(parts: CheckParts, user: string, home: HomeName): Check[] {
  if (parts.scenario.faults.phones[user]?.includes('ue-ignores-seed') === true) {
    return [refusalCheck(parts, user, home), failureCheck(parts, user, home)];
  }
  return (['alice', 'bob'] as const).map((speaker) => recoveryCheck(parts, speaker, home));
}

function recoveryCheck(
  { course, voices, state }: CheckParts,
  speaker: 'alice' | 'bob',
  home: HomeName,
): Check {
  const name = `the LEMF of ${home} recovered what ${speaker} said`;
  const calls = course.recovered[home].calls.filter(({ packets }) => packets > 0);
  const stream = calls
    .flatMap(({ streams }) => streams)
    .find(({ file }) => file === `recovered-${speaker}.wav`);
  if (stream === undefined || stream.file === null) {
    return { name, passed: false, detail: calls[0]?.explanation ?? 'no content was delivered' };
  }
  const file = path.join(recoveredIn(state, home), stream.file);
  const { equal, detail } = compareSamples(decodeWav(new Uint8Array(readFileSync(file))), voices[speaker]);
  return {
    name,
    passed: equal,
    detail: `${detail}; ${stream.authenticated} of ${stream.packets} packets authenticated`,
  };
}

function refusalCheck({ course }: CheckParts, user: string, home: HomeName): Check {
  const answers = [...new Set(course.seen.refusals[home])];
  return {
    name: `the KMS of ${home} finds that ${user}'s phone does not follow its seed`,
    passed: answers.length === 1 && answers[0] === 'endpoint-not-compliant',
    detail: answers.join(', ') || 'no failure indication',
  };
}

function failureCheck({ course }: CheckParts, user: string, home: HomeName): Check {
  const { calls } = course.recovered[home];
  const failures = calls.reduce((sum, { records }) => sum + records.keyFailures, 0);
  const keys = calls.reduce((sum, { records }) => sum + records.keys, 0);
  return {
    name: `the LEMF of ${home} is told that ${user}'s keys could not be retrieved`,
    passed: failures > 0 && keys === 0,
    detail: `${counted(failures, 'failure record')}, ${counted(keys, 'key record')}`,
  };
}
