/** What the signalling of one call was: messages, octets, and the MIKEY messages among them. */
import type { SentMessage } from '../src/lab/network/signalling.ts';
import { SessionDescription } from '../src/sip/sdp.ts';

export interface SetupTally {
  /** SIP messages on all hops. */
  readonly messages: number;
  readonly octets: number;
  /** MIKEY messages as phones sent them, each once. */
  readonly mikeyMessages: number;
  readonly mikeyOctets: number;
}

/** Of the messages of one Call-ID. @param isPhone whether a party is a phone: others pass on what phones said */
export function tallyOf(
  messages: readonly SentMessage[],
  callId: string,
  isPhone: (party: string) => boolean,
): SetupTally {
  const own = messages.filter(({ octets }) => callIdOf(octets) === callId);
  const said = new Map(
    own
      .filter(({ from }) => isPhone(from))
      .flatMap(({ octets }) => SessionDescription.salvage(octets).mikeyMessages)
      .flatMap((mikey) =>
        mikey === null ? [] : [[Buffer.from(mikey).toString('base64'), mikey.length] as const],
      ),
  );
  const sum = (lengths: Iterable<number>): number => [...lengths].reduce((all, length) => all + length, 0);
  return {
    messages: own.length,
    octets: sum(own.map(({ octets }) => octets.length)),
    mikeyMessages: said.size,
    mikeyOctets: sum(said.values()),
  };
}

function callIdOf(octets: Uint8Array): string | null {
  return /^(?:Call-ID|i)\s*:\s*(\S+)/im.exec(Buffer.from(octets).toString('latin1'))?.[1] ?? null;
}
