/**
 * What one person may do about a warrant as it is, and why not: each act is tried on the record (`acts.ts`), and nothing
 * comes of it. What the act itself says (a time, a target) is judged when it is done.
 */
import {
  approved,
  changedBy,
  extended,
  rejected,
  resumed,
  submitted,
  suspendedNow,
  withdrawn,
} from './acts.ts';
import type { Act, ActContext } from './acts.ts';
import { AdmfError } from './errors.ts';
import type { AdmfErrorCode } from './errors.ts';
import type { WarrantRecord } from './warrants.ts';

type TriedAct = (record: WarrantRecord, act: Act, context: ActContext) => unknown;

/** In the order of a warrant's life. */
const TRIED = {
  submit: (record, act, context) => submitted(record, act, context, true),
  approve: approved,
  reject: rejected,
  // What narrows needs nobody else, so that it may be done whenever anything may.
  amend: (record, act, context) => changedBy(record, { endTime: record.warrant.endTime - 1 }, act, context),
  extend: (record, act, context) => {
    const endTime = Math.max(record.warrant.endTime, context.now) + 1;
    return extended(record, { startTime: null, endTime }, act, context);
  },
  suspend: suspendedNow,
  resume: resumed,
  withdraw: withdrawn,
} as const satisfies Record<string, TriedAct>;

export type OpenActName = keyof typeof TRIED;

export interface OpenAct {
  readonly act: OpenActName;
  /** Why it may not be done; `null`: it may. */
  readonly refusal: { readonly code: AdmfErrorCode; readonly why: string } | null;
}

/** @param by the person's name */
export function openActs(record: WarrantRecord, by: string, context: ActContext): OpenAct[] {
  const names = Object.keys(TRIED) as OpenActName[];
  return names.map((act) => {
    try {
      TRIED[act](record, { by, reason: act }, context);
      return { act, refusal: null };
    } catch (error) {
      if (!(error instanceof AdmfError)) throw error;
      return { act, refusal: { code: error.code, why: error.message } };
    }
  });
}
