/**
 * The way to one LEMF over all its connections: connect, deliver, and when the connection is lost, wait and connect
 * again. What was not acknowledged is still in the outbox and goes out again, oldest first; the LEMF knows the copies by
 * LIID, CIN, sequence number and kind.
 *
 * A PDU that the LEMF refuses, by closing the connection, must not hold up all that waits behind it: it is found
 * (`bytes/refusal-search.ts`), set aside, counted and reported, and the rest goes on.
 */
import { BackOff } from '../../../bytes/back-off.ts';
import type { SetAside, Timer } from '../../../bytes/ports.ts';
import { RefusalSearch } from '../../../bytes/refusal-search.ts';
import { Tally } from '../../../bytes/tally.ts';
import type { OutboxEntry } from '../ports.ts';
import { acknowledgementOf } from './acknowledgement.ts';
import type { AlarmBook } from './alarm-book.ts';
import type { HandoverAddress, HandoverChannel, HandoverIssues, HandoverTransport } from './ports.ts';
import { HandoverSession } from './session.ts';
import type { SessionContext } from './session.ts';

export type DeliveryContext = Omit<
  SessionContext,
  'did' | 'by' | 'search' | 'acknowledgement' | 'onUnacknowledged' | 'onReady' | 'onTaken' | 'onFailure'
> & {
  readonly transport: HandoverTransport;
  readonly alarms: AlarmBook;
  /** Hears of PDUs that are set aside. */
  readonly issues?: HandoverIssues | undefined;
  /** Where they are kept; absent: they are counted and reported only. */
  readonly setAside?: SetAside | undefined;
};

/** Connections that are refused one after the other before the pauses grow, and before an alarm says so. */
const QUICK_TRIALS = 64;
const ALARMING_TRIALS = 8;

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
  readonly #search = new RefusalSearch();
  readonly #tally = new Tally();
  #setAside = 0;
  #unacknowledged = 0;
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

  /** PDUs that the LEMF refused and that were set aside. */
  get setAside(): number {
    return this.#setAside;
  }

  /** PDUs that counted as delivered without an acknowledgement. */
  get unacknowledged(): number {
    return this.#unacknowledged;
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
      closed: (reason) => mine() && this.#lost(reason, true),
    });
    session = new HandoverSession(
      {
        ...this.#context,
        did: this.address.did,
        by: this.address.by,
        search: this.#search,
        acknowledgement: acknowledgementOf(this.#context.settings, this.address),
        onUnacknowledged: (pdus) => void (this.#unacknowledged += pdus),
        onReady: () => this.#present(),
        onTaken: () => this.#context.alarms.clear(this.address.did, 'refusing'),
        onFailure: (reason) => this.#lost(reason, false),
      },
      channel,
    );
    this.#channel = channel;
    this.#session = session;
  }

  #present(): void {
    const { logger, alarms } = this.#context;
    if (this.#search.trials < QUICK_TRIALS) this.#pauses.reset();
    this.#awaySince = null;
    this.#alarmTimer?.cancel();
    alarms.clear(this.address.did, 'down');
    logger.info({ did: this.address.did }, 'handover connection is ready');
  }

  #lost(reason: string, byPeer: boolean): void {
    const { outbox, alarms, clock, logger } = this.#context;
    const outstanding = this.#session?.outstanding ?? { pdus: 0, position: 0 };
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
    const { did } = this.address;
    const underWay = byPeer ? outstanding.pdus : 0;
    const next = this.#search.closed(underWay, outstanding.position, outbox.waiting(did).count);
    if (this.#search.trials >= ALARMING_TRIALS) {
      alarms.raise(did, 'refusing', 'the LEMF closes the connection when it is sent PDUs');
    }
    if (next !== 'refused') {
      this.#connectAfter(next === 'wait' ? this.#pauses.next() : 0);
      return;
    }
    this.#setFirstAside()
      .catch((error: unknown) => logger.error({ did, error }, 'a PDU could not be set aside'))
      .finally(() => this.#connectAfter(this.#pauses.next()));
  }

  #connectAfter(pause: number): void {
    if (!this.#stopped) this.#retryTimer = this.#context.clock.after(pause, () => this.#connect());
  }

  async #setFirstAside(): Promise<void> {
    const [first] = await this.#context.outbox.pending(this.address.did, 0, 1);
    if (first !== undefined) await this.#putAside(first);
  }

  async #putAside({ interface: reference, liid, cin, octets, position }: OutboxEntry): Promise<void> {
    const { outbox, clock, logger, setAside, issues } = this.#context;
    const { did } = this.address;
    const reason = 'refused twice';
    await setAside?.keep({ reference, did, subject: liid, reason, octets }, clock.now());
    await outbox.acknowledge(did, position);
    this.#setAside++;
    logger.error({ did, liid, cin, octets: octets.length }, 'a PDU was refused twice and is set aside');
    if (reference !== 'hi1') issues?.setAsideOf?.(liid, did);
    const count = this.#tally.count(liid);
    if (count === null) return;
    const what = `${reference.toUpperCase()} PDU of ${octets.length} octets to ${did}`;
    issues?.elementIssue(`${what} was refused twice and is set aside (${count} of this LIID)`);
  }

  #watch(): void {
    const { clock, settings, alarms } = this.#context;
    this.#alarmTimer = clock.after(settings.alarmAfter, () => {
      alarms.raise(this.address.did, 'down', `handover interface is down: ${this.#reason}`);
    });
  }
}
