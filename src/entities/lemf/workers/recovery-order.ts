/** What is said between the LEMF and the thread that recovers for it. */
import type { RecoverOptions, RecoveryReport } from '../recover.ts';
import type { HandoverPaths } from '../store/recovery.ts';
import type { HandoverKind } from '../ports.ts';

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
  /** Whether nothing has come for a while: then every call is recovered, else those that are quiet. */
  readonly isQuiet: boolean;
}

export type RecoveryOrder = RecoverOrder | LookOrder | { readonly kind: 'end' };

/** What came of a look. */
export interface Looked {
  readonly kind: 'looked';
  /** Calls with content so far; those of them that were recovered. */
  readonly calls: number;
  readonly recoveredCalls: number;
  /** Audio that was written now. */
  readonly files: readonly string[];
  /** Calls that have something new and wait until they are quiet. */
  readonly waiting: number;
}

export type RecoveryReply =
  | { readonly kind: 'recovered'; readonly report: RecoveryReport }
  | Looked
  | { readonly kind: 'failed'; readonly reason: string };
