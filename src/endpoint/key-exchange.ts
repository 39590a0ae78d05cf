/**
 * The key exchange as a call sees it; `exchanges.ts` has MIKEY-IBAKE. Messages are octets that travel in session
 * descriptions; what does not verify throws `EndpointError` `key-exchange`.
 */
import type { MikeyRefusal } from '../ibake/error-message.ts';
import type { SrtpKeying } from '../media/srtp/suites.ts';

/** One SRTP stream with its keys. */
export interface KeyedStream extends SrtpKeying {
  readonly csId: number;
  readonly ssrc: number;
  /** What its sender puts into every packet. */
  readonly mki: Uint8Array;
  /** Roll-over counter at the start. */
  readonly roc: number;
}

/** What both ends have after the exchange. */
export interface ExchangeResult {
  /** The authenticated identity of the other end: what the user is shown. */
  readonly peer: string;
  /** Short authentication string, to be read aloud. */
  readonly sas: string;
  /**
   * A mailbox has answered: what this end sends is content for the callee, under keys that the mailbox does not have. No
   * RTCP goes with it, and keys are not updated (profile, section 3).
   */
  readonly isDeferred: boolean;
  readonly sessions: readonly KeyedStream[];
  /** Begins an update of these keys (RFC 6267 section 5.3). @throws EndpointError `key-exchange` where it cannot be */
  update(wish: UpdateWish): Promise<StartedUpdate>;
  /** Answers the far end's. @throws EndpointError `key-exchange` for one that does not verify: the keys stay */
  answerUpdate(iMessage1: Uint8Array, lines: OwnLines): Promise<AnsweredUpdate>;
  /** The far end has shown that it has these keys: what they replaced is overwritten. */
  settle(): void;
  /** Overwrites the keys, and what they replaced, when the call is over. */
  wipe(): void;
}

/** What is asked of an update: new keys, crypto sessions for more m= lines, or both. */
export interface UpdateWish {
  readonly rekey: boolean;
  readonly lines: OwnLines;
}

/** SSRCs with which this end sends, by m= lines from 0 on; 0: it does not. Lines that have crypto sessions keep theirs. */
export type OwnLines = readonly number[];

/** An update that waits for its answer. */
export interface StartedUpdate {
  readonly iMessage1: Uint8Array;
  /** Judges R_MESSAGE_1. @returns the keys after it, which both ends have */
  complete(rMessage1: Uint8Array): Promise<ExchangeResult>;
  /** It is over, with or without success. */
  close(): void;
}

export interface AnsweredUpdate {
  readonly rMessage1: Uint8Array;
  /** Whether it shows that the far end has the keys that were in force; else it has gone on from those before. */
  readonly confirms: boolean;
  /** The far end has these keys once it has verified R_MESSAGE_1; `settle` where it has. */
  readonly result: ExchangeResult;
}

/** The caller's exchange with one of those whom the call reached: each early dialog has its own. */
export interface AnsweredExchange {
  readonly iMessage2: Uint8Array;
  /** Judges R_MESSAGE_2; only then may anything be sent. */
  confirm(rMessage2: Uint8Array): Promise<ExchangeResult>;
}

export interface InitiatedExchange {
  readonly iMessage1: Uint8Array;
  /** Judges an R_MESSAGE_1. @throws EndpointError `key-exchange`; `other-curve` if a new exchange on curve 8 may follow */
  answer(rMessage1: Uint8Array): Promise<AnsweredExchange>;
  /** What an error message says that came instead; `null` if it is none of this exchange. */
  refusal(octets: Uint8Array): MikeyRefusal | null;
  /** The exchange is over, with or without success; its keys may be erased. */
  close(): void;
}

export interface RespondedExchange {
  readonly rMessage1: Uint8Array;
  /** Judges I_MESSAGE_2; only then may anything be sent. */
  confirm(
    iMessage2: Uint8Array,
  ): Promise<{ readonly rMessage2: Uint8Array; readonly result: ExchangeResult }>;
  close(): void;
}

/** Starts exchanges for calls. */
export interface KeyAgreement {
  /**
   * @param curve instead of the usual one: an exchange was abandoned since the other end is on this
   * @throws EndpointError `no-key` if the callee's parameters or the own keys are not at hand
   */
  initiate(callee: string, lines: OwnLines, curve?: number): Promise<InitiatedExchange>;
  /**
   * @param protocols the key management protocols that the offer listed
   * @throws EndpointError `key-exchange`, `no-key`
   */
  respond(iMessage1: Uint8Array, lines: OwnLines, protocols: readonly string[]): Promise<RespondedExchange>;
}

/**
 * The two crypto sessions of an m= line (profile, section 3): the k-th from 1 has 2k − 1 from the initiator, 2k back.
 * @returns `null` if the exchange gave keys for only one of them, or neither
 */
export function sessionsOf(
  result: ExchangeResult,
  index: number,
): { readonly fromInitiator: KeyedStream; readonly fromResponder: KeyedStream } | null {
  const of = (csId: number) => result.sessions.find((session) => session.csId === csId);
  const fromInitiator = of(2 * index + 1);
  const fromResponder = of(2 * index + 2);
  return fromInitiator === undefined || fromResponder === undefined ? null : { fromInitiator, fromResponder };
}
