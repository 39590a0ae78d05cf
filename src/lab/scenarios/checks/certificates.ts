/** That keys were got by certificates, and only by those whose they are: what the KMSs have on record of it. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { AuditEvent } from '../../../evidence/log.ts';
import { verifyChain } from '../../../evidence/log.ts';
import type { HomeName } from '../../network/home.ts';
import { counted } from './check.ts';
import type { Check, CheckParts } from './check.ts';

/** Each user got keys by a certificate, and none by a pre-shared key. */
export function certifiedCheck(parts: CheckParts, home: HomeName, users: readonly string[]): Check {
  const issued = recordsOf(parts, home, 'keys-issued');
  const by = (user: string, proof: string): number =>
    issued.filter((event) => event['credential'] === user && event['by'] === proof).length;
  return {
    name: `the KMS of ${home} gave keys to ${users.join(' and ')} by certificate alone`,
    passed: users.every((user) => by(user, 'certificate') > 0 && by(user, 'psk') === 0),
    detail: users
      .map(
        (user) => `${user}: ${by(user, 'certificate')} by certificate, ${by(user, 'psk')} by pre-shared key`,
      )
      .join('; '),
  };
}

/** Somebody who asked for what is not theirs: what they were told, and what is on record. */
export interface Intruder {
  readonly who: string;
  /** MIKEY error that they shall be told, by its name. */
  readonly expected: string;
  /** What they were told; `keys`: they got some. */
  readonly told: string;
  /** What the KMS has on record of it. */
  readonly record: { readonly kind: string; readonly reason: string };
}

export function intruderChecks(parts: CheckParts, home: HomeName, intruders: readonly Intruder[]): Check[] {
  return intruders.map(({ who, expected, told, record: { kind, reason } }) => {
    const records = recordsOf(parts, home, kind).filter((event) => event['reason'] === reason);
    return {
      name: `the KMS of ${home} refuses ${who}`,
      passed: told === expected && records.length === 1,
      detail: `${told}; ${counted(records.length, 'record')} of ${reason}`,
    };
  });
}

function recordsOf({ scenario }: CheckParts, home: HomeName, kind: string): AuditEvent[] {
  const file = path.join(scenario.options.out, home, 'audit', 'kms.jsonl');
  const records = [...verifyChain(readFileSync(file, 'utf8').trimEnd().split('\n'))];
  return records.map(({ event }) => event).filter((event) => event.kind === kind);
}
