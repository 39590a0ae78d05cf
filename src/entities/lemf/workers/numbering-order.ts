/** What is said between the LEMF and the thread that numbers what it has stored. */
import type { NumberedPart, NumberingPart } from '../numbered-store.ts';
import type { NextIds } from '../sessions.ts';
import type { HandoverPaths } from '../store/recovery.ts';
import type { EndOrder } from './order-thread.ts';

/** On through two files that grow; what is known of numbers goes into a file of its own. */
export interface NumberOrder extends NumberingPart {
  readonly kind: 'number';
  readonly paths: HandoverPaths;
  readonly numbers: string;
}

export type NumberingOrder = NumberOrder | { readonly kind: 'leave' } | EndOrder;

export type NumberingReply =
  | ({ readonly kind: 'numbered' } & NumberedPart)
  /** The file with the numbers is complete, and closed. */
  | { readonly kind: 'left'; readonly next: NextIds };
