/**
 * How whoever is called answers an offer with I_MESSAGE_1 (RFC 6267 section 4.2.2 in RFC 3261, 3262 and 3311): a phone, or a
 * mailbox in its place.
 *
 *     with 100rel    183: answer, R_MESSAGE_1           PRACK or UPDATE: offer, I_MESSAGE_2    …    200 INVITE    ACK
 *     without        200 INVITE: answer, R_MESSAGE_1    ACK    UPDATE: offer, I_MESSAGE_2
 */
import type { Clock } from '../bytes/ports.ts';
import type { Body, IncomingCall, LegHandler, Reply } from '../sip/agent-types.ts';
import type { SipRequest } from '../sip/message.ts';

/** Milliseconds after the ACK, or the PRACK without it, within which I_MESSAGE_2 must come, if it has not come before. */
export const UPDATE_MS = 10_000;

/** What becomes of a request that is not taken. */
export interface Failing {
  /** What it is answered. @throws what is no fault of it */
  readonly refusal: (cause: unknown) => Reply;
  /** The call cannot go on. */
  readonly failed: (cause: unknown) => void;
}

export interface KeyedAnswerParts extends Failing {
  readonly incoming: IncomingCall;
  readonly clock: Clock;
  /** Whether provisional responses are acknowledged in this call. */
  readonly isReliable: boolean;
  /** The answer, with R_MESSAGE_1; asked for once. */
  readonly answer: () => Body;
  /** Takes an offer with I_MESSAGE_2; gives the answer to it, with R_MESSAGE_2. Throws for one that is not taken. */
  readonly keyed: (request: SipRequest) => Reply | Promise<Reply>;
  /** Whether it has been taken. */
  readonly isKeyed: () => boolean;
  /** What the call ends by where it never comes. */
  readonly late: () => Error;
  /** What there is to do before the 200; `false`: there will be none. */
  readonly ready: () => Promise<boolean>;
}

export class KeyedAnswer {
  readonly #parts: KeyedAnswerParts;

  /** Whether I_MESSAGE_2 has come, and whoever waits for it. */
  #isHeard = false;
  #wake: () => void = () => undefined;

  constructor(parts: KeyedAnswerParts) {
    this.#parts = parts;
  }

  /** Where I_MESSAGE_2 may come: whoever has acknowledged the 183 without it may send it in an UPDATE. */
  get handler(): Required<Pick<LegHandler, 'prack' | 'update'>> {
    const { clock, keyed } = this.#parts;
    const within = (request: SipRequest) => {
      // It acknowledges (RFC 3262), or refreshes the session (RFC 4028), and offers nothing.
      if (request.body.length === 0) return {};
      return answeredFirst(clock, () => keyed(request), this.#parts).finally(() => this.#heard());
    };
    return { prack: within, update: within };
  }

  /** Answers the offer. @returns whether the call is accepted and acknowledged; if not, `failed` knows why, or `ready` */
  async send(): Promise<boolean> {
    const { incoming, clock, isReliable, answer, ready, isKeyed, late, failed } = this.#parts;
    const body = answer();
    try {
      if (isReliable) await incoming.reliable(183, body);
      if (!(await ready())) return false;
      await incoming.accept(isReliable ? undefined : body);
      if (!isKeyed())
        clock.after(UPDATE_MS, () => {
          if (!isKeyed()) failed(late());
        });
      return true;
    } catch (cause) {
      failed(cause);
      return false;
    }
  }

  /**
   * Resolves when I_MESSAGE_2 has been taken or refused. Whoever acknowledges the 183 without it has as long for it as
   * without 100rel.
   */
  untilHeard(): Promise<void> {
    const { clock, late, failed } = this.#parts;
    if (this.#isHeard) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = clock.after(UPDATE_MS, () => {
        failed(late());
        resolve();
      });
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #heard(): void {
    this.#isHeard = true;
    this.#wake();
  }
}

/** Answers a request by a step. Where that fails, the far end learns the answer before the call ends. */
export async function answeredFirst(
  clock: Clock,
  step: () => Reply | Promise<Reply>,
  { refusal, failed }: Failing,
): Promise<Reply> {
  try {
    return await step();
  } catch (cause) {
    const reply = refusal(cause);
    clock.after(0, () => failed(cause));
    return reply;
  }
}
