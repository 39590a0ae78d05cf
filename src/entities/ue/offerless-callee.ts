/**
 * An incoming call without an offer: this end offers, and is the initiator of the key exchange; `offerless-caller.ts` shows
 * the messages. I_MESSAGE_1 is for whom the INVITE comes from.
 */
import type { CallMedia } from '../../endpoint/call-media.ts';
import { EndpointError } from '../../endpoint/errors.ts';
import type { ExchangeResult, InitiatedExchange } from '../../endpoint/key-exchange.ts';
import { readDescription } from '../../endpoint/session-description.ts';
import type { SessionMedia, OwnDescriptions } from '../../endpoint/session-description.ts';
import { assertedIdentities } from '../../sip/asserted-identity.ts';
import { OfferQueue } from '../../sip/agent-offers.ts';
import type { SipMessage } from '../../sip/head-and-body.ts';
import type { SipRequest } from '../../sip/message.ts';
import { CallAnswering } from './answering.ts';
import type { AnsweringParts } from './answering.ts';
import { renegotiated } from './renegotiated.ts';
import type { RenegotiatedParts } from './renegotiated.ts';

export interface OfferlessCalleeParts extends AnsweringParts, RenegotiatedParts {
  readonly said: OwnDescriptions;
  readonly media: CallMedia;
  readonly exchange: InitiatedExchange;
}

export class OfferlessCallee {
  readonly #parts: OfferlessCalleeParts;
  readonly #answering: CallAnswering;

  constructor(parts: OfferlessCalleeParts) {
    this.#parts = parts;
    this.#answering = new CallAnswering(parts, () => parts.exchange.close());
    parts.call.controlledBy(this.#answering);
    parts.incoming.handler = { ended: (reason) => this.#answering.ended(reason) };
  }

  /** Offers, with 100rel if the caller can do that. */
  async answer(): Promise<void> {
    const { incoming, said, exchange } = this.#parts;
    const offer = said.offer(exchange.iMessage1);
    try {
      if (this.#answering.isReliable) {
        const result = await this.#agree(await incoming.reliable(183, offer));
        await this.#answering.ring();
        if ((await this.#answering.accept()) !== null) this.#up(result);
      } else {
        await this.#answering.ring();
        const ack = await this.#answering.accept(offer);
        if (ack !== null) this.#up(await this.#agree(ack));
      }
    } catch (cause) {
      this.#answering.fail(cause);
    }
  }

  /** R_MESSAGE_1 is there: sends I_MESSAGE_2 and judges what comes back. */
  async #agree(request: SipRequest): Promise<ExchangeResult> {
    const { incoming, said, exchange, media, call } = this.#parts;
    const answered = await exchange.answer(mikeyIn(read(request)));
    const offers = new OfferQueue(incoming.leg, this.#parts);
    const reply = await offers.run(() => incoming.leg.update(said.offer(answered.iMessage2)));
    const last = read(reply);
    const result = await answered.confirm(mikeyIn(last));
    media.connect(last);
    media.secure(result, 'initiator');
    exchange.close();
    call.secured(result);
    return result;
  }

  #up(keys: ExchangeResult): void {
    const { incoming, call, media, said } = this.#parts;
    const secured = { leg: incoming.leg, call, media, said, keys, role: 'initiator' as const };
    renegotiated(this.#parts, secured, {
      failed: (cause) => this.#answering.fail(cause),
      ended: (reason) => this.#answering.ended(reason),
    });
    call.up();
  }
}

/** Whom an INVITE comes from: the identity that the network asserts (RFC 3325), else that of From. */
export function callerOf(request: SipRequest): string {
  const asserted = assertedIdentities(request).addresses.find(({ uri }) => uri.kind === 'sip');
  return (asserted ?? request.from).uri.text;
}

function read({ contentType, body }: SipMessage): SessionMedia {
  return readDescription(contentType, body);
}

function mikeyIn({ mikey }: SessionMedia): Uint8Array {
  if (mikey === null) throw new EndpointError('key-exchange', 'the answer has no MIKEY message');
  return mikey;
}
