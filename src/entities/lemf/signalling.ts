/**
 * What the SIP messages of a call say about its media: who talks to whom, what was offered and answered, and from the
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
import type { CsIdMap } from '../../mikey/header.ts';
import type { MikeyMessage } from '../../mikey/message.ts';
import { DATA_TYPE, ID_ROLE } from '../../mikey/registry.ts';
import type { SrtpSuite } from '../../media/srtp/suites.ts';
import { SipError } from '../../sip/errors.ts';
import { tagOf } from '../../sip/fields.ts';
import { parseMessage } from '../../sip/message.ts';
import type { SipMessage } from '../../sip/head-and-body.ts';
import { SDP_TYPE } from '../../sip/sdp.ts';
import { PAYLOAD_DIRECTION } from '../../wire/hi/ps-pdu.ts';
import { DEFAULT_SUITE, suiteOf } from './policy.ts';
import { Negotiations } from './negotiation.ts';
import type { Carrier, Description, Negotiation, TargetSide } from './negotiation.ts';
import type { CallMessage } from './records.ts';
import { readSdp } from './sdp.ts';

/** One SRTP stream that the parties agreed upon. */
export interface AgreedStream {
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
  /** URIs of the target, as the records name it. */
  readonly targets: ReadonlySet<string>;
  readonly callIds: readonly string[];
  /** Methods of the requests and of the requests that were answered. */
  readonly methods: readonly string[];
  /** URIs of From and To of the first INVITE, or of what came instead. */
  readonly from: string | null;
  readonly to: string | null;
  /** Whether the call has ended: a BYE, or a final answer to the INVITE that is none. */
  readonly ended: boolean;
  readonly descriptions: readonly Description[];
  readonly negotiations: readonly Negotiation[];
  readonly mikeyMessages: number;
  readonly cryptoSessions: readonly AgreedStream[];
  /** SIP messages and MIKEY messages that could not be read. */
  readonly unreadable: number;
  /** Session descriptions and MIKEY messages beyond what is looked at in one call. */
  readonly passedOver: number;
}

/** Session descriptions of a call; MIKEY messages, of which a thousand updates have four thousand; Call-IDs, methods. */
const MAX_DESCRIPTIONS = 4096;
const MAX_MIKEY = 16_384;
const MAX_NAMES = 1024;

interface Reading {
  readonly targets: ReadonlySet<string>;
  readonly callIds: Set<string>;
  readonly methods: Set<string>;
  readonly negotiations: Negotiations;
  readonly mikey: KeyManagement[];
  descriptions: number;
  parties: Parties | null;
  inviteParties: Parties | null;
  ended: boolean;
  unreadable: number;
  passedOver: number;
}

/** What is needed of a MIKEY message. */
interface KeyManagement {
  readonly dataType: number;
  readonly csbId: number;
  readonly csIdMap: CsIdMap;
  readonly policies: readonly { readonly number: number; readonly suite: SrtpSuite | null }[];
  readonly initiator: string | null;
  readonly responder: string | null;
}

interface Parties {
  readonly from: string;
  readonly to: string;
}

/** @param targets URIs of the target, as the records name it */
export function readSignalling(messages: Iterable<CallMessage>, targets: ReadonlySet<string>): Signalling {
  const reading: Reading = {
    targets,
    callIds: new Set(),
    methods: new Set(),
    negotiations: new Negotiations(),
    mikey: [],
    descriptions: 0,
    parties: null,
    inviteParties: null,
    ended: false,
    unreadable: 0,
    passedOver: 0,
  };
  for (const message of messages) readSip(reading, message);
  const parties = reading.inviteParties ?? reading.parties;
  return {
    targets: reading.targets,
    callIds: [...reading.callIds],
    methods: [...reading.methods],
    from: parties?.from ?? null,
    to: parties?.to ?? null,
    ended: reading.ended,
    descriptions: reading.negotiations.descriptions,
    negotiations: reading.negotiations.pairs,
    mikeyMessages: reading.mikey.length,
    cryptoSessions: cryptoSessions(reading.mikey),
    unreadable: reading.unreadable,
    passedOver: reading.passedOver,
  };
}

/** Whether somebody is the target, where the records name the target. */
export function targetSideOf(uri: string | null, targets: ReadonlySet<string>): TargetSide | null {
  if (uri === null || targets.size === 0) return null;
  return targets.has(uri) ? 'target' : 'other';
}

