/**
 * What is retained of a call whose media are protected, while it stands, so that a warrant that comes later gets its own
 * "start of interception with established IMS session": the messages with descriptions, and to whom each was
 * handed over already. Plain data, kept in the store with the key management of the call.
 *
 *     signalling under interception ─┐                        ┌─► 2xx to INVITE: up
 *     report of the CSCF (format 14) ┴─► messages retained ───┤
 *                                                             └─► BYE: nothing is retained any more
 */
import { neededFurther } from '../../ibake/superseded.ts';
import { offerAndAnswer, protectionIn, takenApart } from '../../sip/offer-answer.ts';
import type { KeptDescription, OfferAnswer } from '../../sip/offer-answer.ts';
import type { SipRequest, SipResponse } from '../../sip/message.ts';
import { concat, fromBase64, toBase64 } from '../../bytes/octets.ts';
import type { Described, SessionStart } from '../../wire/hi/session-start.ts';
import type { RecordDirection } from './records.ts';

/** A message with a description that protects media. */
export interface RetainedMessage {
  /** Base64 of the whole message. */
  readonly sip: string;
  readonly mikey: boolean;
  readonly direction: RecordDirection;
  /** Unix milliseconds of the event. */
  readonly time: number;
  /** LIIDs that it was handed over to. */
  readonly to: readonly string[];
}

export interface RetainedSession {
  readonly messages: readonly RetainedMessage[];
  /** Callee's tags of dialogs that were accepted; `up` without any: nobody has said. */
  readonly accepted: readonly string[];
  /** Whether the call stands. */
  readonly up: boolean;
  /** When interception first began in mid-call, Unix milliseconds; `null`: for every warrant it began with the call. */
  readonly begun: number | null;
  /** LIIDs that were told of the start in mid-call. */
  readonly told: readonly string[];
}

/** What one SIP message says of the call that stands. */
export interface StandingSighting {
  /** It has a description that protects media. */
  readonly described: { readonly mikey: boolean } | null;
  /** Callee's tag of the dialog that it accepts. */
  readonly accepts: string | null;
  /** Tags of the dialog that it ends. */
  readonly ends: readonly string[];
}

/** Messages and octets retained of one call; the first stay, of the others those without MIKEY go first. */
const MAX_RETAINED = 32;
const MAX_OCTETS = 1 << 19;
const ALWAYS_RETAINED = 12;

const NONE: RetainedSession = { messages: [], accepted: [], up: false, begun: null, told: [] };

export function standingSightingIn(message: SipRequest | SipResponse): StandingSighting {
  const isAccepted =
    message.kind === 'response' &&
    message.status >= 200 &&
    message.status < 300 &&
    message.cseq.method === 'INVITE';
  const isEnd = message.kind === 'request' && message.method === 'BYE';
  return {
    described: protectionIn(message),
    accepts: isAccepted ? (message.toTag ?? '') : null,
    ends: isEnd ? [message.fromTag ?? '', message.toTag ?? ''] : [],
  };
}

/**
 * With what a SIP message has brought; itself where that is nothing, `undefined` where nothing is retained.
 * @param to LIIDs that the message was handed over to
 */
export function withMessage(
  before: RetainedSession | undefined,
  { described, accepts, ends }: StandingSighting,
  sip: Uint8Array,
  facts: Pick<RetainedMessage, 'direction' | 'time' | 'to'>,
): RetainedSession | undefined {
  let retained = before;
  if (described !== null) {
    const message = { sip: toBase64(sip), ...described, ...facts };
    retained = bounded({ ...(retained ?? NONE), messages: [...(retained ?? NONE).messages, message] });
  }
  if (retained === undefined) return undefined;
  if (accepts !== null && !(retained.up && retained.accepted.includes(accepts)))
    retained = { ...retained, up: true, accepted: [...retained.accepted, accepts] };
  const { accepted, up } = retained;
  const isOver =
    ends.length > 0 && up && (accepted.length === 0 || ends.some((tag) => accepted.includes(tag)));
  if (!isOver) return retained;
  const left = accepted.filter((tag) => !ends.includes(tag));
  return left.length === 0 ? undefined : { ...retained, accepted: left };
}

