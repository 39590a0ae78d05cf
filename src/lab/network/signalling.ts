/**
 * The record of SIP as sent: one file a message, numbered in the order of sending, `NNN-FROM-TO.sip`. Who a peer is
 * follows from the addresses that each party has used itself.
 */
import path from 'node:path';
import { ClavigerError } from '../../bytes/errors.ts';
import { readErrorMessage } from '../../ibake/error-message.ts';
import type { MikeyRefusal } from '../../ibake/error-message.ts';
import { SessionDescription } from '../../sip/sdp.ts';
import { canonicalAddress, endpointText } from '../../bytes/network-address.ts';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import { makeFolder, writeWhole } from '../../storage/files.ts';
import type { SentSip } from '../capture/capture.ts';
import type { Timeline } from '../timeline.ts';

/** The messages of an exchange by MIKEY data type (RFC 6267 table 2). */
const MIKEY_NAMES: Readonly<Record<number, string>> = {
  22: 'I_MESSAGE_1',
  23: 'R_MESSAGE_1',
  24: 'I_MESSAGE_2',
  25: 'R_MESSAGE_2',
};

/** A message that an element of SIP has sent or received, as far as the record goes. */
export interface SeenSip {
  readonly direction: 'received' | 'sent';
  readonly octets: Uint8Array;
  readonly flow: {
    /** Of a message that another process saw, nothing says it. */
    readonly protocol?: string;
    readonly local: NetworkAddress;
    readonly remote: NetworkAddress;
  };
}

export interface SentMessage {
  readonly from: string;
  readonly to: string;
  readonly octets: Uint8Array;
}

/** Told of each message as it is sent, with its octets on the network. */
export type SipListener = (sent: SentSip) => void;

export class SignallingRecord {
  readonly #folder: string | null;
  readonly #timeline: Timeline;
  readonly #onSip: SipListener | undefined;
  readonly #parties = new Map<string, string>();
  readonly messages: SentMessage[] = [];
  /** Rejects with the first failure to write, which those who sent the message must not see. */
  readonly broken: Promise<never>;
  #break: (error: unknown) => void = () => undefined;

  /** @param folder where files go; `null`: nowhere */
  constructor(folder: string | null, timeline: Timeline, onSip?: SipListener) {
    this.#folder = folder;
    this.#timeline = timeline;
    this.#onSip = onSip;
    this.broken = new Promise((_, reject) => (this.#break = reject));
    this.broken.catch(() => undefined);
    if (folder !== null) makeFolder(folder);
  }

  /** Makes the address of a listener known. */
  listens(party: string, endpoint: NetworkAddress): void {
    this.#parties.set(keyOf(endpoint), party);
  }

  /** An observer for one party. */
  observer(party: string): (seen: SeenSip) => void {
    return ({ direction, octets, flow }) => {
      this.#parties.set(keyOf(flow.local), party);
      if (direction !== 'sent') return;
      this.#onSip?.({ protocol: flow.protocol ?? 'TCP', from: flow.local, to: flow.remote, octets });
      this.#sent(party, this.#parties.get(keyOf(flow.remote)) ?? 'unknown', octets);
    };
  }

  #sent(from: string, to: string, octets: Uint8Array): void {
    this.messages.push({ from, to, octets });
    if (this.#folder !== null) this.#write(this.#folder, from, to, octets);
    const between = from.startsWith('cscf') && to.startsWith('cscf') ? 'Mw' : 'Gm';
    this.#timeline.add(between, from, to, summary(octets));
  }

  #write(folder: string, from: string, to: string, octets: Uint8Array): void {
    const number = String(this.messages.length).padStart(3, '0');
    try {
      writeWhole(path.join(folder, `${number}-${from}-${to}.sip`), octets);
    } catch (error) {
      this.#break(error);
    }
  }
}

/** `INVITE sip:bob@home2.example (I_MESSAGE_1)`, `183 Session Progress (R_MESSAGE_1) to INVITE`. */
export function summary(octets: Uint8Array): string {
  const text = Buffer.from(octets).toString('latin1');
  const start = text
    .slice(0, text.indexOf('\r\n'))
    .replace(/^SIP\/2\.0 /, '')
    .replace(/ SIP\/2\.0$/, '');
  const method = /^CSeq:\s*\d+\s+(\S+)/im.exec(text)?.[1] ?? '';
  const [described = null] = SessionDescription.salvage(octets).mikeyMessages;
  const mikey = described ?? mikeyBody(text, octets);
  const carries = mikey === null ? '' : `  [${mikeyName(mikey)}]`;
  return /^\d/.test(start) ? `${start} (${method})${carries}` : `${start}${carries}`;
}

/** A MIKEY message that is the whole body: in a refusal. */
function mikeyBody(text: string, octets: Uint8Array): Uint8Array | null {
  const at = text.indexOf('\r\n\r\n');
  const isMikey = at >= 0 && /^(?:Content-Type|c)\s*:\s*application\/mikey\b/im.test(text.slice(0, at));
  return isMikey ? octets.subarray(at + 4) : null;
}

function mikeyName(mikey: Uint8Array): string {
  const refusal = errorIn(mikey);
  if (refusal !== null) return `MIKEY error ${refusal.errorNo}, ${refusal.name}`;
  return MIKEY_NAMES[mikey[1] ?? -1] ?? 'MIKEY';
}

function errorIn(mikey: Uint8Array): MikeyRefusal | null {
  try {
    return readErrorMessage(mikey);
  } catch (error) {
    if (error instanceof ClavigerError) return null;
    throw error;
  }
}

function keyOf({ address, port }: NetworkAddress): string {
  return endpointText({ address: canonicalAddress(address), port });
}
