/** What is kept of the key management of one call under one task (`key-session.ts`); plain data. */
import type { SeenMessage } from '../../xk/seen-messages.ts';
import type { ObservedIdentity } from './records.ts';
import type { RetainedSession } from './retained.ts';
import type { KeyingState } from './unkeyed.ts';

export interface QuestionState {
  /** Of the exchange, or of exchange and update. */
  readonly id: string;
  readonly exchangeId: string;
  /** Number of updates that it covers. */
  readonly updates: number;
  readonly state: 'open' | 'answered' | 'failed';
  /** When it was opened, Unix milliseconds. */
  readonly since: number;
  /** When it is to be put at the earliest, Unix milliseconds; absent: at once. */
  readonly from?: number | undefined;
  /** Whether it is put without R_MESSAGE_2, since the KMS found it at odds with the rest. */
  readonly bare?: boolean | undefined;
  /** Time of the event that the keys belong to: the last message of the exchange or update. */
  readonly eventTime: number;
  /** Whether the failure record was handed over. */
  readonly overdue: boolean;
  /** Whether R_MESSAGE_2 was there when it was answered. */
  readonly withRMessage2: boolean;
  readonly verified: boolean;
  /** LIIDs that it is put again for, since they came later; absent: it is for all whose time it was. */
  readonly only?: readonly string[] | undefined;
}

export interface KeySession {
  readonly xid: string;
  /** Hex of the correlation ID. */
  readonly correlation: string;
  readonly observed: readonly ObservedIdentity[];
  readonly messages: readonly SeenMessage[];
  readonly questions: readonly QuestionState[];
  /** Fingerprints of the keys that were handed over, by LIID. */
  readonly delivered: readonly string[];
  /** Absent while nobody has spoken of encryption. */
  readonly media?: KeyingState | undefined;
  /** Dialogs in which an INVITE was answered with 2xx. */
  readonly accepted?: readonly string[] | undefined;
  /** What is left of the parties' shares of questions. */
  readonly budgets?: readonly QuestionBudget[] | undefined;
  /** Whether time alone may change what is asked or told. */
  readonly waits?: boolean | undefined;
  /** Why something was not asked, and the LIIDs that were told. */
  readonly unasked?: readonly Unasked[] | undefined;
  /** What a warrant that comes while the call stands will need; absent: nothing, or the call has ended. */
  readonly retained?: RetainedSession | undefined;
  /** When interception first began in mid-call, Unix milliseconds, also when nothing is retained any more; absent: never. */
  readonly begun?: number | undefined;
}

/** Questions that the messages of a party may still lead to. */
export interface QuestionBudget {
  readonly source: 'target' | 'other' | 'unknown';
  readonly likely: number;
  readonly unlikely: number;
  /** As of when, Unix milliseconds. */
  readonly at: number;
}

/**
 * `misplaced`: stood where neither offers nor answers do, or is too long; `unanswered`: in a request that was refused or
 * never taken, or not in answer to what it repeats; `bounded`: more than the parties may have asked;
 * `undecrypted`: content went out as it came although it was to be decrypted here.
 */
export type UnaskedReason = 'misplaced' | 'unanswered' | 'bounded' | 'undecrypted';

export interface Unasked {
  readonly reason: UnaskedReason;
  readonly told: readonly string[];
}
