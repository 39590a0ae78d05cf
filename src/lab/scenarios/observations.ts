/** Facts read from the record of a run. */
import type { SentMessage } from '../network/signalling.ts';
import type { TimelineEntry } from '../timeline.ts';

/** The ICID that the first CSCF gave the call (P-Charging-Vector, RFC 7315 section 5.6). */
export function icidOf(messages: readonly SentMessage[]): string | null {
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
