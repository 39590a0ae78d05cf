/**
 * One connection from the delivery function to a LEMF (TS 102 232-1 clauses 6.2 and 7): option negotiation, PDUs in the
 * outbox's order, acknowledgements, keep-alives.
 *
 *     DF → LEMF  optionRequest { pDUAcknowledgement }        LEMF → DF  optionResponse { accepted }
 *     DF → LEMF  optionComplete
 *     DF → LEMF  PDU₁ … PDUₙ, pDUAcknowledgementRequest s    LEMF → DF  pDUAcknowledgementResponse s
 *
 * A response with the sequence number of a request acknowledges all PDUs that were sent before that request on this
 * connection; only then do they leave the outbox. A LEMF that declines acknowledgement gets nothing: what it receives
 * could be lost without anybody knowing. Where that is taken into account (`acknowledgement.ts`), keep-alives stand for
 * requests, one at a time:
 *
 *     DF → LEMF  PDU₁ … PDUₙ, keep-alive s                    LEMF → DF  keep-aliveResponse s
 */
import { messageOf } from '../../../bytes/errors.ts';
import { concat } from '../../../bytes/octets.ts';
import type { Clock, Logger, Timer } from '../../../bytes/ports.ts';
import type { RefusalSearch } from '../../../bytes/refusal-search.ts';
import { PsPduDeframer } from '../../../wire/hi/deframer.ts';
import { decodePsPdu, encodePsPdu } from '../../../wire/hi/ps-pdu.ts';
import type { Acknowledgement } from './acknowledgement.ts';
import { TRI_OPTION } from '../../../wire/hi/tri.ts';
import type { TriMessage } from '../../../wire/hi/tri.ts';
import type { HandoverOutbox, OutboxEntry } from '../ports.ts';
import { transportHeader } from './encoder.ts';
import type { DeliveryName } from './encoder.ts';
import type { DeliveryFunction, HandoverChannel, HandoverSettings, SendingWhileThere } from './ports.ts';

/**
 * LIID of PDUs of the transport itself, which belong to no warrant; the header demands one. They have no CIN, so whoever
 * groups what was received by LIID and CIN finds them in no warrant's group.
 */
export const TRANSPORT_LIID = 'transport';

export interface SessionContext {
  readonly did: string;
  readonly outbox: HandoverOutbox;
  readonly name: DeliveryName;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: HandoverSettings;
  /** Whether the LEMF has to acknowledge. */
  readonly acknowledgement: Acknowledgement;
  /** So many PDUs count as delivered that nobody has acknowledged. */
  readonly onUnacknowledged: (pdus: number) => void;
  /** What the LEMF may refuse; it outlives the connection. */
  readonly search: RefusalSearch;
  /** Absent: no other process changes where the LEMF is. */
  readonly whileThere?: SendingWhileThere | undefined;
  /** The delivery function that speaks here. */
  readonly by: DeliveryFunction;
  /** The next TRI sequence number of this instance of a delivery function. */
  readonly nextTransportNumber: (by: DeliveryFunction) => number;
  /** The LEMF can be relied on: the options are agreed. */
  readonly onReady: () => void;
  /** The LEMF has acknowledged PDUs. */
  readonly onTaken: () => void;
  /** The connection is of no use any more; called once. */
  readonly onFailure: (reason: string) => void;
}

/** A request under way, and what its response acknowledges. */
interface Requested {
  readonly sequenceNumber: number;
  readonly position: number;
  readonly count: number;
}

const READ_AT_ONCE = 256;

export class HandoverSession {
  readonly #context: SessionContext;
  readonly #channel: HandoverChannel;
  readonly #deframer = new PsPduDeframer();
  readonly #requested: Requested[] = [];
  /** Whether the LEMF acknowledges: else keep-alives stand for requests. */
  #acknowledges = true;
  #state: 'negotiating' | 'delivering' | 'closed' = 'negotiating';
  /** Position in the outbox of the PDU sent last. */
  #sent = 0;
  /** Position of the last PDU that this connection passes over. */
  #after = 0;
  #begun = false;
  /** PDUs sent that no request covers yet. */
  #uncovered = 0;
  #underWay = 0;
  #pumping = false;
  #pumpAgain = false;
  #keepAlive: number | null = null;
  #optionRequest = 0;
  #requestTimer: Timer | null = null;
  #responseTimer: Timer | null = null;
  #idleTimer: Timer | null = null;

  constructor(context: SessionContext, channel: HandoverChannel) {
    this.#context = context;
    this.#channel = channel;
  }

