/**
 * Where in signalling a MIKEY message stood: in which offer or answer (RFC 3264) of which transaction, and from whom.
 *
 *     INVITE ── I_MESSAGE_1 ─►          ◄── 18x, 2xx ── R_MESSAGE_1         the same transaction
 *     PRACK, UPDATE, INVITE ── I_MESSAGE_2 ─►           ◄── 2xx ── R_MESSAGE_2
 *     INVITE without an offer: ◄── 18x, 2xx ── I_MESSAGE_1       PRACK, ACK ── R_MESSAGE_1 ─►
 *
 * Offers stand in INVITE, UPDATE, PRACK, and in responses to an INVITE without one; answers in responses, and in the
 * ACK or PRACK of an offer that came so (RFC 3261 section 13.2.1, RFC 3262 section 5, RFC 3311 section 5.1). A message
 * that stands elsewhere (INFO, MESSAGE, an error response) was agreed upon with nobody: no phone acts on it.
 */
import { equalOctets, fromBase64 } from '../bytes/octets.ts';
import { openDescription } from '../sip/descriptions.ts';
import { SipError } from '../sip/errors.ts';
import { branchOf, parseRAck, parseRSeq } from '../sip/fields.ts';
import { keyManagementIn } from '../sip/key-management.ts';
import type { SipRequest, SipResponse } from '../sip/message.ts';

/** The four messages of RFC 6267 section 4.2.2; an update's two are I1 and R1 without RAND (5.3). */
export type IbakeType = 'I1' | 'R1' | 'I2' | 'R2';

export interface Carriage {
  /** Own tag of who sent it. */
  readonly sender: string;
  /** From tag, CSeq number and method of the request that it is, or answers; of an ACK, of its INVITE. */
  readonly transaction: string;
  /** Branch of the topmost Via: the same in a request and in its answers, and unknown to others. */
  readonly branch: string;
  /** Of the request. */
  readonly method: string;
  readonly part: 'request' | 'unreliable' | 'reliable' | 'success';
  /** RSeq and CSeq of a reliable response, or those that the PRACK names (RFC 3262 section 7.2). */
  readonly rack: string | null;
  /** As phones take it: the one MIKEY message at session level of a description that lies open. */
  readonly plain: boolean;
  /** Three messages in one offer: what a mailbox delivers. */
  readonly delivery: boolean;
}

/** What became of a request: `refused` for want of authentication or authority, `rejected` for another reason. */
export type CarriageVerdict = 'taken' | 'refused' | 'rejected';

/** An answer to a request. */
export interface RequestAnswer {
  readonly callId: string;
  readonly transaction: string;
  readonly branch: string;
  readonly verdict: CarriageVerdict;
}

const PLACES: Readonly<Record<'request' | 'response', ReadonlyMap<string, readonly IbakeType[]>>> = {
  request: new Map([
    ['INVITE', ['I1', 'I2']],
    ['UPDATE', ['I1', 'I2']],
    ['PRACK', ['I1', 'I2', 'R1']],
    ['ACK', ['I2', 'R1']],
  ]),
  response: new Map([
    ['INVITE', ['I1', 'R1', 'R2']],
    ['UPDATE', ['R1', 'R2']],
    ['PRACK', ['R1', 'R2']],
  ]),
};

/** What a mailbox's offer has, in this order (profile, section 3). */
const DELIVERY: readonly IbakeType[] = ['I1', 'R1', 'I2'];

/** Where the messages of a SIP message stand, each in its place; `null` for one that is not in its role there. */
export function carriagesOf(
  message: SipRequest | SipResponse,
  found: readonly { readonly type: IbakeType; readonly octets: string }[],
): readonly (Carriage | null)[] {
  const open = opened(message);
  const [one] = open;
  const delivery = isDelivery(message, found);
  const place = placeOf(message);
  return found.map(({ type, octets }) => {
    if (place === null || !(delivery || mayStand(message, type))) return null;
    const alone = open.length === 1 && one !== undefined && equalOctets(one, fromBase64(octets));
    return { ...place, delivery, plain: delivery ? open.length === found.length : alone };
  });
}

