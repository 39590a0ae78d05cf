/** What is seen at the DFs and LEMFs while a scenario runs, and facts read from its record. */
import type { DfEvent } from '../../entities/df/events.ts';
import type { LemfEvent } from '../../entities/lemf/ports.ts';
import type { HomeName } from '../network/home.ts';
import type { SentMessage } from '../network/signalling.ts';
import type { TimelineEntry } from '../timeline.ts';

/** A part of the record of SIP: from the message of the one number to that before the other. */
export interface SignallingSpan {
  readonly from: number;
  readonly to: number;
}

export class Observations {
  /** Timeline milliseconds of the first key record at each LEMF. */
  readonly firstKeyRecord: Partial<Record<HomeName, number>> = {};
  readonly questions: Record<HomeName, number> = { home1: 0, home2: 0 };
  /** get_keys that were answered with keys. */
  readonly answers: Record<HomeName, number> = { home1: 0, home2: 0 };
  readonly refusals: Record<HomeName, string[]> = { home1: [], home2: [] };
  /** SIP that was sent while a warrant ran, by the user that it is on. */
  readonly warranted = new Map<string, SignallingSpan>();

  atDf(home: HomeName, event: DfEvent): void {
    if (event.type === 'asked') this.questions[home] += 1;
    if (event.type === 'keys') this.answers[home] += 1;
    if (event.type === 'no-keys') this.refusals[home].push(event.reason);
  }

  /** @param elapsed milliseconds on the timeline */
  atLemf(home: HomeName, event: LemfEvent, elapsed: number): void {
    if (event.type === 'record' && event.csIds.length > 0) this.firstKeyRecord[home] ??= elapsed;
  }
}

/** The ICID that the first CSCF gave the call (P-Charging-Vector, RFC 7315 section 5.6). */
export function callIcid(messages: readonly SentMessage[]): string | null {
  for (const { from, octets } of messages) {
    const text = Buffer.from(octets).toString('latin1');
    if (!from.startsWith('cscf') || !text.startsWith('INVITE ')) continue;
    const icid = /^P-Charging-Vector:.*?icid-value=("[^"]*"|[^;\s]+)/im.exec(text)?.[1];
    if (icid !== undefined) return icid.replace(/^"|"$/g, '');
  }
  return null;
}

/** When the initiator sent I_MESSAGE_2, milliseconds on the timeline. */
export function iMessage2Time(entries: readonly TimelineEntry[]): number | null {
  return (
    entries.find(({ reference, what }) => reference === 'Gm' && what.endsWith('[I_MESSAGE_2]'))?.at ?? null
  );
}
