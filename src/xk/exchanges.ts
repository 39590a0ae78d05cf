/**
 * MIKEY-IBAKE exchanges put together from the messages of a call (RFC 6267 section 4.2.2, profile section 3).
 *
 *     I_MESSAGE_1 ──┬── R_MESSAGE_1 (dialog a) ── I_MESSAGE_2 (a) ── R_MESSAGE_2 (a) ── updates (a)
 *                   └── R_MESSAGE_1 (dialog b) ── …
 *
 * The offer may fork: each early dialog has its own R_MESSAGE_1 and what follows. So an exchange belongs to a dialog
 * (Call-ID and both tags), and begins with the one I_MESSAGE_1 whose CSB ID and T its R_MESSAGE_1 repeats. All of it is
 * computed anew from the set of messages; the order in which they came decides only between what is else equal.
 *
 * Either party can send many messages that look alike, of which the other takes one. So several exchanges may contend
 * for one place; they are told apart by what the call made of them (`carriage.ts`), the likeliest first.
 */
import { isAnswerTo } from './carriage.ts';
import type { Carriage } from './carriage.ts';
import type { SeenMessage } from './seen-messages.ts';
import { fingerprint } from './seen-messages.ts';

/** What table 7B.7.2.1 asks for is complete with I_MESSAGE_2; until then there is no exchange here. */
export interface Exchange {
  readonly iMessage1: SeenMessage;
  readonly rMessage1: SeenMessage;
  readonly iMessage2: SeenMessage;
  readonly rMessage2: SeenMessage | null;
  /** Complete updates of the CSB in order of T; those that contend for one T together, the likeliest first. */
  readonly updates: readonly (readonly Update[])[];
  /** Names the exchange: hash over its dialog and first three messages. */
  readonly id: string;
  /** Exchanges of one contest differ, and one of them at most is that of the parties: dialog, CSB ID and T. */
  readonly contest: string;
  readonly standing: ExchangeStanding;
}

export interface Update {
  readonly iMessage1: SeenMessage;
  readonly rMessage1: SeenMessage;
}

/**
 * What the call made of an exchange: the request with I_MESSAGE_2 was answered with R_MESSAGE_2, was taken, has no answer
 * yet, was rejected; or it, or the one with I_MESSAGE_1, was refused or never taken, so that nothing is to be asked.
 */
export type ExchangeStanding = 'confirmed' | 'taken' | 'pending' | 'rejected' | 'withheld';

const STANDINGS: readonly ExchangeStanding[] = ['confirmed', 'taken', 'pending', 'rejected', 'withheld'];

/** Adds a message unless it is known: the same octets in the same place (183 and 200 of one transaction are one). */
export function addMessage(known: readonly SeenMessage[], message: SeenMessage): readonly SeenMessage[] {
  const at = known.findIndex((other) => other.octets === message.octets && samePlace(other, message));
  const before = known[at];
  if (before === undefined) return [...known, message];
  const better = PARTS.indexOf(placeOf(message).part) > PARTS.indexOf(placeOf(before).part);
  return better ? known.with(at, { ...before, carriage: message.carriage }) : known;
}

/** At most so many contend for one place: what two colluding users could make of one call is bounded. */
const MAX_CONTENDERS = 64;
/** Of these the contenders are chosen: each may be there twice. */
const MAX_TRIPLES = 2 * MAX_CONTENDERS;

/** The complete exchanges of a call by contest, in the order of their R_MESSAGE_1, and in each the likeliest first. */
export function assemble(messages: readonly SeenMessage[]): Exchange[] {
  const csbs = grouped(messages, ({ callId, csbId }) => `${csbId} ${callId}`);
  return [...csbs.values()].flatMap((csb) => {
    const dialogs = grouped(csb, ({ tags }) => tags.join(' '));
    const answers = csb.filter(({ type }) => type === 'R1');
    const contests = grouped(answers, ({ t, tags }) => [t, ...tags].join(' '));
    return [...contests.values()].flatMap((own) => {
      return likeliest(csb, dialogs.get(own[0]?.tags.join(' ') ?? '') ?? [], own);
    });
  });
}

/** Whether an update changes the keys themselves, and does not only add crypto sessions. */
export function hasIbake({ rMessage1 }: Update): boolean {
  return rMessage1.ibake !== false;
}

/** Where a message of a version that did not remember it stood: where it must have. */
export function placeOf({ carriage, type }: SeenMessage): Carriage {
  return carriage ?? (type === 'I1' || type === 'I2' ? OF_INITIATOR : OF_RESPONDER);
}

/* ---------------------------------------------------------------- helpers */

