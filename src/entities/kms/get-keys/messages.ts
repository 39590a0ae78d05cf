/** The messages of a question, read and compared with each other: what needs no key. */
import { equalOctets } from '../../../bytes/octets.ts';
import {
  readIMessage1,
  readIMessage2,
  readRMessage1,
  readRMessage2,
  readUpdateIMessage1,
  readUpdateRMessage1,
  type IMessage1,
  type IMessage2,
  type MessageBase,
  type RMessage1,
  type VerifiedMessage,
} from '../../../ibake/messages.ts';
import { readPolicies, requirePolicies, type PolicyTable } from '../../../ibake/policy.ts';
import type { Csb } from '../../../ibake/session-keys.ts';
import { isFilledMap, isSameExchange, isSameIdentity, isSameMap } from '../../../ibake/session.ts';
import type { Timestamp } from '../../../ibake/timestamps.ts';
import { addsCryptoSessions, isExtendedMap } from '../../../ibake/update-map.ts';
import type { GetKeysRequest } from '../../../wire/xk/get-keys.ts';
import { inconsistent } from './refusal.ts';

export interface UpdateMessages {
  readonly iMessage1: VerifiedMessage;
  readonly rMessage1: VerifiedMessage;
}

export interface QuestionMessages {
  readonly iMessage1: IMessage1;
  readonly rMessage1: RMessage1;
  readonly iMessage2: IMessage2 | null;
  readonly rMessage2: VerifiedMessage | null;
  /** The last with IBAKE, and the last without that came later: none, either, or both. */
  readonly updates: readonly UpdateMessages[];
}

/** What a consistent set of messages says about its CSB. */
export interface CsbFacts {
  readonly csb: Csb;
  readonly policies: PolicyTable;
}

/** @throws IbakeError for what is not a message of its form */
export function readMessages(request: GetKeysRequest): QuestionMessages {
  const { iMessage2, rMessage2 } = request;
  return {
    iMessage1: readIMessage1(request.iMessage1),
    rMessage1: readRMessage1(request.rMessage1),
    iMessage2: iMessage2 === null ? null : readIMessage2(iMessage2),
    rMessage2: rMessage2 === null ? null : readRMessage2(rMessage2),
    updates: request.updates.map((update) => ({
      iMessage1: readUpdateIMessage1(update.iMessage1),
      rMessage1: readUpdateRMessage1(update.rMessage1),
    })),
  };
}

/**
 * Step 2 (profile, section 6): version, CSB ID, PRF, #CS, map type and IDRi are equal within the exchange; what repeats,
 * repeats. @throws Refusal `messages-inconsistent`, or PolicyError, which amounts to the same
 */
export function requireConsistent(messages: QuestionMessages): CsbFacts {
  const { iMessage1, rMessage1, iMessage2, rMessage2 } = messages;
  demand(isSameExchange(iMessage1, rMessage1));
  demand(rMessage1.t.order === iMessage1.t.order);
  demand(isFilledMap(iMessage1.map, rMessage1.map));
  if (iMessage2 !== null) {
    demand(isContinuation(rMessage1, iMessage2));
    demand(equalOctets(iMessage2.rand, iMessage1.rand));
  }
  if (rMessage2 !== null) demand(isContinuation(rMessage1, rMessage2));
  if (iMessage2 !== null && rMessage2 !== null) demand(rMessage2.t.order === iMessage2.t.order);
  requireUpdates(messages);
  const { csbId, prfFunc } = iMessage1.header;
  const policies = readPolicies(iMessage1.policies, prfFunc);
  const last = messages.updates.at(-1)?.rMessage1 ?? rMessage1;
  requirePolicies(last.map, policies);
  return { csb: { csbId, prfFunc, rand: iMessage1.rand }, policies };
}

/** What a question carries of a CSB's updates, and no more; those between are not needed (profile, section 6, step 2). */
function requireUpdates(messages: QuestionMessages): void {
  const { iMessage1, rMessage1, iMessage2, rMessage2, updates } = messages;
  if (updates.length === 0) return;
  // What a mailbox answered is not updated.
  demand((iMessage2?.esk ?? null) === null);
  demand(updates.slice(1).every((update) => !isRekeying(update)) && updates.length <= 2);
  demand(updates.length < 2 || updates.slice(0, 1).every(isRekeying));
  let { map } = rMessage1;
  let latest = [iMessage1, iMessage2, rMessage2].flatMap((message) => message?.t ?? []).reduce(later);
  for (const update of updates) {
    const { iMessage1: asked, rMessage1: answered } = update;
    for (const message of [asked, answered]) {
      demand(message.header.csbId === iMessage1.header.csbId);
      demand(message.header.prfFunc === iMessage1.header.prfFunc);
      demand(isSameIdentity(message.idri, rMessage1.idri) && isSameIdentity(message.idrr, rMessage1.idrr));
    }
    demand(asked.t.order > latest.order && answered.t.order === asked.t.order);
    demand(isExtendedMap(map, asked.map) && isFilledMap(asked.map, answered.map));
    demand((asked.ibake === null) === (answered.ibake === null));
    demand(isRekeying(update) || addsCryptoSessions(map, answered.map));
    latest = asked.t;
    ({ map } = answered);
  }
}

function isRekeying({ iMessage1 }: UpdateMessages): boolean {
  return iMessage1.ibake !== null;
}

function later(a: Timestamp, b: Timestamp): Timestamp {
  return b.order > a.order ? b : a;
}

/** I_MESSAGE_2 and R_MESSAGE_2 repeat IDRr and map of R_MESSAGE_1. */
function isContinuation(rMessage1: RMessage1, message: MessageBase): boolean {
  return (
    isSameExchange(rMessage1, message) &&
    isSameIdentity(rMessage1.idrr, message.idrr) &&
    isSameMap(rMessage1.map, message.map)
  );
}

function demand(condition: boolean): void {
  if (!condition) throw inconsistent();
}
