/**
 * The records of a call as steps between the target and the other end: SIP messages and what MIKEY they carry, keys and
 * failures at their place. What draws them is elsewhere (`views/ladder.ts`).
 */
import { mikeyNames } from '../../wire/shown/describe-pdu.ts';
import { PAYLOAD_DIRECTION } from '../../wire/hi/ps-pdu.ts';
import { textsOf } from './records.ts';
import type { PlacedRecord } from './records.ts';
import type { Signalling } from './signalling.ts';

/** Whose column a step begins and ends at. */
export const STEP_ENDS = { target: 0, other: 1 } as const;

export interface CallStep {
  /** Unix milliseconds; `null`: it is not known. */
  readonly at: number | null;
  readonly kind: 'message' | 'key' | 'failure' | 'note';
  /** Of `STEP_ENDS`; the same twice: it stands across. */
  readonly from: number;
  readonly to: number;
  readonly label: string;
  /** MIKEY messages by name. */
  readonly marks: readonly string[];
  /** Of the record's PDU, in the order of delivery. */
  readonly place: number;
}

/** Target and other end, by their names. */
export interface CallParties {
  readonly target: string;
  readonly other: string;
}

export function callParties({ targets, from, to }: Pick<Signalling, 'targets' | 'from' | 'to'>): CallParties {
  const target = [from, to].find((uri) => uri !== null && targets.has(uri)) ?? [...targets][0] ?? 'target';
  const other = [to, from].find((uri) => uri !== null && uri !== target) ?? 'other end';
  return { target, other };
}

export function* stepsOf({ contents, direction, time, place }: PlacedRecord): Generator<CallStep> {
  const at = time ?? (contents.kind === 'eps' ? contents.record.time : null);
  const { target, other } = STEP_ENDS;
  for (const { octets, body, isAnswer } of textsOf(contents)) {
    const marks = mikeyNames(body ?? octets);
    const { fromTarget, toTarget } = PAYLOAD_DIRECTION;
    const isKnown = direction === fromTarget || direction === toTarget;
    const isOut = (direction === fromTarget) !== isAnswer;
    const ends = isOut ? { from: target, to: other } : { from: other, to: target };
    yield { at, kind: isKnown ? 'message' : 'note', ...ends, label: startLine(octets), marks, place };
  }
  if (contents.kind !== 'eps') return;
  const { keys = [], mediaSecFailure, ccUnavailableReason } = contents.record;
  const across = { at, from: target, to: target, marks: [], place };
  for (const { csId } of keys) yield { ...across, kind: 'key', label: `key of CS ${[...csId].join('.')}` };
  if (mediaSecFailure !== undefined)
    yield { ...across, kind: 'failure', label: 'no key: media security failure' };
  if (ccUnavailableReason !== undefined)
    yield { ...across, kind: 'failure', label: `no content: ${ccUnavailableReason}` };
}

/** The first line of a message, up to 200 characters. */
export function startLine(octets: Uint8Array): string {
  const text = Buffer.from(octets.subarray(0, 200)).toString('utf8');
  return text.split(/[\r\n]/)[0] ?? '';
}