const PARTS: readonly Carriage['part'][] = ['request', 'unreliable', 'reliable', 'success'];

const UNKNOWN = { transaction: '', branch: '', method: 'INVITE', rack: null, plain: true, delivery: false };
const OF_INITIATOR: Carriage = { ...UNKNOWN, sender: 'initiator', part: 'request' };
const OF_RESPONDER: Carriage = { ...UNKNOWN, sender: 'responder', part: 'success' };

/** Before it has its names: most of many are dropped first. */
interface Triple extends Pick<Exchange, 'iMessage1' | 'rMessage1' | 'iMessage2' | 'rMessage2' | 'standing'> {
  readonly unlikeliness: number;
}

/**
 * One for each I_MESSAGE_1 and I_MESSAGE_2 that may belong: a decoy must not hide the real one. Of offers that the same
 * I_MESSAGE_2 go with, the i-th likeliest with the j-th likeliest has i·j - 1 others before it, so that most of many need
 * not be made.
 */
function triplesOf(
  csb: readonly SeenMessage[],
  dialog: readonly SeenMessage[],
  rMessage1: SeenMessage,
  ends: ReadonlyMap<SeenMessage, SeenMessage>,
): Triple[] {
  const offers = csb
    .filter((message) => isOfferOf(message, rMessage1))
    .toSorted((a, b) => offerDoubt(a) - offerDoubt(b));
  const alike = grouped(offers, (offer) => {
    return JSON.stringify([offer.rand, placeOf(offer).sender, placeOf(offer).delivery]);
  });
  return [...alike.values()].flatMap((own) => {
    const [likeliest] = own;
    if (likeliest === undefined) return [];
    const seconds = dialog
      .filter((message) => isSecondOf(message, likeliest, rMessage1))
      .map((iMessage2) => tripleOf(likeliest, rMessage1, iMessage2, ends))
      .toSorted((a, b) => a.unlikeliness - b.unlikeliness)
      .map(({ iMessage2 }) => iMessage2);
    return own.flatMap((iMessage1, before) =>
      seconds
        .slice(0, Math.ceil(MAX_TRIPLES / (before + 1)))
        .map((iMessage2) => tripleOf(iMessage1, rMessage1, iMessage2, ends)),
    );
  });
}

function tripleOf(
  iMessage1: SeenMessage,
  rMessage1: SeenMessage,
  iMessage2: SeenMessage,
  ends: ReadonlyMap<SeenMessage, SeenMessage>,
): Triple {
  const rMessage2 = ends.get(iMessage2) ?? null;
  const standing = standingOf(iMessage1, iMessage2, rMessage2);
  const unlikeliness = unlikelinessOf(iMessage1, rMessage1, iMessage2, standing);
  return { iMessage1, rMessage1, iMessage2, rMessage2, standing, unlikeliness };
}

/** The R_MESSAGE_2 of each I_MESSAGE_2 that has one. */
function endsIn(dialog: readonly SeenMessage[]): ReadonlyMap<SeenMessage, SeenMessage> {
  const last = dialog.filter(({ type }) => type === 'R2');
  const ends = new Map<SeenMessage, SeenMessage>();
  for (const second of dialog.filter(({ type }) => type === 'I2')) {
    const own = last.filter((message) => isEndOf(message, second));
    const end = own.find((message) => placeOf(message).plain) ?? own[0];
    if (end !== undefined) ends.set(second, end);
  }
  return ends;
}

/** Of a contest, each exchange once, however often its messages were sent. */
function likeliest(
  csb: readonly SeenMessage[],
  dialog: readonly SeenMessage[],
  answers: readonly SeenMessage[],
): Exchange[] {
  const ends = endsIn(dialog);
  const triples = answers.flatMap((rMessage1) => triplesOf(csb, dialog, rMessage1, ends));
  const updates = updatesOf(dialog, answers[0]?.t ?? '');
  const first = triples
    .toSorted((a, b) => a.unlikeliness - b.unlikeliness)
    .slice(0, MAX_TRIPLES)
    .map((triple): Exchange => {
      const { callId, csbId, tags, t } = triple.rMessage1;
      const octets = [triple.iMessage1, triple.rMessage1, triple.iMessage2].map((one) => one.octets);
      return {
        ...triple,
        updates,
        id: fingerprint(callId, ...tags, ...octets),
        contest: [callId, ...tags, csbId, t].join(' '),
      };
    });
  const once = new Map(first.toReversed().map((exchange) => [exchange.id, exchange]));
  return [...once.values()].toReversed().slice(0, MAX_CONTENDERS);
}

