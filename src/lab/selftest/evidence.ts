/** What a self-test has seen, link by link: facts alone. What follows from them is in `judge.ts`. */
import type { Compared } from '../scenarios/call.ts';

/** `null`: it was as it should be; else why not. */
export type Trouble = string | null;

/** Something that was done, or was not since something before it failed. */
export type Deed = { readonly done: true; readonly trouble: Trouble } | { readonly done: false };

/** Either end of the call. */
export interface EndEvidence {
  /** REQUEST_KEY, parameters of the own district and those of partners. */
  readonly keys: Deed;
  readonly registration: Deed;
}

export interface CallEvidence {
  readonly trouble: Trouble;
  /** Whether what went wrong was the agreement of keys. */
  readonly keysFailed: boolean;
  /** What either end reads aloud; `null`: none. */
  readonly sas: readonly [string | null, string | null];
  /** What the callee and the caller heard against what was said. */
  readonly heard: readonly Compared[];
}

/** What the DF counted from before the call to after it. */
export interface DfEvidence {
  readonly received: Readonly<Record<'x2' | 'x3', number>>;
  /** Attempts to get keys, by outcome. */
  readonly keyRequests: Readonly<Record<string, number>>;
  /** PDUs that wait for LEMFs in the end. */
  readonly waiting: number;
  /** LEMFs that are not connected. */
  readonly lemfsDown: readonly string[];
}

/** What the LEMF received under the test's LIID. */
export interface LemfEvidence {
  readonly records: { readonly sip: number; readonly keys: number; readonly keyFailures: number };
  readonly packets: number;
  /** What was recovered against what was said, of the caller and of the callee; empty: nothing was. */
  readonly audio: readonly Compared[];
  /** Why the call was not recovered; `null`: it was, or there is none. */
  readonly explanation: string | null;
}

/** Something that can be asked, or why it cannot. */
export type Inspected<T> = { readonly seen: T } | { readonly unseen: string };

export interface SelfTestEvidence {
  /** Entities that were asked how they are, and those that are not ready, with reasons; `null`: none can be asked. */
  readonly entities: { readonly asked: number; readonly unready: readonly string[] } | null;
  /** Entering and approving the warrant. */
  readonly entered: Deed;
  readonly active: Deed;
  /** What the ADMF says of elements that are away, if it can be asked. */
  readonly away: readonly string[];
  readonly caller: EndEvidence;
  readonly callee: EndEvidence;
  /** `null`: none was made. */
  readonly call: CallEvidence | null;
  readonly df: Inspected<DfEvidence>;
  readonly lemf: Inspected<LemfEvidence>;
  readonly withdrawn: Deed;
  /** The call after the withdrawal: its trouble, and what there was of it. */
  readonly second: {
    readonly trouble: Trouble;
    readonly df: Inspected<DfEvidence>;
    readonly lemf: Inspected<LemfEvidence>;
  } | null;
}
