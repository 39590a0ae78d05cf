/**
 * A message on its way to whom it is for (profile, section 3): a call with the messages of the deposit, and then the
 * packets as they came. Nobody here knows what they say.
 */
import { messageOf } from '../../bytes/errors.ts';
import type { Clock, Logger, Random, Timer } from '../../bytes/ports.ts';
import { Reader } from '../../bytes/reader.ts';
import type { Datagrams, UdpPortRange } from '../../media/datagrams.ts';
import type { Leg, OutgoingCall, OutgoingHandler } from '../../sip/agent-types.ts';
import type { UserAgent } from '../../sip/agent.ts';
import type { SipError } from '../../sip/errors.ts';
import type { SipResponse } from '../../sip/message.ts';
import { deliveryOffer, readTaken } from './descriptions.ts';
import type { MailboxSide, TakenMedium } from './descriptions.ts';
import { CallSockets } from './media.ts';
import { paced } from './pace.ts';
import type { PacedPacket } from './pace.ts';
import type { KeptMessage, KeptPacket } from './ports.ts';

/** Milliseconds from the last packet to the end of the call. */
const LAST_MS = 200;
/** Says in the BYE that there is more of the message (RFC 3326): the phone has not heard it then. */
const BROKEN_OFF = 503;
/** Milliseconds for which a call may ring. */
const RING_MS = 60_000;

/** What became of it: `declined` is not tried again, `later` is. */
export type DeliveryEnd = 'delivered' | 'declined' | 'later';

export interface MessageDeliveryParts {
  readonly message: KeptMessage;
  readonly packets: readonly KeptPacket[];
  readonly agent: Pick<UserAgent, 'invite'>;
  readonly datagrams: Datagrams;
  readonly ports: UdpPortRange;
  readonly side: Omit<MailboxSide, 'sessionId'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export class MessageDelivery implements OutgoingHandler {
  readonly #parts: MessageDeliveryParts;
  readonly #sockets: CallSockets;
  readonly #invite: OutgoingCall;
  #described: Pick<SipResponse, 'contentType' | 'body'> | null = null;
  #leg: Leg | null = null;
  #timer: Timer | null = null;
  #settle: (end: DeliveryEnd) => void = () => undefined;
  /** Resolves when the call is over. */
  readonly ended: Promise<DeliveryEnd>;

  private constructor(parts: MessageDeliveryParts, sockets: CallSockets) {
    const { message, agent, random, side, clock } = parts;
    this.#parts = parts;
    this.#sockets = sockets;
    this.ended = new Promise((resolve) => (this.#settle = resolve));
    const sessionId = String(new Reader(random.bytes(4)).u32('session id'));
    const body = deliveryOffer({ ...side, sessionId }, message.head, sockets.ports);
    this.#invite = agent.invite(message.head.recipient, { body }, this);
    this.#timer = clock.after(RING_MS, () => this.#invite.cancel());
  }

  /** @throws MailboxError `full` */
  static async begin(parts: MessageDeliveryParts): Promise<MessageDelivery> {
    const { datagrams, ports, message } = parts;
    return new MessageDelivery(parts, await CallSockets.bind(datagrams, ports, message.head.media));
  }

  /** The mailbox stops: the message waits on, and the phone is told that this was not all. */
  async hangUp(): Promise<void> {
    const leg = this.#leg;
    if (leg !== null) leg.handler = {};
    this.#end('later');
    if (leg === null) this.#invite.cancel();
    else await leg.bye(BROKEN_OFF);
  }

  provisional(leg: Leg, response: SipResponse, reliable: boolean): void {
    if (response.body.length > 0) this.#described = response;
    if (reliable) leg.prack(response).catch((cause: unknown) => this.#fail(cause));
  }

  accepted(leg: Leg, response: SipResponse): void {
    leg.ack();
    this.#leg = leg;
    this.#timer?.cancel();
    // Whoever hangs up has heard enough.
    leg.handler = { ended: () => this.#end('delivered') };
    try {
      const { contentType, body } = response.body.length > 0 ? response : (this.#described ?? response);
      const taken = readTaken(contentType, body);
      const { message, packets } = this.#parts;
      const wanted = packets.filter(({ index }) => taken.some((each) => each.index === index));
      if (wanted.length === 0) throw new RangeError('the answer takes nothing of the message');
      this.#play(paced(wanted, message.head.media), 0, taken);
    } catch (cause) {
      this.#fail(cause);
    }
  }

  failed(error: SipError, response: SipResponse | null): void {
    const status = response?.status ?? 0;
    this.#parts.logger.info({ problem: messageOf(error), status }, 'a message was not taken');
    this.#end(status >= 600 ? 'declined' : 'later');
  }

  /** Sends a packet, and waits until the next is due; what one went late is made up for by the next. */
  #play(queue: readonly PacedPacket[], at: number, taken: readonly TakenMedium[], start?: number): void {
    const { clock } = this.#parts;
    const now = queue[at];
    if (now === undefined) {
      this.#timer = clock.after(LAST_MS, () => {
        void this.#leg?.bye();
        this.#end('delivered');
      });
      return;
    }
    const begun = start ?? clock.now() - now.due;
    const { index, octets } = now.packet;
    const to = taken.find((each) => each.index === index)?.remote;
    if (to !== undefined) this.#sockets.rtp(index)?.send(octets, to);
    const late = Math.max(0, clock.now() - (begun + now.due));
    const wait = (queue[at + 1]?.due ?? now.due) - now.due - late;
    this.#timer = clock.after(Math.max(0, wait), () => this.#play(queue, at + 1, taken, begun));
  }

  #fail(cause: unknown): void {
    this.#parts.logger.warn({ problem: messageOf(cause) }, 'a delivery is given up');
    if (this.#leg === null) this.#invite.cancel();
    else {
      this.#leg.handler = {};
      void this.#leg.bye(BROKEN_OFF);
    }
    this.#end('later');
  }

  #end(end: DeliveryEnd): void {
    this.#timer?.cancel();
    this.#sockets.close();
    this.#settle(end);
  }
}
