/**
 * Offers within a call that is up, of either side, over UPDATE (RFC 3311) and INVITE within the dialog: where the other
 * side receives, hold and resumption, further media, new keys (RFC 6267 section 5.3).
 *
 *     offer without MIKEY      changes no key (interfaces, "SIP carriage")
 *     offer with I_MESSAGE_1   updates the keys; its answer has R_MESSAGE_1
 *     INVITE without an offer  asks for one (RFC 3261 section 14.2); the answer comes in the ACK
 *
 * Whoever began an update sends under the new keys when R_MESSAGE_1 has verified; the other end when a packet has come
 * under them, or another update that shows that they are there. Both receive under old and new. What does not verify
 * changes nothing: 488, and the call goes on as it was.
 *
 * Where nothing that can be used comes in the ACK, nobody knows what was agreed upon, and the call is over.
 */
import type { Clock, Logger, Random, Timer } from '../bytes/ports.ts';
import type { Body, Leg, Reply } from '../sip/agent-types.ts';
import { OfferQueue } from '../sip/agent-offers.ts';
import { SipError } from '../sip/errors.ts';
import type { SipRequest, SipResponse } from '../sip/message.ts';
import { EndpointError } from './errors.ts';
import type { CallMedia, ExchangeRole } from './call-media.ts';
import type { ExchangeResult } from './key-exchange.ts';
import { notAcceptable } from './refusal.ts';
import { reoffered } from './reoffer.ts';
import { NO_REKEYING, RekeySchedule } from './rekey-schedule.ts';
import type { OfferMethod, RekeySettings } from './rekey-schedule.ts';
import { readDescription } from './session-description.ts';
import type { SessionMedia, OwnDescriptions } from './session-description.ts';

/** Milliseconds that an answer may take: streams that it adds are sent on after that, or when something has come on them. */
const ANSWER_MS = 1000;

export interface RenegotiationParts {
  readonly leg: Leg;
  readonly media: CallMedia;
  readonly said: OwnDescriptions;
  /** The keys of the call. */
  readonly keys: ExchangeResult;
  /** Which side of the key exchange this end is. */
  readonly role: ExchangeRole;
  readonly rekeying?: RekeySettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** There are new keys. */
  readonly rekeyed: (keys: ExchangeResult) => void;
  /** The call cannot go on. */
  readonly failed: (cause: EndpointError) => void;
}

/** What an offer of this end is to change. */
interface Change {
  readonly rekey: boolean;
  /** Whether there is nothing more to do, as another offer has done it. */
  readonly isDone?: () => boolean;
  readonly method: OfferMethod;
}

export class Renegotiation {
  readonly #parts: RenegotiationParts;
  readonly #offers: OfferQueue;
  readonly #schedule: RekeySchedule;
  #keys: ExchangeResult;
  #isUp = false;
  /** Until streams that were added are sent on. */
  #answering: Timer | null = null;

  constructor(parts: RenegotiationParts) {
    const { leg, clock, keys, role, rekeying = NO_REKEYING } = parts;
    this.#parts = parts;
    this.#offers = new OfferQueue(leg, parts);
    this.#keys = keys;
    this.#schedule = new RekeySchedule(clock, rekeying, role, () => this.#rekeyAsDue(rekeying.method));
  }

  /** The call is up. */
  begin(): void {
    this.#isUp = true;
    this.#schedule.begin();
  }

  /** New keys. @throws EndpointError `key-exchange`, `call-failed`: those before stay */
  rekey(method: OfferMethod = 'UPDATE'): Promise<void> {
    return this.#change({ rekey: true, method });
  }

  /** Describes this end's media anew, after a change of theirs. @throws EndpointError `call-failed`, `key-exchange` */
  describe(method: OfferMethod = 'UPDATE'): Promise<void> {
    return this.#change({ rekey: false, method });
  }

