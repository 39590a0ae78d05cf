/**
 * Who is to have what, and when it is tried: the messages of one recipient one after the other, at once when it is told
 * that they have registered, else every so often.
 *
 *     left ─► waiting ─► call ─► delivered, or declined     removed
 *                             └► not taken                  waiting, tried again later
 *             waiting, too long                             removed, counted
 */
import { messageOf } from '../../bytes/errors.ts';
import type { Clock, Logger, Timer } from '../../bytes/ports.ts';
import { MailboxError } from './errors.ts';
import type { DeliveryEnd } from './delivery.ts';
import type { KeptMessage, KeptPacket, MailboxLimits, MessageStore } from './ports.ts';

/** Milliseconds from one look at what waits to the next. */
const LOOK_MS = 1_000;

export interface DeliveriesOptions {
  readonly store: Pick<MessageStore, 'waiting' | 'packets' | 'remove'> & { setAside(id: string): void };
  /** One message by one call. @throws MailboxError `full` */
  readonly deliver: (message: KeptMessage, packets: readonly KeptPacket[]) => Promise<DeliveryEnd>;
  /** Whether one more call can be made now. */
  readonly hasRoom: () => boolean;
  /** Those that are in force. */
  readonly limits: () => Pick<MailboxLimits, 'keepSeconds' | 'retryMs'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #under = new Map<string, Promise<void>>();
  /** When a recipient may be tried again, Unix milliseconds. */
  readonly #notBefore = new Map<string, number>();
  /** Recipients who came while they were being tried. */
  readonly #meanwhile = new Set<string>();
  #look: Timer | null = null;
  readonly #counts = { delivered: 0, declined: 0, later: 0, expired: 0 };

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  get counts(): Readonly<Record<'delivered' | 'declined' | 'later' | 'expired', number>> {
    return this.#counts;
  }

  /** Begins to look after what waits. */
  start(): void {
    this.#step();
    this.#look = this.#options.clock.after(LOOK_MS, () => this.start());
  }

  /** The recipient is there: tried at the next look. */
  reached(recipient: string): void {
    this.#notBefore.delete(recipient);
    if (this.#under.has(recipient)) this.#meanwhile.add(recipient);
  }

  /** A message was left just now, since the recipient did not answer. */
  left(recipient: string): void {
    this.#putOff(recipient);
  }

  stop(): void {
    this.#look?.cancel();
    this.#look = null;
  }

  /** Resolves when no call is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.#under.values());
  }

  #step(): void {
    const { store, clock, limits, hasRoom } = this.#options;
    const now = clock.now();
    const keepMs = limits().keepSeconds * 1000;
    for (const message of store.waiting) {
      const { recipient, time } = message.head;
      if (this.#under.has(recipient)) continue;
      if (now > time + keepMs) {
        this.#counts.expired++;
        store.remove(message.id);
      } else if (now >= (this.#notBefore.get(recipient) ?? 0) && hasRoom()) {
        this.#under.set(
          recipient,
          this.#deliver(message).finally(() => {
            this.#under.delete(recipient);
            this.#meanwhile.delete(recipient);
          }),
        );
      }
    }
  }

  async #deliver(message: KeptMessage): Promise<void> {
    const { store, deliver, logger } = this.#options;
    const { recipient } = message.head;
    try {
      const end = await deliver(message, store.packets(message.id));
      this.#counts[end]++;
      if (end === 'later' && !this.#meanwhile.has(recipient)) this.#putOff(recipient);
      if (end !== 'later') store.remove(message.id);
    } catch (error) {
      logger.warn({ problem: messageOf(error) }, 'a message could not be delivered');
      if (error instanceof MailboxError && error.code === 'damaged') store.setAside(message.id);
      else this.#putOff(recipient);
    }
  }

  #putOff(recipient: string): void {
    this.#notBefore.set(recipient, this.#options.clock.now() + this.#options.limits().retryMs);
    // Those of recipients for whom nothing waits are of no use any more.
    const waiting = new Set(this.#options.store.waiting.map(({ head }) => head.recipient));
    for (const known of this.#notBefore.keys()) {
      if (known !== recipient && !waiting.has(known)) this.#notBefore.delete(known);
    }
  }
}
