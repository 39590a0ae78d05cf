/**
 * The keys of a call, and their updates (RFC 6267 section 5.3): `ibake/update.ts` has the messages, `key-exchange.ts` what
 * a call wants of them.
 *
 * Until the far end has shown that it has the keys of an update that it began, those before are kept: where it could not
 * use this end's answer, it goes on from them.
 */
import { ClavigerError } from '../bytes/errors.ts';
import { IbakeError } from '../ibake/errors.ts';
import type { Endpoint } from '../ibake/ports.ts';
import type { CryptoSession } from '../ibake/session-keys.ts';
import { wipeReplaced, wipeSession } from '../ibake/session.ts';
import type { CsbSession } from '../ibake/session.ts';
import { answerUpdate, UpdateOffer } from '../ibake/update.ts';
import type { UpdateAnswer } from '../ibake/update.ts';
import type { AddedMedia } from '../ibake/update-map.ts';
import { suiteByName } from '../media/srtp/suites.ts';
import { EndpointError } from './errors.ts';
import type {
  AnsweredUpdate,
  ExchangeResult,
  KeyedStream,
  OwnLines,
  StartedUpdate,
  UpdateWish,
} from './key-exchange.ts';

/** Keys that are in force. */
interface HeldKeys {
  readonly session: CsbSession;
  /** The authenticated identity of the far end. */
  readonly peer: string;
  /** What they replaced, while the far end may not have them; `null`: it does, or they are the first. */
  before: CsbSession | null;
  /** What this end sends with instead, where a mailbox has answered. */
  readonly content?: readonly CryptoSession[] | null;
}

export function resultOf(endpoint: Endpoint, held: HeldKeys): ExchangeResult {
  const { session, peer, content = null } = held;
  const sessions = session.cryptoSessions.map((own) => content?.find(({ csId }) => csId === own.csId) ?? own);
  return {
    peer,
    sas: session.sas,
    isDeferred: content !== null,
    sessions: sessions.map(keyedStream),
    update: (wish) => exchangeStep('the update cannot begin', () => started(endpoint, held, wish)),
    answerUpdate: (iMessage1, lines) =>
      exchangeStep('the update does not verify', () => answered(endpoint, held, iMessage1, lines)),
    settle: () => settle(held),
    wipe: () => {
      settle(held);
      wipeSession(session);
      for (const { tek, salt } of content ?? []) [tek, salt].forEach((secret) => secret.wipe());
    },
  };
}

/** A crypto session as media are keyed with it. @throws EndpointError `key-exchange` without suite or MKI */
export function keyedStream({ csId, ssrc, roc, mki, policy, tek, salt }: CryptoSession): KeyedStream {
  const suite = suiteByName(policy.name);
  if (suite === null || mki === null)
    throw new EndpointError('key-exchange', `no such suite: ${policy.name}`);
  return { csId, ssrc, roc, mki, suite, masterKey: tek, masterSalt: salt };
}

/** Runs a step; what the exchange refuses becomes an `EndpointError`, of which the far end learns no more than that. */
export function exchangeStep<T>(problem: string, step: () => T): Promise<T> {
  return new Promise((resolve) => resolve(step())).catch((cause: unknown) => {
    if (cause instanceof EndpointError || !(cause instanceof ClavigerError)) throw cause;
    const isOtherCurve = cause instanceof IbakeError && cause.code === 'curve';
    throw new EndpointError(isOtherCurve ? 'other-curve' : 'key-exchange', problem, { cause });
  }) as Promise<T>;
}

export function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (!done) action();
    done = true;
  };
}

/* ---------------------------------------------------------------- helpers */

function settle(held: HeldKeys): void {
  if (held.before !== null) wipeReplaced(held.before, held.session);
  held.before = null;
}

function started(endpoint: Endpoint, held: HeldKeys, wish: UpdateWish): StartedUpdate {
  const { session, peer } = held;
  const { added, filled } = linesOf(session, wish.lines);
  const offer = UpdateOffer.start(endpoint, session, { rekey: wish.rekey, added, filled });
  return {
    iMessage1: offer.message,
    complete: (rMessage1) =>
      exchangeStep('R_MESSAGE_1 of the update does not verify', () => {
        const after: HeldKeys = { session: offer.complete(rMessage1), peer, before: session };
        settle(held);
        settle(after);
        return resultOf(endpoint, after);
      }),
    close: once(() => offer.end()),
  };
}

function answered(
  endpoint: Endpoint,
  held: HeldKeys,
  iMessage1: Uint8Array,
  lines: OwnLines,
): AnsweredUpdate {
  const { session, peer, before } = held;
  const from = (held: CsbSession): UpdateAnswer => {
    const { added, filled } = linesOf(held, lines);
    const ssrcs = added.map(({ ssrc }) => ssrc);
    return answerUpdate(endpoint, held, iMessage1, ssrcs, filled);
  };
  const current = (): Replacement => ({ answer: from(session), replaced: session });
  const fallBack = (own: CsbSession) => (): Replacement => ({
    answer: from({ ...own, latest: session.latest }),
    replaced: own,
  });
  const { answer, replaced } = attempt(current, before === null ? null : fallBack(before));
  // Whoever knows the MPK of these keys has them; whoever goes on from those before has given these up.
  if (replaced === session) settle(held);
  else wipeReplaced(session, replaced);
  return {
    rMessage1: answer.message,
    confirms: replaced === session,
    result: resultOf(endpoint, { session: answer.session, peer, before: replaced }),
  };
}

interface Replacement {
  readonly answer: UpdateAnswer;
  readonly replaced: CsbSession;
}

/** The first that is not refused. */
function attempt<T>(first: () => T, second: (() => T) | null): T {
  try {
    return first();
  } catch (cause) {
    if (second === null || !(cause instanceof ClavigerError)) throw cause;
    return second();
  }
}

/** What the map gains: m= lines at its end, and SSRCs for lines on which this end has not sent. */
function linesOf(
  { role, map }: CsbSession,
  lines: OwnLines,
): { readonly added: readonly AddedMedia[]; readonly filled: ReadonlyMap<number, number> } {
  const known = map.length / 2;
  const own = (line: number): number => map[2 * line + (role === 'initiator' ? 0 : 1)]?.ssrc ?? 0;
  const policyNo = map[0]?.policyNo ?? 0;
  const filled = lines
    .slice(0, known)
    .flatMap((ssrc, line) => (ssrc !== 0 && own(line) === 0 ? [[line + 1, ssrc] as const] : []));
  return {
    added: lines.slice(known).map((ssrc) => ({ ssrc, policyNo })),
    filled: new Map(filled),
  };
}