/** What a response says of its request; `null` for a request, or 100. */
export function answerIn(message: SipRequest | SipResponse): RequestAnswer | null {
  if (message.kind === 'request' || message.status <= 100) return null;
  const { callId, status } = message;
  const verdict = status < 300 ? 'taken' : [401, 403, 407].includes(status) ? 'refused' : 'rejected';
  return { callId, transaction: transactionOf(message), branch: topBranch(message), verdict };
}

/** Whether `answer` stands in the answer to the offer in which `offer` stands. */
export function isAnswerTo(answer: Carriage, offer: Carriage): boolean {
  if (answer.sender === offer.sender) return offer.delivery && answer.transaction === offer.transaction;
  if (offer.part === 'request') return answer.part !== 'request' && answer.transaction === offer.transaction;
  if (answer.method === 'ACK') return offer.part === 'success' && answer.transaction === offer.transaction;
  return answer.part === 'request' && offer.rack !== null && answer.rack === offer.rack;
}

/* ---------------------------------------------------------------- helpers */

function mayStand(message: SipRequest | SipResponse, type: IbakeType): boolean {
  const method = message.kind === 'request' ? message.method : message.cseq.method;
  return PLACES[message.kind].get(method)?.includes(type) ?? false;
}

function placeOf(message: SipRequest | SipResponse): Omit<Carriage, 'plain' | 'delivery'> | null {
  const common = { transaction: transactionOf(message), branch: topBranch(message) };
  if (message.kind === 'request') {
    const { method, fromTag } = message;
    return { ...common, sender: fromTag ?? '', method, part: 'request', rack: rackOf(message) };
  }
  const { status, toTag, cseq } = message;
  if (status <= 100 || status >= 300) return null;
  const rseq = status < 200 ? rseqOf(message) : null;
  const part = status >= 200 ? 'success' : rseq === null ? 'unreliable' : 'reliable';
  const rack = rseq === null ? null : `${rseq} ${cseq.number} ${cseq.method}`;
  return { ...common, sender: toTag ?? '', method: cseq.method, part, rack };
}

function transactionOf({ fromTag, cseq }: SipRequest | SipResponse): string {
  return `${fromTag ?? ''} ${cseq.number} ${cseq.method === 'ACK' ? 'INVITE' : cseq.method}`;
}

function topBranch(message: SipRequest | SipResponse): string {
  return attempt(() => branchOf(message.topVia)) ?? '';
}

/** `null`: not a reliable response (RFC 3262 section 3). */
function rseqOf(message: SipResponse): number | null {
  return message.lists('Require', '100rel') ? attempt(() => parseRSeq(message.first('RSeq') ?? '')) : null;
}

function rackOf(message: SipRequest): string | null {
  if (message.method !== 'PRACK') return null;
  return attempt(() => {
    const { rseq, number, method } = parseRAck(message.first('RAck') ?? '');
    return `${rseq} ${number} ${method}`;
  });
}

function isDelivery(
  message: SipRequest | SipResponse,
  found: readonly { readonly type: IbakeType }[],
): boolean {
  if (message.kind !== 'request' || message.method !== 'INVITE') return false;
  return found.length === DELIVERY.length && found.every(({ type }, at) => type === DELIVERY[at]);
}

/** The MIKEY messages at session level, as one reads them who acts on them. */
function opened(message: SipRequest | SipResponse): readonly Uint8Array[] {
  return (
    attempt(() =>
      keyManagementIn(openDescription(message)?.attributes ?? [])
        .filter(({ protocol }) => protocol === 'mikey')
        .map(({ data }) => data),
    ) ?? []
  );
}

function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof SipError) return null;
    throw error;
  }
}
