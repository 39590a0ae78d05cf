/**
 * Keys that the LEMF asks the KMS for itself, where it may: those of exchanges that it sees in the SIP messages of a
 * call, where not all keys of the call came as records.
 *
 *     SIP of the call ─► exchanges and updates (`xk/exchanges.ts`) ─┬─ a key record for each of them ──► nothing to ask
 *                                                                   └─ fewer ─► for each, the likeliest contender:
 *                                                                         answered, verified     its keys; no other
 *                                                                         answered, not verified its keys, and the next
 *                                                                         refused for good       the next
 *                                                                         not known              is to be asked
 *
 * A record does not say which exchange its key is of: there are enough if of each CS ID there are as many keys as exchanges
 * and updates that changed or added it. What is left with a mailbox has keys beside those of the call (profile, section 6.4).
 */
import { concat, fromBase64, toHex } from '../../bytes/octets.ts';
import { decodeMessage, payloadsOf } from '../../mikey/message.ts';
import type { MikeyMessage } from '../../mikey/message.ts';
import { seenDescription } from '../../sip/descriptions.ts';
import { SipError } from '../../sip/errors.ts';
import { parseMessage } from '../../sip/message.ts';
import type { CcKeyInfo } from '../../wire/hi/eps-iri.ts';
import { PAYLOAD_DIRECTION } from '../../wire/hi/ps-pdu.ts';
import type { GetKeysRequest } from '../../wire/xk/get-keys.ts';
import { lemfTaskXid } from '../../wire/xk/lemf-task.ts';
import { answerIn } from '../../xk/carriage.ts';
import { addMessage, assemble, grouped, hasIbake, placeOf } from '../../xk/exchanges.ts';
import type { Exchange, Update } from '../../xk/exchanges.ts';
import { messagesAsked, partyOf } from '../../xk/questions.ts';
import { fingerprint, seenMikeyIn, withAnswer } from '../../xk/seen-messages.ts';
import type { SeenMessage } from '../../xk/seen-messages.ts';
import type { CallMaterial } from './calls.ts';
import { liidText } from './notices.ts';
import type { CallMessage, CallRecords } from './records.ts';

/** A question that has no answer yet. */
export interface KeyQuestion {
  /** Names it: the same question about the same messages under the same LIID. */
  readonly id: string;
  /** As it is told. */
  readonly liid: string;
  /** Id of the communication that it is about, while a recovery lasts. */
  readonly session: number;
  readonly request: GetKeysRequest;
}

/** What the KMS has answered for good. */
export interface KeyAnswer {
  readonly id: string;
  readonly liid: string;
  /** Unix milliseconds. */
  readonly at: number;
  /** Why there are no keys; `null`: there are. */
  readonly failure: string | null;
  readonly verified: boolean;
  readonly keys: readonly Required<CcKeyInfo>[];
}

/** The answers so far. */
export interface KeyAnswers {
  answer(id: string): KeyAnswer | null;
}

export interface AskedKeys {
  readonly keys: readonly CcKeyInfo[];
  /** What is to be asked now. */
  readonly open: readonly KeyQuestion[];
}

/** MIKEY messages of a call that are looked at: a thousand updates have some two thousand. */
const MAX_SEEN = 4096;
/** Of those that contend for one place, so many are asked about. */
const MAX_CONTENDERS = 4;
/** Questions of a call that are open at once; the others follow. */
const MAX_OPEN = 64;

/** @param messages of the call, in order */
export function askedKeys(
  { liid, session }: Pick<CallMaterial, 'liid' | 'session'>,
  messages: Iterable<CallMessage>,
  { keys: delivered, targets }: Pick<CallRecords, 'keys' | 'targets'>,
  answers: KeyAnswers,
): AskedKeys {
  const { seen, isMidCall } = seenIn(messages);
  const name = liidText(liid);
  const idOf = ({ exchange, updates }: Contender): string => idIn(name, exchange, updates);
  const isVerified = (contender: Contender): boolean => answers.answer(idOf(contender))?.verified === true;
  const identities = targets.map((value) => ({ value }));
  const contests = contestsOf(seen, identities, isVerified);
  if (areAllThere(contests, delivered)) return { keys: [], open: [] };
  const keys: CcKeyInfo[] = [];
  const open: KeyQuestion[] = [];
  for (const contender of contests.flatMap((contest) => undecided(contest))) {
    if (open.length >= MAX_OPEN) break;
    const { exchange, updates } = contender;
    const request = {
      targetKmsIdentity: partyOf(exchange, identities),
      xid: lemfTaskXid(name),
      ...messagesAsked(exchange, updates),
      midCall: isMidCall || placeOf(exchange.iMessage2).delivery,
    };
    open.push({ id: idOf(contender), liid: name, session, request });
  }
  return { keys, open };

  /** The first of a contest of which nothing is known, if it comes to it; the keys of those before are taken. */
  function undecided(contest: readonly Contender[]): Contender[] {
    for (const contender of contest) {
      const answer = answers.answer(idOf(contender));
      if (answer === null) return [contender];
      keys.push(...answer.keys);
      if (answer.verified) return [];
    }
    return [];
  }
}

/* ---------------------------------------------------------------- helpers */

