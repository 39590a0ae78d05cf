/** Faults of a demo run, by name. */
import { LabError } from '../errors.ts';
import { HOMES } from '../network/home.ts';
import type { Entity } from '../network/home.ts';
import type { Outage } from '../network/outages.ts';
import type { PhoneFault } from '../network/phone-faults.ts';

export interface Faults {
  readonly phones: Readonly<Record<string, readonly PhoneFault[]>>;
  readonly outages: readonly Outage[];
}

/** What may stand in `--fault`, for help and errors. */
export const FAULT_NAMES = ['ue-ignores-seed=USER', 'kms-down=HOME', 'df-down=HOME', 'lemf-down=HOME'];

const DOWN: Readonly<Record<string, Entity>> = { 'kms-down': 'kms', 'df-down': 'df', 'lemf-down': 'lemf' };

/** @throws LabError `options` for a name that is not in the list */
export function parseFaults(names: readonly string[], users: readonly string[]): Faults {
  const phones: Record<string, PhoneFault[]> = {};
  const outages: Outage[] = [];
  for (const name of new Set(names)) {
    const [kind = '', where = ''] = name.split('=');
    const entity = Object.hasOwn(DOWN, kind) ? DOWN[kind] : undefined;
    const home = HOMES.find((candidate) => candidate === where);
    if (kind === 'ue-ignores-seed' && users.includes(where)) (phones[where] ??= []).push(kind);
    else if (entity !== undefined && home !== undefined) outages.push({ entity, home });
    else throw new LabError('options', `there is no fault ${name}; there are ${FAULT_NAMES.join(', ')}`);
  }
  return { phones, outages };
}