  /** Asks the other side for an offer, by an INVITE without one. @throws EndpointError `call-failed`, `key-exchange` */
  ask(): Promise<void> {
    const { leg } = this.#parts;
    return inCall(() =>
      this.#offers.run(async () => {
        await leg.reinvite(null, (response) => this.#take(response));
      }),
    );
  }

  /** An offer of the other side. */
  async offered(request: SipRequest): Promise<Reply> {
    if (request.body.length === 0) return reoffered(request, this.#parts);
    try {
      const offer = readDescription(request.contentType, request.body);
      if (offer.mikey === null) return reoffered(request, this.#parts);
      return { body: await this.#updated(offer, offer.mikey) };
    } catch (cause) {
      if (!(cause instanceof EndpointError)) throw cause;
      this.#parts.logger.warn({ error: cause }, 'an offer within a call is refused');
      return notAcceptable(cause);
    }
  }

  /** A packet of this end was sent. */
  packetSent(): void {
    this.#schedule.packet();
  }

  /** A packet under new keys has come: the other end has them. */
  switched(): void {
    this.#parts.media.switchOver();
    this.#keys.settle();
  }

  /** The keys are not replaced by themselves any more. */
  keepKeys(): void {
    this.#isUp = false;
    this.#schedule.stop();
  }

  /** The call is over, and so are its keys. */
  end(): void {
    this.keepKeys();
    this.#forgetAdded();
  }

  #rekeyAsDue(method: OfferMethod): void {
    const isDone = (): boolean => !this.#schedule.isDue;
    this.#change({ rekey: true, method, isDone }).catch((cause: unknown) => {
      this.#parts.logger.warn({ error: cause }, 'the keys of a call could not be replaced');
      // Another attempt when they would be due again.
      this.#schedule.begin();
    });
  }

  #change(change: Change): Promise<void> {
    return inCall(() =>
      this.#offers.run(async () => {
        if (change.isDone?.() !== true) await this.#attempt(change);
      }),
    ).catch((cause: unknown) => {
      if (cause instanceof EndpointError && isOver(cause)) this.#parts.failed(cause);
      throw cause;
    });
  }

  async #attempt({ rekey, method }: Change): Promise<void> {
    const { leg, media, said } = this.#parts;
    const started =
      rekey || this.#hasNewLines() ? await this.#keys.update({ rekey, lines: media.ssrcs }) : null;
    try {
      const body = said.offer(started?.iMessage1 ?? null);
      const reply = await (method === 'INVITE' ? leg.reinvite(body) : leg.update(body));
      const answer = readDescription(reply.contentType, reply.body);
      if (started !== null) {
        this.#haveKeys(await started.complete(mikeyOf(answer)));
        media.switchOver();
      }
      media.connect(answer);
    } finally {
      started?.close();
    }
  }

  /** Whether this end sends on m= lines that have no crypto session. */
  #hasNewLines(): boolean {
    const keyed = new Set(this.#keys.sessions.map(({ ssrc }) => ssrc));
    return this.#parts.media.ssrcs.some((ssrc) => ssrc !== 0 && !keyed.has(ssrc));
  }

  /** Takes the offer that was asked for; gives the answer. @throws EndpointError: nothing has changed */
  async #take({ contentType, body }: SipResponse): Promise<Body> {
    const { media, said } = this.#parts;
    const offer = readDescription(contentType, body);
    if (offer.mikey !== null) return this.#updated(offer, offer.mikey);
    media.connect(offer);
    return said.answer(null, offer);
  }

  /** Takes an offer with an update; gives the answer. @throws EndpointError: nothing has changed */
  async #updated(offer: SessionMedia, iMessage1: Uint8Array): Promise<Body> {
    const { media, said, clock } = this.#parts;
    await media.meet(offer);
    const { rMessage1, confirms, result } = await this.#keys.answerUpdate(iMessage1, media.ssrcs);
    if (confirms) media.switchOver();
    const isRekeyed = result.sas !== this.#keys.sas;
    this.#haveKeys(result);
    media.connect(offer);
    // Nothing will come under another MKI: what was added waits until the answer must have arrived.
    this.#forgetAdded();
    if (!isRekeyed) this.#answering = clock.after(ANSWER_MS, () => media.switchOver());
    return said.answer(rMessage1, offer);
  }

  /** Nothing is waited for any more. */
  #forgetAdded(): void {
    this.#answering?.cancel();
    this.#answering = null;
  }

  #haveKeys(keys: ExchangeResult): void {
    this.#keys = keys;
    this.#parts.media.prepare(keys, this.#parts.role);
    if (this.#isUp) this.#schedule.begin();
    this.#parts.rekeyed(keys);
  }
}

/* ---------------------------------------------------------------- helpers */

/** What SIP refuses, as a failure of the endpoint. */
async function inCall<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof SipError)) throw cause;
    throw new EndpointError('call-failed', `the offer was not taken: ${cause.message}`, { cause });
  }
}

/** Whether the other end does not know the call any more, or does not answer. */
function isOver({ cause }: EndpointError): boolean {
  return cause instanceof SipError && (cause.code === 'no-dialog' || cause.code === 'timeout');
}

function mikeyOf(answer: SessionMedia): Uint8Array {
  if (answer.mikey === null) throw new EndpointError('key-exchange', 'the answer has no MIKEY message');
  return answer.mikey;
}
