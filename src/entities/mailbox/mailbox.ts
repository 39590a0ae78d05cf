/**
 * The mailbox (RFC 6267 sections 3.3 and 7.5): keeps content for those who do not answer, and holds no key to it.
 *
 *     call for somebody else   bounds, exchange, packets kept                 `deposit.ts`
 *     somebody registers       what waits for them is delivered by a call     `deliveries.ts`, `delivery.ts`
 */
import { messageOf } from '../../bytes/errors.ts';
import type { Clock, Logger, Random, Timer } from '../../bytes/ports.ts';
import type { KeyKeeper } from '../../endpoint/key-keeper.ts';
import { canonicalIdentity } from '../../ibake/identity.ts';
import type { Endpoint } from '../../ibake/ports.ts';
import type { Datagrams, UdpPortRange } from '../../media/datagrams.ts';
import type { IncomingCall } from '../../sip/agent-types.ts';
import type { UserAgent } from '../../sip/agent.ts';
import { assertedIdentities } from '../../sip/asserted-identity.ts';
import type { SipRequest } from '../../sip/message.ts';
import { Deliveries } from './deliveries.ts';
import type { DeliveriesOptions } from './deliveries.ts';
import { MessageDelivery } from './delivery.ts';
import type { DeliveryEnd } from './delivery.ts';
import { Deposit } from './deposit.ts';
import type { MailboxSide } from './descriptions.ts';
import { MailboxError } from './errors.ts';
import { MailboxHoldings, holderOf } from './holdings.ts';
import type { KeptMessage, KeptPacket, MailboxLimits, MessageStore } from './ports.ts';

/** Milliseconds until a registration that failed is tried again. */
const REGISTER_MS = 5_000;
/** How long the far ends of calls are waited for at the end. */
const STOP_MS = 4_000;

export interface MailboxOptions {
  readonly agent: UserAgent;
  readonly endpoint: Endpoint;
  readonly keeper: Pick<KeyKeeper, 'refresh' | 'stop'>;
  readonly store: MessageStore & { setAside(id: string): void };
  /** Those that are in force. */
  readonly limits: () => MailboxLimits;
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
  readonly #holdings: MailboxHoldings;
  readonly #calls = new Set<Deposit | MessageDelivery>();
  /** Calls that begin, of which there is no `Deposit` yet. */
  #beginning = 0;
  readonly #counts = { kept: 0, empty: 0, refused: 0, full: 0, foreign: 0, cut: 0 };
  #problem: string | null = 'not registered yet';
  #stopped = false;

  constructor(options: MailboxOptions) {
    const { agent, store, limits, clock, logger } = options;
    this.#options = options;
    this.#holdings = new MailboxHoldings(limits);
    for (const { head, octets } of store.waiting) this.#holdings.add(holderOf(head), octets);
    this.#deliveries = new Deliveries({
      store: this.#counted(store),
      limits,
      clock,
      logger,
      // Before it is registered nobody could be called: that is not a reason to put anybody off.
      hasRoom: () => this.#problem === null && this.#hasRoom(),
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
    const octets = waiting.reduce((sum, message) => sum + message.octets, 0);
    return { messages: waiting.length, octets, oldest: waiting[0]?.head.time ?? null };
  }

  /** How often each bound was exceeded. */
  get refused(): MailboxHoldings['refused'] {
    return this.#holdings.refused;
  }

  /** From 0 to 1: how full it is, what is being left included. */
  get fill(): number {
    return this.#holdings.fill;
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

  /** Hangs up; what is being left is kept as far as it has come. Nobody who is silent is waited for long. */
  async stop(): Promise<void> {
    const { agent, keeper } = this.#options;
    this.#stopped = true;
    this.#deliveries.stop();
    keeper.stop();
    const hungUp = [...this.#calls].map((call) => call.hangUp());
    await this.#deliveries.idle();
    await this.#within(STOP_MS, Promise.all(hungUp));
    await this.#within(STOP_MS, agent.unregister());
    await this.#within(STOP_MS, agent.close());
  }

  async #within(ms: number, work: Promise<unknown>): Promise<void> {
    const { clock } = this.#options;
    let late: Timer | null = null;
    await Promise.race([work, new Promise<void>((resolve) => (late = clock.after(ms, resolve)))]);
    (late as Timer | null)?.cancel();
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
    if (!this.#hasRoom()) throw this.#holdings.refuse('calls', 'no more calls can be taken');
    const over = this.#holdings.takes(callerOf(incoming.request));
    this.#beginning++;
    try {
      const parts = { ...this.#options, incoming, holdings: this.#holdings, counts: this.#counts };
      const deposit = await Deposit.begin(parts);
      void deposit.ended.then(over);
      return deposit;
    } catch (error) {
      over();
      throw error;
    } finally {
      this.#beginning--;
    }
  }

  /** The store, of which what goes is no longer counted. */
  #counted(store: MailboxOptions['store']): DeliveriesOptions['store'] {
    const gone = (id: string): void => {
      const message = store.waiting.find((each) => each.id === id);
      if (message !== undefined) this.#holdings.remove(holderOf(message.head), message.octets);
    };
    return {
      get waiting() {
        return store.waiting;
      },
      packets: (id) => store.packets(id),
      remove: (id) => {
        gone(id);
        store.remove(id);
      },
      setAside: (id) => {
        gone(id);
        store.setAside(id);
      },
    };
  }

  async #deliver(message: KeptMessage, packets: readonly KeptPacket[]): Promise<DeliveryEnd> {
    const delivery = await MessageDelivery.begin({ ...this.#options, message, packets });
    this.#calls.add(delivery);
    const end = await delivery.ended;
    this.#calls.delete(delivery);
    return end;
  }

  #hasRoom(): boolean {
    return !this.#stopped && this.#calls.size + this.#beginning < this.#options.limits().calls;
  }
}

/** Who calls: as the network asserts it, else as From says; what is only said never counts against whom it names. */
function callerOf(request: SipRequest): string {
  const [asserted] = assertedIdentities(request).addresses;
  return asserted === undefined ? `said ${request.from.uri.text}` : `asserted ${asserted.uri.text}`;
}

function statusOf(error: unknown): number {
  if (!(error instanceof MailboxError)) return 488;
  return error.code === 'nobody' ? 404 : error.code === 'full' ? 486 : 488;
}