function readSip(reading: Reading, { octets, body, direction, time, place }: CallMessage): void {
  try {
    const message = parseMessage(octets);
    const { cseq } = message;
    const type = message.contentType ?? '';
    const author = message.kind === 'request' ? message.from : message.to;
    const carrier: Carrier = {
      callId: message.callId,
      author: tagOf(author) ?? author.uri.text,
      side: SIDES.get(direction ?? -1) ?? targetSideOf(author.uri.text, reading.targets),
      time: time ?? place,
      transaction: `${tagOf(message.from) ?? ''} ${cseq.number} ${cseq.method}`,
      isResponse: message.kind === 'response',
    };
    if (message.kind === 'response' && message.status >= 300) {
      reading.negotiations.refused(carrier.callId, carrier.transaction);
    }
    // An SDP within a multipart body is found too: its lines are looked for, not its frame.
    if (body !== null) readBody(reading, carrier, body);
    else if (type === SDP_TYPE || type.startsWith('multipart/')) readBody(reading, carrier, message.body);
    addName(reading.callIds, message.callId);
    addName(reading.methods, cseq.method);
    reading.parties ??= partiesOf(message);
    if (cseq.method === 'INVITE') reading.inviteParties ??= partiesOf(message);
    if (message.kind === 'request' && message.method === 'BYE') reading.ended = true;
    if (message.kind === 'response' && message.status >= 300 && endsCall(message)) reading.ended = true;
  } catch (error) {
    if (!(error instanceof SipError)) throw error;
    if (octets.length > 0) reading.unreadable++;
    // A session description needs nothing of the message that carried it.
    if (body === null) return;
    const side = SIDES.get(direction ?? -1) ?? null;
    const author = `unread ${place}`;
    readBody(
      reading,
      { callId: '', author, side, time: time ?? place, transaction: author, isResponse: false },
      body,
    );
  }
}

const SIDES: ReadonlyMap<number, TargetSide> = new Map<number, TargetSide>([
  [PAYLOAD_DIRECTION.fromTarget, 'target'],
  [PAYLOAD_DIRECTION.toTarget, 'other'],
]);

function partiesOf({ from, to }: SipMessage): Parties {
  return { from: from.uri.text, to: to.uri.text };
}

/** A refused INVITE without a dialog; 401 and 407 ask for another attempt. */
function endsCall(message: SipMessage & { readonly status: number }): boolean {
  return message.cseq.method === 'INVITE' && message.status !== 401 && message.status !== 407;
}

function addName(names: Set<string>, name: string): void {
  if (names.size < MAX_NAMES) names.add(name);
}

function readBody(reading: Reading, carrier: Carrier, body: Uint8Array): void {
  const { media, mikey } = readSdp(body);
  if (media.length > 0) {
    if (reading.descriptions++ < MAX_DESCRIPTIONS) reading.negotiations.add(carrier, media);
    else reading.passedOver++;
  }
  for (const octets of mikey) {
    if (reading.mikey.length >= MAX_MIKEY) {
      reading.passedOver++;
      continue;
    }
    try {
      reading.mikey.push(keyManagementOf(decodeMessage(octets)));
    } catch (error) {
      if (!(error instanceof MikeyError)) throw error;
      reading.unreadable++;
    }
  }
}

function keyManagementOf(message: MikeyMessage): KeyManagement {
  const { dataType, csbId, csIdMap } = message.header;
  return {
    dataType,
    csbId,
    csIdMap,
    policies: payloadsOf(message, 'sp').map((policy) => ({
      number: policy.policyNo,
      suite: suiteOf(policy),
    })),
    initiator: identityOf(message, ID_ROLE.IDRi),
    responder: identityOf(message, ID_ROLE.IDRr),
  };
}

function cryptoSessions(messages: readonly KeyManagement[]): AgreedStream[] {
  const policies = new Map<string, SrtpSuite | null>();
  const initiators = new Map<number, string>();
  for (const message of messages) {
    if (message.dataType !== DATA_TYPE.I_MESSAGE_1) continue;
    const { csbId, initiator } = message;
    for (const { number, suite } of message.policies) policies.set(`${csbId} ${number}`, suite);
    if (initiator !== null && !initiators.has(csbId)) initiators.set(csbId, initiator);
  }
  const sessions = new Map<string, AgreedStream>();
  for (const message of messages) {
    const { csbId, csIdMap, dataType } = message;
    if (csIdMap.kind !== 'srtp-id') continue;
    const initiator = initiators.get(csbId) ?? message.initiator ?? '';
    // I_MESSAGE_1 names the callee it wanted; who answers is in R_MESSAGE_1.
    const answered = dataType !== DATA_TYPE.I_MESSAGE_1;
    const responder = message.responder ?? '';
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
