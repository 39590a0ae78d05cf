/** The words of ETSI's dictionaries (TS 103 120) that are known here. */
import type { DictionaryEntry } from './common.ts';
import type { Hi1ObjectKind } from './objects.ts';

const OF_BOTH = ['AwaitingApproval', 'Rejected', 'Suspended', 'Cancelled', 'Expired', 'Invalid'] as const;
const OF_AUTHORISATIONS = ['EmergencyApproval', 'Approved'] as const;
const OF_TASKS = ['AwaitingProvisioning', 'Active', 'Error'] as const;

export const HI1_STATUSES = [...OF_BOTH, ...OF_AUTHORISATIONS, ...OF_TASKS] as const;
export type Hi1Status = (typeof HI1_STATUSES)[number];
export type AuthorisationStatus = (typeof OF_BOTH)[number] | (typeof OF_AUTHORISATIONS)[number];
export type TaskStatus = (typeof OF_BOTH)[number] | (typeof OF_TASKS)[number];

/** States from which nothing leads on. */
export const FINAL_STATUSES: readonly Hi1Status[] = ['Rejected', 'Cancelled', 'Expired', 'Error', 'Invalid'];

export function etsiWord(Name: string, Value: string): DictionaryEntry {
  return { Owner: 'ETSI', Name, Value };
}

/** The word for a kind of object: its type without `Object`. */
export function objectTypeOf(kind: Hi1ObjectKind): DictionaryEntry {
  return etsiWord('ObjectType', kind.replace(/Object$/, ''));
}

/** The kind that somebody means, with or without `Object`; `null`: none of ours. */
export function kindOfWord(
  { Value }: DictionaryEntry,
  kinds: readonly Hi1ObjectKind[],
): Hi1ObjectKind | null {
  return kinds.find((kind) => kind === Value || kind.replace(/Object$/, '') === Value) ?? null;
}
