/**
 * What waits for a destination is in the spool in two logs, so that those who deliver records alone, or content alone, pass
 * over nothing of the other. That of content has the name of its destination; that of records has another before it, with
 * which no DID begins: it is a UUID (TS 103 221-1). One more has the key management of calls (`spooled-sessions.ts`).
 */
import type { OutboxAppend } from '../ports.ts';
import { SESSIONS_LANE } from './spooled-sessions.ts';

/** What may be in the spool. */
export type SpooledInterface = Exclude<OutboxAppend['interface'], 'hi1'>;

const RECORDS = 'hi2-';

/** The name of a log. */
export function laneOf(did: string, reference: OutboxAppend['interface']): string {
  return reference === 'hi3' ? did : `${RECORDS}${did}`;
}

/** Whose log it is, and of what. */
export function ownerOfLane(lane: string): { readonly did: string; readonly interface: SpooledInterface } {
  return lane.startsWith(RECORDS)
    ? { did: lane.slice(RECORDS.length), interface: 'hi2' }
    : { did: lane, interface: 'hi3' };
}

/** What is in a log, in words. */
export function laneText(lane: string): string {
  if (lane === SESSIONS_LANE) return 'key management of calls';
  const { did, interface: reference } = ownerOfLane(lane);
  return reference === 'hi2' ? `records to ${did}` : `content to ${did}`;
}