function standingOf(first: SeenMessage, second: SeenMessage, last: SeenMessage | null): ExchangeStanding {
  if (first.verdict === 'refused' || second.verdict === 'refused') return 'withheld';
  if (placeOf(second).delivery) return second.verdict === 'taken' ? 'taken' : 'withheld';
  if (last !== null) return 'confirmed';
  // An ACK has no answer.
  if (second.verdict === undefined) return placeOf(second).method === 'ACK' ? 'taken' : 'pending';
  return second.verdict;
}

/** What a phone could take before what it could not; then what the parties made of it; then the first. */
function unlikelinessOf(
  offer: SeenMessage,
  answer: SeenMessage,
  next: SeenMessage,
  standing: ExchangeStanding,
): number {
  const order = 10 * STANDINGS.indexOf(standing) + distanceOf(placeOf(answer), placeOf(next));
  const hidden = hiddenness(offer) + hiddenness(answer) + hiddenness(next);
  return (standing === 'withheld' ? 1000 : 0) + 100 * hidden + order;
}

function hiddenness(message: SeenMessage): number {
  return placeOf(message).plain ? 0 : 1;
}

/** In what order offers come in `unlikelinessOf`. */
function offerDoubt(offer: SeenMessage): number {
  return (offer.verdict === 'refused' ? 1000 : 0) + 100 * hiddenness(offer);
}

/** How sure it is that an I_MESSAGE_2 goes with an R_MESSAGE_1. A PRACK names the response that it acknowledges. */
function distanceOf(answer: Carriage, next: Carriage): number {
  if (next.rack !== null && answer.part !== 'request') return next.rack === answer.rack ? 0 : 2;
  return answer.part === 'unreliable' ? 2 : 1;
}

/** By T of the update, compared as hex of equal length, NTP-UTC in network order. */
function updatesOf(dialog: readonly SeenMessage[], since: string): Update[][] {
  const offers = dialog.filter(({ type, rand, t, verdict }) => {
    return type === 'I1' && rand === null && t > since && verdict !== 'refused';
  });
  const updates = offers.flatMap((iMessage1) =>
    dialog
      .filter(({ type, t }) => type === 'R1' && t === iMessage1.t)
      .filter((rMessage1) => isAnswerTo(placeOf(rMessage1), placeOf(iMessage1)))
      .map((rMessage1): Update => ({ iMessage1, rMessage1 })),
  );
  return [...grouped(updates, ({ iMessage1 }) => iMessage1.t)]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, contenders]) => contenders.toSorted((a, b) => doubtOf(a) - doubtOf(b)).slice(0, MAX_CONTENDERS));
}

function doubtOf({ iMessage1, rMessage1 }: Update): number {
  const [offer, answer] = [placeOf(iMessage1), placeOf(rMessage1)];
  return (offer.plain && answer.plain ? 0 : 8) + PARTS.length - PARTS.indexOf(answer.part);
}

/** An initial I_MESSAGE_1 and an answer to it: same call, CSB and T, one end (tag) in common, offer and answer. */
function isOfferOf(offer: SeenMessage, answer: SeenMessage): boolean {
  return (
    offer.type === 'I1' &&
    offer.rand !== null &&
    offer.t === answer.t &&
    offer.initiator === answer.initiator &&
    offer.tags.every((tag) => tag === '' || answer.tags.includes(tag)) &&
    isAnswerTo(placeOf(answer), placeOf(offer))
  );
}

/** The initiator's next: from the same party, to whoever answered. */
function isSecondOf(second: SeenMessage, first: SeenMessage, answer: SeenMessage): boolean {
  return (
    second.type === 'I2' &&
    second.rand === first.rand &&
    second.responder === answer.responder &&
    placeOf(second).sender === placeOf(first).sender &&
    placeOf(second).delivery === placeOf(first).delivery
  );
}

function isEndOf(last: SeenMessage, second: SeenMessage): boolean {
  return last.type === 'R2' && last.t === second.t && isAnswerTo(placeOf(last), placeOf(second));
}

function samePlace(a: SeenMessage, b: SeenMessage): boolean {
  const [one, other] = [placeOf(a), placeOf(b)];
  return (
    a.type === b.type &&
    sameDialog(a, b) &&
    one.transaction === other.transaction &&
    one.sender === other.sender &&
    (one.part === 'request') === (other.part === 'request') &&
    (one.part !== 'request' || one.branch === other.branch)
  );
}

function sameDialog(a: SeenMessage, b: SeenMessage): boolean {
  return a.callId === b.callId && a.tags[0] === b.tags[0] && a.tags[1] === b.tags[1];
}

/** By key, in the order in which the keys come first. */
export function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
