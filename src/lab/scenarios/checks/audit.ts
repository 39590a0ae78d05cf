/** No release of keys without a record, and the record an unbroken chain. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { verifyChain } from '../../../evidence/log.ts';
import type { HomeName } from '../../network/home.ts';
import { counted } from './check.ts';
import type { Check, CheckParts } from './check.ts';

export function auditCheck({ scenario, course }: CheckParts, home: HomeName): Check {
  const file = path.join(scenario.options.out, home, 'audit', 'kms.jsonl');
  const records = [...verifyChain(readFileSync(file, 'utf8').trimEnd().split('\n'))];
  const answers = records.filter(({ event }) => event.kind === 'get-keys');
  const released = answers.filter(({ event }) => event['outcome'] === 'answered');
  return {
    name: `every release of keys is in the audit log of the KMS of ${home}`,
    passed: released.length >= course.seen.answers[home] && answers.length > 0,
    detail: `${counted(answers.length, 'question')}, ${released.length} answered; ${counted(records.length, 'record')}, unbroken`,
  };
}
