/** What is said between the LEMF and the thread that recovers for it. */
import type { CaseAnswers, CaseQuestion } from '../case-views.ts';
import type { KeyQuestion } from '../key-questions.ts';
import type { RecoverOptions, RecoveryReport } from '../recover.ts';
import type { Erased } from '../retention.ts';
import type { ErasureOrder } from '../store/erasure.ts';
import type { HandoverPaths } from '../store/recovery.ts';
import type { HandoverKind } from '../ports.ts';
import type { EndOrder, FailedReply } from './order-thread.ts';

/** All that is in two files, into a folder. */
export interface RecoverOrder {
  readonly kind: 'recover';
  readonly paths: HandoverPaths;
  readonly folder: string;
  readonly options: RecoverOptions;
}

/** What is new in files that grow, into a folder that is kept up to date. */
export interface LookOrder {
  readonly kind: 'look';
  readonly paths: HandoverPaths;
  readonly folder: string;
  /** Octets of complete PDUs. */
  readonly to: Readonly<Record<HandoverKind, number>>;
  /** Unix milliseconds. */
  readonly now: number;
  /** When the last of that had come. */
  readonly lastAt: number;
  /** Milliseconds without anything new after which a call is recovered first. */
  readonly after: number;
  /** Communications that the KMS has answered something about, by id: they are recovered anew. */
  readonly again: readonly number[];
  /** Whether this is the last look: then every call that has something new is recovered. */
  readonly isFinal: boolean;
}

/** Warrants to delete from the files, and from a folder that is kept up to date, if there is one. */
export interface EraseOrder extends ErasureOrder {
  readonly kind: 'erase';
  readonly look: LookOrder | null;
}

/** What an analyst asks about a folder that is kept up to date. */
export interface ShowOrder {
  readonly kind: 'show';
  readonly question: CaseQuestion;
  readonly look: LookOrder;
}

export type RecoveryOrder = RecoverOrder | LookOrder | EraseOrder | ShowOrder | EndOrder;

/** What is there to show; and what waits to be recovered since it was read for that. */
export interface ShownCase extends Pick<Looked, 'waiting' | 'wakeIn'> {
  readonly kind: 'shown';
  /** As the question has it. */
  readonly answer: CaseAnswers[CaseQuestion['kind']];
}

/** What came of a look. */
export interface Looked {
  readonly kind: 'looked';
  /** Calls with content so far; those of them that were recovered. */
  readonly calls: number;
  readonly recoveredCalls: number;
  /** Audio that was written now. */
  readonly files: readonly string[];
  /** What may be asked of the KMS about the calls that were looked at; none where nobody asks. */
  readonly questions: readonly KeyQuestion[];
  /** Calls that have something new and wait until they are quiet, or longer. */
  readonly waiting: number;
  /** Milliseconds until the first of them has waited for long enough; `null`: none waits. */
  readonly wakeIn: number | null;
}

/** How long a look took by itself, milliseconds: without the thread's start. */
export interface TimedLook extends Looked {
  readonly tookMs: number;
}

export type RecoveryReply =
  | { readonly kind: 'recovered'; readonly report: RecoveryReport }
  | TimedLook
  | ShownCase
  | { readonly kind: 'erased'; readonly erased: Erased }
  | FailedReply;
