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

/** A warrant, and the SIP that was sent while it ran. */
export interface WarrantSpan extends SignallingSpan {
  readonly liid: string;
  readonly user: string;
  readonly home: HomeName;
}

export class Observations {
  /** Timeline milliseconds of key records at each LEMF, as they came. */
  readonly keyRecords: Record<HomeName, number[]> = { home1: [], home2: [] };
  readonly questions: Record<HomeName, number> = { home1: 0, home2: 0 };
  /** get_keys that were answered with keys. */
  readonly answers: Record<HomeName, number> = { home1: 0, home2: 0 };
  readonly refusals: Record<HomeName, string[]> = { home1: [], home2: [] };
  /** Warrants that began, in that order. */
  readonly warrants: WarrantSpan[] = [];

  atDf(home: HomeName, event: DfEvent): void {
    if (event.type === 'asked') this.questions[home] += 1;
    if (event.type === 'keys') this.answers[home] += 1;
    if (event.type === 'no-keys') this.refusals[home].push(event.reason);
  }

  /** @param to the message before which it ended */
  warrantEnds(liid: string, to: number): void {
    const at = this.warrants.findIndex((warrant) => warrant.liid === liid && warrant.to === Infinity);
    const warrant = this.warrants[at];
    if (warrant !== undefined) this.warrants[at] = { ...warrant, to };
  }

  /** @param elapsed milliseconds on the timeline */
  atLemf(home: HomeName, event: LemfEvent, elapsed: number): void {
    if (event.type === 'record' && event.csIds.length > 0) this.keyRecords[home].push(elapsed);
  }
}

/** The ICID that the first CSCF gave a call (P-Charging-Vector, RFC 7315 section 5.6). */
export function callIcid(messages: readonly SentMessage[], callId: string): string | null {
  for (const { from, octets } of messages) {
    const text = Buffer.from(octets).toString('latin1');
    if (!from.startsWith('cscf') || !text.startsWith('INVITE ') || !text.includes(`: ${callId}\r\n`))
      continue;
    const icid = /^P-Charging-Vector:.*?icid-value=("[^"]*"|[^;\s]+)/im.exec(text)?.[1];
    if (icid !== undefined) return icid.replace(/^"|"$/g, '');
  }
  return null;
}

/** When the initiator of a call sent the first I_MESSAGE_2 after dialling, milliseconds on the timeline. */
export function iMessage2Time(entries: readonly TimelineEntry[], dialled: number): number | null {
  const sent = entries.find(
    ({ at, reference, what }) => at >= dialled && reference === 'Gm' && what.endsWith('[I_MESSAGE_2]'),
  );
  return sent?.at ?? null;
}
