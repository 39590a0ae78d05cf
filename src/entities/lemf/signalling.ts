/**
 * What the SIP messages of a call say about its media: who talks to whom, what the payload types mean, and from the
 * clear part of the MIKEY messages (RFC 6267) which SSRC belongs to which crypto session, with roll-over counter and
 * cipher.
 *
 *     I_MESSAGE_1   IDRi, SP payloads                 policy number → suite
 *     R_MESSAGE_1   IDRr, SRTP-ID map                 CS ID → SSRC, ROC, policy number; 2k−1 is spoken by IDRi, 2k by IDRr
 *
 * A forked call has several R_MESSAGE_1 for one CSB: all their maps count, and the tags of the packets tell which was
 * taken up.
 */
import { BytesError } from '../../bytes/errors.ts';
import { fromUtf8 } from '../../bytes/octets.ts';
import { MikeyError } from '../../mikey/errors.ts';
import { decodeMessage, payloadsOf } from '../../mikey/message.ts';
import type { MikeyMessage } from '../../mikey/message.ts';
import { DATA_TYPE, ID_ROLE } from '../../mikey/registry.ts';
import type { SrtpSuite } from '../../media/srtp/suites.ts';
import { SipError } from '../../sip/errors.ts';
import { parseMessage } from '../../sip/message.ts';
import type { SipMessage } from '../../sip/message.ts';
import type { CallMaterial } from './calls.ts';
import { DEFAULT_SUITE, suiteOf } from './policy.ts';
import { readSdp } from './sdp.ts';
import type { MediaLine } from './sdp.ts';

/** One SRTP stream that the parties agreed upon. */
export interface CryptoSession {
  readonly csbId: number;
  readonly csId: number;
  readonly ssrc: number;
  readonly roc: number;
  /** `null`: a policy that is unknown, or that cannot be decrypted. */
  readonly suite: SrtpSuite | null;
  /** Identity of the party that speaks. */
  readonly speaker: string;
}

export interface Signalling {
  readonly callIds: readonly string[];
  /** URIs of From and To of the first request of a dialog. */
  readonly from: string | null;
  readonly to: string | null;
  /** Whether the call has ended: a BYE, or a final answer to the INVITE that is none. */
  readonly ended: boolean;
  /** m= lines by position; the newest description of each. */
  readonly media: readonly MediaLine[];
  readonly mikeyMessages: number;
  readonly cryptoSessions: readonly CryptoSession[];
  /** SIP messages and MIKEY messages that could not be read. */
  readonly unreadable: number;
}

interface Reading {
  readonly callIds: Set<string>;
  readonly media: Map<number, MediaLine>;
  readonly mikey: MikeyMessage[];
  from: string | null;
  to: string | null;
  ended: boolean;
  unreadable: number;
}

export function readSignalling(call: CallMaterial): Signalling {
  const reading: Reading = {
    callIds: new Set(),
    media: new Map(),
    mikey: [],
    from: null,
    to: null,
    ended: false,
    unreadable: 0,
  };
  for (const record of call.records) {
    if (record.sipMessage !== undefined) readSip(reading, record.sipMessage);
    for (const body of [record.sdpOffer, record.sdpAnswer]) {
      if (body !== undefined) readBody(reading, body);
    }
  }
  const highest = [...reading.media.keys()].reduce((most, at) => Math.max(most, at), -1);
  return {
    callIds: [...reading.callIds],
    from: reading.from,
    to: reading.to,
    ended: reading.ended,
    media: Array.from({ length: highest + 1 }, (_, at) => reading.media.get(at) ?? NO_MEDIA),
    mikeyMessages: reading.mikey.length,
    cryptoSessions: cryptoSessions(reading.mikey),
    unreadable: reading.unreadable,
  };
}

const NO_MEDIA: MediaLine = { media: '', port: 0, protocol: '', codecs: new Map() };

function readSip(reading: Reading, octets: Uint8Array): void {
  try {
    const message = parseMessage(octets);
    const type = message.contentType ?? '';
    // An SDP within a multipart body is found too: its lines are looked for, not its frame.
    if (type === 'application/sdp' || type.startsWith('multipart/')) readBody(reading, message.body);
    reading.callIds.add(message.callId);
    if (reading.from === null && message.cseq.method === 'INVITE') {
      reading.from = message.from.uri.text;
      reading.to = message.to.uri.text;
    }
    if (message.kind === 'request' && message.method === 'BYE') reading.ended = true;
    if (message.kind === 'response' && message.status >= 300 && endsCall(message)) reading.ended = true;
  } catch (error) {
    if (!(error instanceof SipError)) throw error;
    reading.unreadable++;
  }
}

/** A refused INVITE without a dialog; 401 and 407 ask for another attempt. */
function endsCall(message: SipMessage & { readonly status: number }): boolean {
  return message.cseq.method === 'INVITE' && message.status !== 401 && message.status !== 407;
}

function readBody(reading: Reading, body: Uint8Array): void {
  const { media, mikey } = readSdp(body);
  for (const [at, line] of media.entries()) {
    const known = reading.media.get(at);
    // Either side's payload types may appear in packets: the newest wins, the others stay.
    const codecs = new Map([...(known?.codecs ?? []), ...line.codecs]);
    reading.media.set(at, { ...line, codecs });
  }
  for (const octets of mikey) {
    try {
      reading.mikey.push(decodeMessage(octets));
    } catch (error) {
      if (!(error instanceof MikeyError)) throw error;
      reading.unreadable++;
    }
  }
}

function cryptoSessions(messages: readonly MikeyMessage[]): CryptoSession[] {
  const policies = new Map<string, SrtpSuite | null>();
  const initiators = new Map<number, string>();
  for (const message of messages) {
    if (message.header.dataType !== DATA_TYPE.I_MESSAGE_1) continue;
    const { csbId } = message.header;
    for (const policy of payloadsOf(message, 'sp')) {
      policies.set(`${csbId} ${policy.policyNo}`, suiteOf(policy));
    }
    const initiator = identityOf(message, ID_ROLE.IDRi);
    if (initiator !== null && !initiators.has(csbId)) initiators.set(csbId, initiator);
  }
  const sessions = new Map<string, CryptoSession>();
  for (const message of messages) {
    const { csbId, csIdMap, dataType } = message.header;
    if (csIdMap.kind !== 'srtp-id') continue;
    const initiator = initiators.get(csbId) ?? identityOf(message, ID_ROLE.IDRi) ?? '';
    // I_MESSAGE_1 names the callee it wanted; who answers is in R_MESSAGE_1.
    const answered = dataType !== DATA_TYPE.I_MESSAGE_1;
    const responder = identityOf(message, ID_ROLE.IDRr) ?? '';
    for (const [at, { ssrc, roc, policyNo }] of csIdMap.entries.entries()) {
      const csId = at + 1;
      const odd = csId % 2 === 1;
      if (ssrc === 0 || (!odd && !answered)) continue;
      const suite = policyNo === 0 ? DEFAULT_SUITE : (policies.get(`${csbId} ${policyNo}`) ?? null);
      const speaker = odd ? initiator : responder;
      const key = `${csbId} ${csId} ${ssrc} ${speaker}`;
      if (!sessions.has(key)) sessions.set(key, { csbId, csId, ssrc, roc, suite, speaker });
    }
  }
  return [...sessions.values()];
}

function identityOf(message: MikeyMessage, role: number): string | null {
  const identity = payloadsOf(message, 'idr').find((payload) => payload.role === role);
  if (identity === undefined) return null;
  try {
    return fromUtf8(identity.data);
  } catch (error) {
    if (error instanceof BytesError) return null;
    throw error;
  }
}