  /** PDUs that the LEMF has not acknowledged on this connection, and the position of the last. */
  get outstanding(): { readonly pdus: number; readonly position: number } {
    return { pdus: this.#underWay, position: this.#sent };
  }

  /** To be called when the connection is open. */
  start(): void {
    if (this.#context.acknowledgement === 'off') {
      this.#acknowledges = false;
      this.#deliver();
      return;
    }
    this.#optionRequest = this.#transmit({
      type: 'optionRequest',
      requested: [TRI_OPTION.pduAcknowledgement],
    });
    this.#awaitResponse();
  }

  /** PDUs may have come into the outbox. */
  wake(): void {
    if (this.#state === 'delivering') void this.#pump();
  }

  received(octets: Uint8Array): void {
    if (this.#state === 'closed') return;
    try {
      for (const pdu of this.#deframer.push(octets)) this.#handle(pdu);
    } catch (error) {
      this.#fail(`the LEMF sent what cannot be understood: ${messageOf(error)}`);
    }
  }

  /** Ends the session without a word; the channel is the caller's to close. */
  stop(): void {
    this.#state = 'closed';
    for (const timer of [this.#requestTimer, this.#responseTimer, this.#idleTimer]) timer?.cancel();
  }

  #handle(octets: Uint8Array): void {
    const { header, payload } = decodePsPdu(octets);
    if (payload.kind !== 'tri') throw new Error('a PDU that is not of the transport');
    const { message } = payload;
    switch (message.type) {
      case 'optionResponse':
        if (header.sequenceNumber === this.#optionRequest) this.#agreed(message.accepted);
        break;
      case 'pduAcknowledgementResponse':
        this.#acknowledged(header.sequenceNumber);
        break;
      case 'keepAliveResponse':
        if (header.sequenceNumber === this.#keepAlive) this.#keepAlive = null;
        if (this.#standsFor(header.sequenceNumber)) this.#acknowledged(header.sequenceNumber);
        this.#restartIdle();
        break;
      default:
        this.#context.logger.debug({ did: this.#context.did, type: message.type }, 'TRI PDU passed over');
    }
  }

  #agreed(accepted: readonly number[]): void {
    if (this.#state !== 'negotiating') return;
    if (!accepted.includes(TRI_OPTION.pduAcknowledgement)) {
      this.#declined();
      return;
    }
    this.#transmit({ type: 'optionComplete' });
    this.#deliver();
  }

  #declined(): void {
    const reason = 'the LEMF declines to acknowledge PDUs';
    if (this.#context.acknowledgement !== 'required') {
      this.#goWithout(reason);
      return;
    }
    this.#fail(reason);
  }

  /** Delivers to a LEMF that does not acknowledge. */
  #goWithout(reason: string): void {
    const { did, logger } = this.#context;
    logger.warn({ did, reason }, 'PDUs count as delivered without acknowledgement');
    this.#acknowledges = false;
    this.#transmit({ type: 'optionComplete' });
    this.#deliver();
  }

  #deliver(): void {
    this.#responseTimer?.cancel();
    this.#responseTimer = null;
    this.#state = 'delivering';
    this.#context.onReady();
    void this.#pump();
  }

  /** Whether the response to that keep-alive is in place of an acknowledgement. */
  #standsFor(sequenceNumber: number): boolean {
    return !this.#acknowledges && this.#at(sequenceNumber) >= 0;
  }

  #at(sequenceNumber: number): number {
    return this.#requested.findIndex((request) => request.sequenceNumber === sequenceNumber);
  }

  #acknowledged(sequenceNumber: number): void {
    const at = this.#at(sequenceNumber);
    if (at < 0) throw new Error(`acknowledgement ${sequenceNumber} was not asked for`);
    const covered = this.#requested.splice(0, at + 1);
    this.#responseTimer?.cancel();
    this.#responseTimer = null;
    if (this.#requested.length > 0) this.#awaitResponse();
    const { outbox, did } = this.#context;
    const position = covered.at(-1)?.position ?? 0;
    const pdus = covered.reduce((sum, { count }) => sum + count, 0);
    outbox.acknowledge(did, position, this.#after).then(
      () => {
        this.#underWay -= pdus;
        if (!this.#acknowledges) this.#context.onUnacknowledged(pdus);
        this.#taken(position);
        this.#requestSoon();
        this.wake();
      },
      (error: unknown) => this.#fail(`the outbox failed: ${messageOf(error)}`),
    );
  }

  #taken(position: number): void {
    if (this.#context.search.taken(position)) {
      this.#sent = 0;
      this.#after = 0;
    }
    this.#context.onTaken();
  }

  /** Sends what waits, as far as the window allows; one run at a time. */
  async #pump(): Promise<void> {
    if (this.#pumping) {
      this.#pumpAgain = true;
      return;
    }
    this.#pumping = true;
    try {
      do {
        await this.#sendPending();
      } while (this.#takePumpAgain());
    } catch (error) {
      this.#fail(`the outbox failed: ${messageOf(error)}`);
    } finally {
      this.#pumping = false;
    }
  }

  /** Whether something may have come in since the outbox was last read. */
  #takePumpAgain(): boolean {
    const again = this.#pumpAgain;
    this.#pumpAgain = false;
    return again && this.#delivering();
  }

  async #sendPending(): Promise<void> {
    const { outbox, did, settings, search, whileThere } = this.#context;
    if (!this.#begun) await this.#passOver();
    for (;;) {
      const window = Math.min(settings.window, search.window);
      if (!this.#delivering() || this.#underWay >= window) return;
      const limit = Math.min(READ_AT_ONCE, window - this.#underWay);
      const from = this.#sent;
      const entries = await outbox.pending(did, from, limit);
      if (!this.#delivering() || entries.length === 0) return;
      if (whileThere === undefined) this.#send(entries);
      else
        await whileThere(() => {
          // It may have been moved, or have begun anew, meanwhile.
          if (this.#delivering() && this.#sent === from) this.#send(entries);
        });
      if (!this.#delivering()) return;
      this.#restartIdle();
      if (search.searching) this.#requestAcknowledgement();
      else this.#requestSoon();
    }
  }

  /** In one piece up to each request: media are many small PDUs. */
  #send(entries: readonly OutboxEntry[]): void {
    const { acknowledgeEvery } = this.#context.settings;
    let gathered: Uint8Array[] = [];
    for (const { octets, position } of entries) {
      gathered.push(octets);
      this.#sent = position;
      this.#underWay++;
      this.#uncovered++;
      if (this.#uncovered < acknowledgeEvery) continue;
      this.#channel.send(concat(...gathered));
      gathered = [];
      this.#requestAcknowledgement();
    }
    if (gathered.length > 0) this.#channel.send(concat(...gathered));
  }

  /** Leaves out what is suspected, where this connection is to show that the LEMF takes what follows it. */
  async #passOver(): Promise<void> {
    const { outbox, did, search } = this.#context;
    this.#begun = true;
    if (search.passedOver === 0) return;
    const passedOver = await outbox.pending(did, 0, search.passedOver);
    this.#after = passedOver.at(-1)?.position ?? 0;
    this.#sent = this.#after;
  }

  #requestSoon(): void {
    if (this.#uncovered === 0 || this.#requestTimer !== null || !this.#delivering()) return;
    const { clock, settings } = this.#context;
    this.#requestTimer = clock.after(settings.acknowledgeDelay, () => this.#requestAcknowledgement());
  }

  #requestAcknowledgement(): void {
    this.#requestTimer?.cancel();
    this.#requestTimer = null;
    if (this.#uncovered === 0 || !this.#delivering()) return;
    // One keep-alive at a time; the next follows its response.
    if (!this.#acknowledges && this.#requested.length > 0) return;
    const type = this.#acknowledges ? 'pduAcknowledgementRequest' : 'keepAlive';
    const sequenceNumber = this.#transmit({ type });
    this.#requested.push({ sequenceNumber, position: this.#sent, count: this.#uncovered });
    this.#uncovered = 0;
    if (this.#requested.length === 1) this.#awaitResponse();
  }

  #awaitResponse(): void {
    const { clock, settings, acknowledgement } = this.#context;
    const ms = this.#acknowledges ? settings.responseTimeout : settings.keepAliveTimeout;
    this.#responseTimer = clock.after(ms, () => {
      const reason = `no response within ${ms} ms`;
      if (this.#state === 'negotiating' && acknowledgement !== 'required') this.#goWithout(reason);
      else this.#fail(reason);
    });
  }

  /** Something was sent or heard: the next keep-alive is due a full interval from now. */
  #restartIdle(): void {
    if (this.#keepAlive !== null) return;
    this.#idleTimer?.cancel();
    const { clock, settings } = this.#context;
    this.#idleTimer = clock.after(settings.keepAliveInterval, () => {
      this.#keepAlive = this.#transmit({ type: 'keepAlive' });
      this.#idleTimer = clock.after(settings.keepAliveTimeout, () =>
        this.#fail(`no keep-alive response within ${settings.keepAliveTimeout} ms`),
      );
    });
  }

  /** Sends a TRI PDU and gives its sequence number. */
  #transmit(message: TriMessage): number {
    const { name, clock, by } = this.#context;
    const sequenceNumber = this.#context.nextTransportNumber(by);
    const header = transportHeader(name, TRANSPORT_LIID, sequenceNumber, clock.now());
    this.#channel.send(encodePsPdu({ header, payload: { kind: 'tri', message } }));
    if (message.type !== 'keepAlive') this.#restartIdle();
    return sequenceNumber;
  }

  #delivering(): boolean {
    return this.#state === 'delivering';
  }

  #fail(reason: string): void {
    if (this.#state === 'closed') return;
    this.stop();
    this.#context.onFailure(reason);
  }
}
