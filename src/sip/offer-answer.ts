/**
 * Which of the messages that are kept of a session are its offer and its answer (RFC 3264 in SIP: RFC 3261 section
 * 13.2.1, RFC 6337), for those who take up the session when it stands already.
 *
 *     offer in        answer in
 *     request         a response to it, by the one who was asked
 *     response        PRACK or ACK, by the one who had asked
 *
 * Of a session with MIKEY the first pair counts, which has I_MESSAGE_1 and R_MESSAGE_1: all later keys rest on these. Of
 * another the last, which is in force. Dialogs that came to nothing are passed over.
 */
import { SipError } from './errors.ts';
import { seenDescription } from './descriptions.ts';
import { mediaProtection } from './media-protection.ts';
import { headLength, parseMessage } from './message.ts';
import type { SipMessage } from './head-and-body.ts';
import type { SipRequest, SipResponse } from './message.ts';
import { fromOctets } from './text.ts';

/** A message with a description, as it is kept. */
export interface KeptDescription {
  /** Octets of the whole message. */
  readonly sip: Uint8Array;
  /** Whether the description has MIKEY. */
  readonly mikey: boolean;
}

export interface OfferAnswer<T> {
  readonly offer: T;
  readonly answer: T;
  /** What came after the offer in the same dialog and has MIKEY, but for the answer; in order. */
  readonly further: readonly T[];
  /** Of these, offers with their answers. */
  readonly exchanges: readonly DescribedExchange<T>[];
}

export interface DescribedExchange<T> {
  readonly offered: T;
  readonly answered: T;
}

/** MIKEY messages in a message's description. */
export function mikeyIn(sip: Uint8Array): Uint8Array[] {
  return seenDescription(parseMessage(sip))?.mikeyMessages.flatMap((octets) => octets ?? []) ?? [];
}

/** What no description is without that says anything of protection: `media-protection.ts` reads nothing else of it. */
const NAMES_PROTECTION = /SAVP|TLS|mikey|crypto|fingerprint|zrtp-hash/i;

/** What a message's description says of protection; `null`: it has none, or no medium is protected. */
export function protectionIn(message: SipMessage): { readonly mikey: boolean } | null {
  if (!mayProtect(message.body)) return null;
  const description = seenDescription(message);
  if (description === null) return null;
  const mikey = description.mikeyMessages.length > 0;
  const isProtected = mediaProtection(description).some(
    ({ securable, keying }) => securable || keying.size > 0,
  );
  return mikey || isProtected ? { mikey } : null;
}

/** Whether there may be a description in these octets, a body or a whole message, that says anything of protection. */
export function mayProtect(octets: Uint8Array): boolean {
  return octets.length > 0 && NAMES_PROTECTION.test(fromOctets(octets));
}

/**
 * @param kept in the order in which they passed
 * @param accepted tags of the callee in dialogs that were accepted; none: all count
 * @returns `null` where no offer has an answer
 */
export function offerAndAnswer<T extends KeptDescription>(
  kept: readonly T[],
  accepted: ReadonlySet<string>,
): OfferAnswer<T> | null {
  const placed = kept.flatMap((one) => placedIn(one, accepted));
  const pairs = placed.flatMap((answer, at) => {
    const offer = placed.slice(0, at).findLast((earlier) => isAnswered(earlier, answer));
    return offer === undefined ? [] : [{ offer, answer }];
  });
  const pair = pairs.find(({ offer, answer }) => offer.one.mikey && answer.one.mikey) ?? pairs.at(-1);
  if (pair === undefined) return null;
  const { offer, answer } = pair;
  const later = placed.slice(placed.indexOf(offer) + 1).filter((each) => each !== answer && each.one.mikey);
  const exchanges = pairs.filter((each) => later.includes(each.offer) && later.includes(each.answer));
  return {
    offer: offer.one,
    answer: answer.one,
    further: later.map(({ one }) => one),
    exchanges: exchanges.map((each) => ({ offered: each.offer.one, answered: each.answer.one })),
  };
}

/** A message as its head, blank line included, and what stands behind it. */
export function takenApart(sip: Uint8Array): { readonly head: Uint8Array; readonly sdp: Uint8Array } {
  const end = headLength(sip) ?? sip.length;
  return { head: sip.subarray(0, end), sdp: sip.subarray(end) };
}

/* ---------------------------------------------------------------- helpers */

interface Placed<T> {
  readonly one: T;
  readonly message: SipRequest | SipResponse;
  readonly author: string;
}

function placedIn<T extends KeptDescription>(one: T, accepted: ReadonlySet<string>): Placed<T>[] {
  try {
    const message = parseMessage(one.sip);
    const { fromTag, toTag } = message;
    const isMeant =
      accepted.size === 0 ||
      toTag === null ||
      [fromTag, toTag].some((tag) => tag !== null && accepted.has(tag));
    return isMeant ? [{ one, message, author: (message.kind === 'request' ? fromTag : toTag) ?? '' }] : [];
  } catch (error) {
    if (error instanceof SipError) return [];
    throw error;
  }
}

function isAnswered<T>(offer: Placed<T>, answer: Placed<T>): boolean {
  if (offer.author === answer.author) return false;
  const [of, by] = [offer.message, answer.message];
  if (of.kind === 'request')
    return by.kind === 'response' && of.cseq.number === by.cseq.number && of.cseq.method === by.cseq.method;
  return by.kind === 'request' && ['PRACK', 'ACK'].includes(by.method);
}