/** With what the CSCF reports of a session that stood when interception began. @param direction of the offer */
export function withStart(
  before: RetainedSession | undefined,
  { offer, answer, time }: SessionStart,
  direction: RecordDirection,
): RetainedSession {
  const retained = before ?? NONE;
  const parts: (readonly [Described, RecordDirection])[] = [
    [offer, direction],
    [answer, opposite(direction)],
  ];
  const messages = parts.map(([{ head, sdp }, seen]) => {
    return { sip: toBase64(concat(head, sdp)), mikey: true, direction: seen, time, to: [] };
  });
  // The CSCF tells a task once: whoever is told now was not told before.
  return { ...retained, messages: [...messages, ...retained.messages], up: true, begun: time, told: [] };
}

/** What there is to tell a warrant of the start; `null`: nothing, or it knows. */
export interface StartFor {
  readonly start: Omit<SessionStart, 'time'>;
  readonly direction: RecordDirection;
  /** Further bodies that carried MIKEY, that the keys in force rest on, and that it was not given. */
  readonly further: readonly RetainedMessage[];
}

export function startFor(retained: RetainedSession, liid: string): StartFor | null {
  const { messages, up, told } = retained;
  const isThereFromTheBeginning = messages[0]?.to.includes(liid) === true;
  if (!up || isThereFromTheBeginning || told.includes(liid)) return null;
  const found = exchangesIn(retained);
  if (found === null) return null;
  return {
    start: { offer: takenApart(found.offer.sip), answer: takenApart(found.answer.sip) },
    direction: found.offer.message.direction,
    further: neededFurther(found)
      .map(({ message }) => message)
      .filter(({ to }) => !to.includes(liid)),
  };
}

/** What the keys in force rest on, and what is not known to be superseded. */
export function neededMessages(retained: RetainedSession): readonly RetainedMessage[] {
  const found = exchangesIn(retained);
  if (found === null) return retained.messages;
  const needed = new Set(neededFurther(found));
  const gone = new Set(found.further.filter((one) => !needed.has(one)).map(({ message }) => message));
  return retained.messages.filter((message) => !gone.has(message));
}

/** With the note that a warrant was told at a time, and given what there was for it. */
export function withTold(retained: RetainedSession, liid: string, time: number): RetainedSession {
  const messages = retained.messages.map((one) => {
    return one.to.includes(liid) ? one : { ...one, to: [...one.to, liid] };
  });
  return { ...retained, messages, told: [...retained.told, liid], begun: retained.begun ?? time };
}

/* ---------------------------------------------------------------- helpers */

interface KeptMessage extends KeptDescription {
  readonly message: RetainedMessage;
}

function exchangesIn({ messages, accepted }: RetainedSession): OfferAnswer<KeptMessage> | null {
  const kept = messages.map((message): KeptMessage => ({
    sip: fromBase64(message.sip),
    mikey: message.mikey,
    message,
  }));
  return offerAndAnswer(kept, new Set(accepted));
}

function opposite(direction: RecordDirection): RecordDirection {
  if (direction === 'unknown') return direction;
  return direction === 'fromTarget' ? 'toTarget' : 'fromTarget';
}

function bounded(retained: RetainedSession): RetainedSession {
  let { messages } = retained;
  const size = (): number => messages.reduce((sum, { sip }) => sum + sip.length, 0);
  while (messages.length > ALWAYS_RETAINED && (messages.length > MAX_RETAINED || size() > MAX_OCTETS)) {
    const later = messages.slice(ALWAYS_RETAINED);
    const victim = later.find(({ mikey }) => !mikey) ?? later[0];
    messages = messages.filter((message) => message !== victim);
  }
  return messages === retained.messages ? retained : { ...retained, messages };
}
