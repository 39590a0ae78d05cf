/** Changes of a MIKEY message's header, for messages that are altered on their way or made by a peer that is not honest. */
import type { CommonHeader, SrtpIdEntry } from '../../../../../src/mikey/header.ts';
import type { Payload } from '../../../../../src/mikey/payload.ts';

interface Message {
  readonly header: CommonHeader;
  readonly payloads: readonly Payload[];
}
export type Change = (message: Message) => Message;

export const header =
  (change: Partial<CommonHeader>): Change =>
  (message) => ({ ...message, header: { ...message.header, ...change } });

export const map =
  (change: (entries: readonly SrtpIdEntry[]) => readonly SrtpIdEntry[]): Change =>
  (message) => {
    const { csIdMap } = message.header;
    if (csIdMap.kind !== 'srtp-id') throw new Error('no SRTP-ID map');
    const entries = change(csIdMap.entries);
    return header({ csCount: entries.length, csIdMap: { kind: 'srtp-id', entries } })(message);
  };