/** Something that can be asked. */
interface Contender {
  readonly exchange: Exchange;
  /** Those that the question carries (profile, section 6.2). */
  readonly updates: readonly Update[];
  /** CS IDs whose keys it made, each as often as it made one. */
  readonly csIds: readonly number[];
}

function seenIn(messages: Iterable<CallMessage>): {
  readonly seen: readonly SeenMessage[];
  readonly isMidCall: boolean;
} {
  let seen: readonly SeenMessage[] = [];
  let isMidCall = false;
  for (const { octets, body, direction, time } of messages) {
    try {
      const message = parseMessage(body === null ? octets : concat(octets, body));
      // Head and body apart come of sessions that stood when interception began.
      if (body !== null) isMidCall = true;
      const description = seenDescription(message);
      const { mikey } = seenMikeyIn(message, description, SENDERS.get(direction ?? -1) ?? null, time ?? 0);
      const answer = answerIn(message);
      if (seen.length < MAX_SEEN) seen = mikey.reduce(addMessage, seen);
      if (answer !== null) seen = withAnswer(seen, answer);
    } catch (error) {
      // It is told where the signalling is read.
      if (!(error instanceof SipError)) throw error;
    }
  }
  return { seen, isMidCall };
}

/** Whether the target sent it. */
const SENDERS: ReadonlyMap<number, boolean> = new Map<number, boolean>([
  [PAYLOAD_DIRECTION.fromTarget, true],
  [PAYLOAD_DIRECTION.toTarget, false],
]);

/** What contends for each place: the exchanges of a dialog, and each update of the one that is the parties'. */
function contestsOf(
  seen: readonly SeenMessage[],
  targets: Parameters<typeof partyOf>[1],
  isVerified: (contender: Contender) => boolean,
): Contender[][] {
  const contests = grouped(assemble(seen), ({ contest }) => contest);
  return [...contests.values()].flatMap((exchanges) => {
    const able = exchanges.filter(({ standing }) => standing !== 'withheld').slice(0, MAX_CONTENDERS);
    const own = able.map((exchange) => {
      return { exchange, updates: [], csIds: csIdsOf(exchange, partyOf(exchange, targets)) };
    });
    const chosen = own.find(isVerified) ?? own[0];
    return chosen === undefined ? [] : [own, ...updateContests(chosen.exchange)];
  });
}

function updateContests(exchange: Exchange): Contender[][] {
  let before = csIdsIn(exchange.rMessage1);
  return exchange.updates.map((contenders, at) => {
    const earlier = exchange.updates
      .slice(0, at)
      .findLast(([first]) => first !== undefined && hasIbake(first));
    const known = before;
    before = contenders[0] === undefined ? known : csIdsIn(contenders[0].rMessage1);
    return contenders.slice(0, MAX_CONTENDERS).map((own) => {
      const all = csIdsIn(own.rMessage1);
      if (hasIbake(own)) return { exchange, updates: [own], csIds: all };
      const updates = [...(earlier ?? []).slice(0, 1), own];
      return { exchange, updates, csIds: all.filter((csId) => !known.includes(csId)) };
    });
  });
}

/** Of the keys that a party's KMS gives of an exchange: whoever leaves content has those of the call, too. */
function csIdsOf({ iMessage1, rMessage1, iMessage2 }: Exchange, party: string): number[] {
  const own = csIdsIn(rMessage1);
  const isLeft = payloadsOf(decoded(iMessage2), 'esk').length > 0;
  if (!isLeft || party === rMessage1.responder) return own;
  const deferred = own.filter((csId) => csId % 2 === 1);
  return party === iMessage1.initiator ? [...own, ...deferred] : deferred;
}

/** CS IDs in use: of R_MESSAGE_1's map, those that have an SSRC. */
function csIdsIn(rMessage1: SeenMessage): number[] {
  const { csIdMap } = decoded(rMessage1).header;
  if (csIdMap.kind !== 'srtp-id') return [];
  return csIdMap.entries.flatMap(({ ssrc }, at) => (ssrc === 0 ? [] : [at + 1]));
}

function decoded({ octets }: SeenMessage): MikeyMessage {
  return decodeMessage(fromBase64(octets));
}

function areAllThere(contests: readonly (readonly Contender[])[], delivered: readonly CcKeyInfo[]): boolean {
  const have = new Map<number, Set<string>>();
  for (const {
    csId: [csId = 0],
    key,
    salt,
  } of delivered) {
    const of = have.get(csId) ?? new Set();
    have.set(csId, of.add(`${toHex(key.expose())} ${salt === undefined ? '' : toHex(salt.expose())}`));
  }
  const need = new Map<number, number>();
  for (const csId of contests.flatMap(([first]) => first?.csIds ?? []))
    need.set(csId, (need.get(csId) ?? 0) + 1);
  return [...need].every(([csId, count]) => (have.get(csId)?.size ?? 0) >= count);
}

function idIn(liid: string, { id, rMessage2 }: Exchange, updates: readonly Update[]): string {
  const parts = updates.flatMap(({ iMessage1, rMessage1 }) => [iMessage1.octets, rMessage1.octets]);
  return fingerprint(liid, id, rMessage2?.octets ?? '', ...parts);
}
