/**
 * What an update may do to the CS ID map (profile, section 3): entries stay as they are, octet for octet with ROC; new ones
 * follow at the end, two for each new m= line; an entry whose SSRC was 0 may get one. Each end gives SSRCs to the streams
 * that it sends, the starter in I_MESSAGE_1, the answerer in R_MESSAGE_1; what is 0 there is unused.
 *
 *     CS 2k−1   initiator to responder        CS 2k   responder to initiator
 */
import type { SrtpIdEntry } from '../mikey/header.ts';
import { IbakeError } from './errors.ts';
import { isFilledMap, type CsbSession } from './session.ts';

type Role = CsbSession['role'];

/** One m= line that an update adds. */
export interface AddedMedia {
  /** SSRC that this end will send with; 0 where it does not. */
  readonly ssrc: number;
  /** 0, or a number of the initial exchange. */
  readonly policyNo: number;
}

/** SSRCs of this end for m= lines, counted from 1, on which it has not sent yet. */
export type FilledLines = ReadonlyMap<number, number>;

/** Whether a map keeps the entries of another, save SSRCs that were 0; more may follow at its end. */
export function isExtendedMap(from: readonly SrtpIdEntry[], to: readonly SrtpIdEntry[]): boolean {
  return isFilledMap(from, to.slice(0, from.length));
}

/** Whether a map has more crypto sessions in use than another. */
export function addsCryptoSessions(from: readonly SrtpIdEntry[], to: readonly SrtpIdEntry[]): boolean {
  return inUse(to) > inUse(from);
}

/** The starter's map. @throws IbakeError `state` for a line that is not there, or on which it sends already */
export function startedMap(
  { role, map }: Pick<CsbSession, 'role' | 'map'>,
  added: readonly AddedMedia[],
  filled: FilledLines,
): SrtpIdEntry[] {
  return [...withFilled(role, map, filled), ...added.flatMap((media) => addedEntries(role, media))];
}

/** Whether a map is one that the other side may start an update with. */
export function isStartedMap(
  starter: Role,
  before: readonly SrtpIdEntry[],
  asked: readonly SrtpIdEntry[],
): boolean {
  const isAnswerersUntouched = asked.every(
    ({ ssrc }, i) => isOf(starter, i) || ssrc === (before[i]?.ssrc ?? 0),
  );
  return isExtendedMap(before, asked) && isAnswerersUntouched;
}

/**
 * The answerer's map; `ssrcs` are for the lines that the update adds, in order.
 * @throws IbakeError `state` as `startedMap`
 */
export function answeredMap(
  { role, map: before }: Pick<CsbSession, 'role' | 'map'>,
  asked: readonly SrtpIdEntry[],
  ssrcs: readonly number[],
  filled: FilledLines,
): SrtpIdEntry[] {
  const known = withFilled(role, asked.slice(0, before.length), filled);
  const added = asked.slice(before.length).map((entry, i) => {
    return isOf(role, i) ? { ...entry, ssrc: ssrcs[Math.floor(i / 2)] ?? 0 } : entry;
  });
  return [...known, ...added];
}

/** Whether the answerer has left alone what is not its own to fill. */
export function isAnsweredMap(
  starter: Role,
  asked: readonly SrtpIdEntry[],
  answered: readonly SrtpIdEntry[],
): boolean {
  const isStartersUntouched = asked.every(({ ssrc }, i) => !isOf(starter, i) || answered[i]?.ssrc === ssrc);
  return isFilledMap(asked, answered) && isStartersUntouched;
}

/* ---------------------------------------------------------------- helpers */

/** Whether the entry at an index is of a stream that this side sends. */
function isOf(role: Role, index: number): boolean {
  return index % 2 === (role === 'initiator' ? 0 : 1);
}

function withFilled(role: Role, map: readonly SrtpIdEntry[], filled: FilledLines): SrtpIdEntry[] {
  const left = new Map(filled);
  const result = map.map((entry, i) => {
    const ssrc = left.get(Math.floor(i / 2) + 1);
    if (ssrc === undefined || !isOf(role, i) || entry.ssrc !== 0) return entry;
    left.delete(Math.floor(i / 2) + 1);
    return { ...entry, ssrc };
  });
  if (left.size > 0) throw new IbakeError('state', 'no such m= line, or one that has an SSRC');
  return result;
}

function addedEntries(role: Role, { ssrc, policyNo }: AddedMedia): SrtpIdEntry[] {
  return [0, 1].map((index) => ({ policyNo, ssrc: isOf(role, index) ? ssrc : 0, roc: 0 }));
}

function inUse(map: readonly SrtpIdEntry[]): number {
  return map.filter(({ ssrc }) => ssrc !== 0).length;
}
