/**
 * The mailbox (RFC 6267 sections 3.3 and 7.5): keeps content for those who do not answer, and holds no key to it.
 *
 *     call for somebody else   bounds, exchange, packets kept                 `deposit.ts`
 *     somebody registers       what waits for them is delivered by a call     `deliveries.ts`, `delivery.ts`
 */
import { messageOf } from '../../bytes/errors.ts';
import type { Clock, Logger, Random } from '../../bytes/ports.ts';
import type { KeyKeeper } from '../../endpoint/key-keeper.ts';
import { canonicalIdentity } from '../../ibake/identity.ts';
import type { Endpoint } from '../../ibake/ports.ts';
import type { Datagrams, UdpPortRange } from '../../media/datagrams.ts';
import type { IncomingCall } from '../../sip/agent-types.ts';
import type { UserAgent } from '../../sip/agent.ts';
import type { SipRequest } from '../../sip/message.ts';
import { Deliveries } from './deliveries.ts';
import { MessageDelivery } from './delivery.ts';
import type { DeliveryEnd } from './delivery.ts';
import { Deposit } from './deposit.ts';
import type { MailboxSide } from './descriptions.ts';
import { MailboxError } from './errors.ts';
import type { KeptMessage, KeptPacket, MailboxLimits, MessageStore } from './ports.ts';

/** Milliseconds until a registration that failed is tried again. */
const REGISTER_MS = 5_000;

export interface MailboxOptions {
  readonly agent: UserAgent;
  readonly endpoint: Endpoint;
  readonly keeper: Pick<KeyKeeper, 'refresh' | 'stop'>;
  readonly store: MessageStore & { setAside(id: string): void };
  readonly limits: MailboxLimits;
  /** Milliseconds until a recipient is tried again who did not take a message. */
  readonly retryMs: number;
  readonly datagrams: Datagrams;
  readonly ports: UdpPortRange;
  readonly side: Omit<MailboxSide, 'sessionId'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export class Mailbox {
  readonly #options: MailboxOptions;
  readonly #deliveries: Deliveries;
  readonly #calls = new Set<Deposit | MessageDelivery>();
  /** Calls that begin, of which there is no `Deposit` yet. */
  #beginning = 0;
  readonly #counts = { kept: 0, empty: 0, refused: 0, full: 0, foreign: 0, cut: 0 };
  #problem: string | null = 'not registered yet';
  #stopped = false;

  constructor(options: MailboxOptions) {
    const { agent, store, limits, retryMs, clock, logger } = options;
    this.#options = options;
    this.#deliveries = new Deliveries({
      store,
      limits,
      retryMs,
      clock,
      logger,
      hasRoom: () => this.#hasRoom(),
      deliver: (message, packets) => this.#deliver(message, packets),
    });
    agent.incoming = (incoming) => void this.#receive(incoming);
    agent.told = (request) => this.#told(request);
  }

  /** Since the start. */
  get counts(): Readonly<
    Record<'kept' | 'empty' | 'refused' | 'full' | 'foreign' | 'cut', number> & Deliveries['counts']
  > {
    return { ...this.#counts, ...this.#deliveries.counts };
  }

  /** Messages that wait, and their octets. */
  get waiting(): { readonly messages: number; readonly octets: number; readonly oldest: number | null } {
    const { waiting } = this.#options.store;
    return {
      messages: waiting.length,
      octets: this.#octets(),
      oldest: waiting[0]?.head.time ?? null,
    };
  }

  get calls(): number {
    return this.#calls.size;
  }

  /** Why nobody can leave anything; `null`: it is registered. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Registers, as soon as that is possible, and looks after what waits. */
  start(): void {
    this.#deliveries.start();
    void this.#register();
  }

  /** Hangs up; what is being left is kept as far as it has come. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#deliveries.stop();
    await Promise.all([...this.#calls].map((call) => call.hangUp()));
    await this.#deliveries.idle();
    await this.#options.agent.unregister();
    await this.#options.agent.close();
    this.#options.keeper.stop();
  }

  async #register(): Promise<void> {
    const { keeper, agent, clock, logger } = this.#options;
    try {
      await keeper.refresh();
      await agent.register();
      this.#problem = null;
    } catch (error) {
      this.#problem = `not registered: ${messageOf(error)}`;
      logger.warn({ error }, 'the mailbox could not register; tried again soon');
      if (!this.#stopped) clock.after(REGISTER_MS, () => void this.#register());
    }
  }

  /** The registrar says who has registered. */
  #told(request: SipRequest): void {
    const { uri } = request.to;
    if (uri.kind === 'sip') this.#deliveries.reached(canonicalIdentity(uri.text).addressOfRecord);
  }

  async #receive(incoming: IncomingCall): Promise<void> {
    try {
      const deposit = await this.#deposit(incoming);
      this.#calls.add(deposit);
      const message = await deposit.ended;
      this.#calls.delete(deposit);
      if (message === null) this.#counts.empty++;
      else {
        this.#counts.kept++;
        this.#deliveries.left(message.head.recipient);
      }
    } catch (error) {
      const full = error instanceof MailboxError && error.code === 'full';
      this.#counts[full ? 'full' : 'refused']++;
      this.#options.logger.warn({ problem: messageOf(error) }, 'a message is not taken');
      incoming.reject(statusOf(error));
    }
  }

  async #deposit(incoming: IncomingCall): Promise<Deposit> {
    if (!this.#hasRoom()) throw new MailboxError('full', 'no more calls can be taken');
    this.#beginning++;
    try {
      return await Deposit.begin({
        ...this.#options,
        incoming,
        kept: () => this.#octets(),
        admit: (recipient, initiator) => this.#admit(recipient, initiator),
        counts: this.#counts,
      });
    } finally {
      this.#beginning--;
    }
  }

  /** @throws MailboxError `full` */
  #admit(recipient: string, initiator: string): void {
    const { store, limits } = this.#options;
    const all = store.waiting;
    const own = all.filter(({ head }) => head.recipient === recipient);
    const from = own.filter(({ head }) => canonicalIdentity(head.initiator).addressOfRecord === initiator);
    if (all.length >= limits.messages || this.#octets() >= limits.octets)
      throw new MailboxError('full', 'no more messages can be kept');
    if (own.length >= limits.messagesOfOne)
      throw new MailboxError('full', 'no more messages can be kept for this recipient');
    if (from.length >= limits.messagesFromOne)
      throw new MailboxError('full', 'no more messages of this caller can be kept for this recipient');
  }

  async #deliver(message: KeptMessage, packets: readonly KeptPacket[]): Promise<DeliveryEnd> {
    const delivery = await MessageDelivery.begin({ ...this.#options, message, packets });
    this.#calls.add(delivery);
    const end = await delivery.ended;
    this.#calls.delete(delivery);
    return end;
  }

  #hasRoom(): boolean {
    return !this.#stopped && this.#calls.size + this.#beginning < this.#options.limits.calls;
  }

  #octets(): number {
    return this.#options.store.waiting.reduce((sum, { octets }) => sum + octets, 0);
  }
}

function statusOf(error: unknown): number {
  if (!(error instanceof MailboxError)) return 488;
  return error.code === 'nobody' ? 404 : error.code === 'full' ? 486 : 488;
}
