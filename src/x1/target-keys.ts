/**
 * Which target identifiers of X1 SIP can show, and the keys of `sip/identity-keys.ts` that they are met by.
 */
import { identityKeys, privateIdentityKeys } from '../sip/identity-keys.ts';
import type { TargetIdentifier } from '../wire/x1/target-identifiers.ts';

/** What an identifier says: who the subscriber is, or which equipment. */
export type TargetKind = 'subscriber' | 'equipment';

interface Rule {
  readonly kind: TargetKind;
  readonly keys: (value: string) => readonly string[];
}

/** Target identifiers of X1 that can be recognised in SIP, by their element names. */
const RULES: Readonly<Record<string, Rule>> = {
  sipUri: { kind: 'subscriber', keys: identityKeys },
  telUri: { kind: 'subscriber', keys: identityKeys },
  impu: { kind: 'subscriber', keys: identityKeys },
  e164Number: { kind: 'subscriber', keys: (value) => [`tel:+${value}`] },
  gpsiMsisdn: { kind: 'subscriber', keys: (value) => [`tel:+${value}`] },
  impi: { kind: 'subscriber', keys: privateIdentityKeys },
  imei: { kind: 'equipment', keys: (value) => [`imei:${value}`] },
  peiImei: { kind: 'equipment', keys: (value) => [`imei:${value}`] },
  peiImeiCheckDigit: { kind: 'equipment', keys: (value) => [`imei:${value.slice(0, 14)}`] },
  peiImeisv: { kind: 'equipment', keys: (value) => [`imei:${value.slice(0, 14)}`] },
};

/** The names of identifiers that can be recognised in SIP. */
export const SIP_TARGETS: readonly string[] = Object.keys(RULES);

/** What kind of identifier it is; `null` if SIP cannot show it. */
export function targetKind(target: TargetIdentifier): TargetKind | null {
  return rule(target.name)?.kind ?? null;
}

/** Keys of a target identifier; none if SIP cannot show it. */
export function targetKeys(target: TargetIdentifier): readonly string[] {
  return rule(target.name)?.keys(target.value) ?? [];
}

function rule(name: string): Rule | null {
  return Object.hasOwn(RULES, name) ? (RULES[name] ?? null) : null;
}
