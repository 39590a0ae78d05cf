/**
 * MIKEY-IBAKE exchanges put together from the messages of a call (RFC 6267 section 4.2.2, profile section 3).
 *
 *     I_MESSAGE_1 ──┬── R_MESSAGE_1 (dialog a) ── I_MESSAGE_2 (a) ── R_MESSAGE_2 (a) ── updates (a)
 *                   └── R_MESSAGE_1 (dialog b) ── …
 *
 * The offer may fork: each early dialog has its own R_MESSAGE_1 and what follows. So an exchange belongs to a dialog
 * (Call-ID and both tags), and begins with the one I_MESSAGE_1 whose CSB ID and T its R_MESSAGE_1 repeats. All of it is
 * computed anew from the set of messages; the order in which they came does not matter.
 */
import type { SeenMessage } from './extraction.ts';
import { fingerprint } from './extraction.ts';

/** What table 7B.7.2.1 asks for is complete with I_MESSAGE_2; until then there is no exchange here. */
export interface Exchange {
  readonly iMessage1: SeenMessage;
  readonly rMessage1: SeenMessage;
  readonly iMessage2: SeenMessage;
  readonly rMessage2: SeenMessage | null;
  /** Complete updates of the CSB in order of T. */
  readonly updates: readonly Update[];
  /** Names the exchange: hash over its dialog and first three messages. */
  readonly id: string;
}

export interface Update {
  readonly iMessage1: SeenMessage;
  readonly rMessage1: SeenMessage;
}

/** Adds a message unless it is known: the same octets in the same dialog (a retransmission, 183 and 200 alike). */
export function addMessage(known: readonly SeenMessage[], message: SeenMessage): readonly SeenMessage[] {
  const same = known.some(
    (other) => other.octets === message.octets && other.type === message.type && sameDialog(other, message),
  );
  return same ? known : [...known, message];
}

/**
 * What two colluding users could make of one call is bounded: so many answers, and so many messages in one role for
 * each, the latest ones counting.
 */
const MAX_ANSWERS = 32;
const MAX_CANDIDATES = 4;

/** The complete exchanges of a call, in the order of their R_MESSAGE_1. */
export function assemble(messages: readonly SeenMessage[]): Exchange[] {
  const exchanges = messages
    .filter((message) => message.type === 'R1')
    .slice(-MAX_ANSWERS)
    .flatMap((rMessage1) =>
      messages
        .filter((message) => isOfferOf(message, rMessage1))
        .slice(-MAX_CANDIDATES)
        .flatMap((iMessage1) => complete(messages, iMessage1, rMessage1)),
    );
  return [
    ...new Map(exchanges.toReversed().map((exchange) => [exchange.id, exchange])).values(),
  ].toReversed();
}

/* ---------------------------------------------------------------- helpers */

/** One exchange for each I_MESSAGE_2 that may belong: a decoy must not hide the real one. */
function complete(
  messages: readonly SeenMessage[],
  iMessage1: SeenMessage,
  rMessage1: SeenMessage,
): Exchange[] {
  const dialog = messages.filter(
    (message) => sameDialog(message, rMessage1) && message.csbId === rMessage1.csbId,
  );
  return dialog
    .filter((message) => message.type === 'I2' && message.rand === iMessage1.rand)
    .slice(-MAX_CANDIDATES)
    .map((iMessage2) => ({
      iMessage1,
      rMessage1,
      iMessage2,
      rMessage2: dialog.find((message) => message.type === 'R2' && message.t === iMessage2.t) ?? null,
      updates: updatesOf(dialog, rMessage1),
      id: fingerprint(
        rMessage1.callId,
        ...rMessage1.tags,
        iMessage1.octets,
        rMessage1.octets,
        iMessage2.octets,
      ),
    }));
}

/** T is compared as hex of equal length, NTP-UTC in network order. */
function updatesOf(dialog: readonly SeenMessage[], first: SeenMessage): Update[] {
  return dialog
    .filter((message) => message.type === 'I1' && message.rand === null && message.t > first.t)
    .flatMap((iMessage1) => {
      const rMessage1 = dialog.find((message) => message.type === 'R1' && message.t === iMessage1.t);
      return rMessage1 === undefined ? [] : [{ iMessage1, rMessage1 }];
    })
    .toSorted((a, b) => (a.iMessage1.t < b.iMessage1.t ? -1 : 1));
}

/** An initial I_MESSAGE_1 and an answer to it: same call, CSB and T, and one end (tag) in common. */
function isOfferOf(offer: SeenMessage, answer: SeenMessage): boolean {
  return (
    offer.type === 'I1' &&
    offer.rand !== null &&
    offer.callId === answer.callId &&
    offer.csbId === answer.csbId &&
    offer.t === answer.t &&
    offer.initiator === answer.initiator &&
    offer.tags.every((tag) => tag === '' || answer.tags.includes(tag))
  );
}

function sameDialog(a: SeenMessage, b: SeenMessage): boolean {
  return a.callId === b.callId && a.tags[0] === b.tags[0] && a.tags[1] === b.tags[1];
}
