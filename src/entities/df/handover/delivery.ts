/**
 * The way to one LEMF over all its connections: connect, deliver, and when the connection is lost, wait and connect
 * again. What was not acknowledged is still in the outbox and goes out again, oldest first; the LEMF knows the copies by
 * LIID, CIN, sequence number and kind.
 */
import { BackOff } from '../../../bytes/back-off.ts';
import type { Timer } from '../../../bytes/ports.ts';
import type { AlarmBook } from './alarm-book.ts';
import type { HandoverAddress, HandoverChannel, HandoverTransport } from './ports.ts';
import { HandoverSession } from './session.ts';
import type { SessionContext } from './session.ts';

export type DeliveryContext = Omit<SessionContext, 'did' | 'by' | 'onReady' | 'onFailure'> & {
  readonly transport: HandoverTransport;
  readonly alarms: AlarmBook;
};

export class Delivery {
  readonly address: HandoverAddress;
  readonly #context: DeliveryContext;
  #session: HandoverSession | null = null;
  #channel: HandoverChannel | null = null;
  #retryTimer: Timer | null = null;
  readonly #pauses: BackOff;
  /** Since when the LEMF is away, Unix milliseconds; `null` while it is there. */
  #awaySince: number | null;
  #alarmTimer: Timer | null = null;
  #reason = 'never connected';
  #stopped = false;

  constructor(context: DeliveryContext, address: HandoverAddress) {
    this.#context = context;
    this.address = address;
    this.#pauses = new BackOff(context.settings.retryFirst, context.settings.retryMost);
    this.#awaySince = context.clock.now();
  }

  /** Whether the LEMF is there and its options are agreed. */
  get ready(): boolean {
    return this.#awaySince === null;
  }

  start(): void {
    this.#watch();
    this.#connect();
  }

  wake(): void {
    this.#session?.wake();
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of [this.#retryTimer, this.#alarmTimer]) timer?.cancel();
    this.#session?.stop();
    this.#channel?.close();
  }

  #connect(): void {
    if (this.#stopped) return;
    const { transport } = this.#context;
    // Events of a connection that has been given up must not touch the one that replaced it.
    let session: HandoverSession | null = null;
    const mine = () => session !== null && session === this.#session;
    const channel = transport.open(this.address, {
      opened: () => mine() && session?.start(),
      received: (octets) => mine() && session?.received(octets),
      closed: (reason) => mine() && this.#lost(reason),
    });
    session = new HandoverSession(
      {
        ...this.#context,
        did: this.address.did,
        by: this.address.by,
        onReady: () => this.#present(),
        onFailure: (reason) => this.#lost(reason),
      },
      channel,
    );
    this.#channel = channel;
    this.#session = session;
  }

  #present(): void {
    const { logger, alarms } = this.#context;
    this.#pauses.reset();
    this.#awaySince = null;
    this.#alarmTimer?.cancel();
    alarms.clear(this.address.did, 'down');
    logger.info({ did: this.address.did }, 'handover connection is ready');
  }

  #lost(reason: string): void {
    const { clock, logger } = this.#context;
    this.#session?.stop();
    this.#channel?.close();
    this.#session = null;
    this.#channel = null;
    if (this.#stopped) return;
    this.#reason = reason;
    logger.warn({ did: this.address.did, reason }, 'handover connection is lost');
    if (this.#awaySince === null) {
      this.#awaySince = clock.now();
      this.#watch();
    }
    this.#retryTimer = clock.after(this.#pauses.next(), () => this.#connect());
  }

  #watch(): void {
    const { clock, settings, alarms } = this.#context;
    this.#alarmTimer = clock.after(settings.alarmAfter, () => {
      alarms.raise(this.address.did, 'down', `handover interface is down: ${this.#reason}`);
    });
  }
}
