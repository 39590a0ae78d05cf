/** What is said between a store and the thread that commits for it. */
import type { UnitOutcome, WriteUnit } from './group-commit.ts';

export interface CommitThreadData {
  /** The database, which is there and of the present version. */
  readonly file: string;
}

export type CommitOrder =
  { readonly kind: 'units'; readonly units: readonly WriteUnit[] } | { readonly kind: 'end' };

/** Of the units of an order, in their order. */
export interface CommitReply {
  readonly outcomes: readonly UnitOutcome[];
}
