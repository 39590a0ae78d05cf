/**
 * Where media pass: anchored streams on ports of the gateway, and who is to be told of their packets. In the thread of
 * control (`LocalRelay`), or in threads that have a part of the ports each (`workers/threaded-relay.ts`).
 */
import type { Clock, Timer } from '../../bytes/ports.ts';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import type { Datagrams, SocketPair, UdpPortRange } from '../../media/datagrams.ts';
import type { AnchoredStream, Side, WantedStream } from '../../wire/iq/sessions.ts';
import { SIDES } from '../../wire/iq/sessions.ts';
import type { LegCounts } from './leg.ts';
import { PortPool } from './port-pool.ts';
import type { PortCounts } from './port-pool.ts';
import { Stream } from './stream.ts';
import type { RelayedPacket } from './stream.ts';

/** Whose a stream is: what is asked and told of it, none of which may throw. */
export interface StreamUser {
  /** Whether anybody wants packets of a side. */
  isWanted(side: Side): boolean;
  /** A packet that is wanted has been handed on. */
  relayed(packet: RelayedPacket): void;
  /** So many packets of a side that were wanted were handed on, and nobody has them. */
  missed(side: Side, count: number): void;
  /** The thread that relayed the stream has ended: it is gone, and its ports are. */
  lost(): void;
}

export interface RelayedStream {
  /** Where the gateway receives the RTP of either side. */
  readonly local: NonNullable<AnchoredStream>;
  readonly counts: LegCounts;
  /** When a packet came last, Unix milliseconds; `-Infinity`: none has. */
  readonly lastPacket: number;
  /** What session descriptions say. */
  signal(wanted: WantedStream): void;
  /** Its ports are free again. */
  close(): void;
}

export interface MediaRelay {
  readonly ports: PortCounts;
  /**
   * A stream of its own ports.
   * @param beside another of the same session, by which it is relayed where there is room
   * @throws GatewayError `no-ports`
   */
  anchor(user: StreamUser, beside: RelayedStream | null): Promise<RelayedStream>;
  /** What `isWanted` says may have changed. */
  refresh(): void;
  /** Resolves when users have been told of every wanted packet that was handed on before. */
  flush(): Promise<void>;
  /** Ends what relays; streams are to be closed before. */
  stop(): Promise<void>;
}

export interface RelayOptions {
  readonly ports: UdpPortRange;
  /** Pairs of ports in use at once; default as many as the range has. */
  readonly maxPairs?: number;
  /** Packets that a stream hands on in a second, from either side and component; default 2,000. */
  readonly maxPacketRate?: number;
}

export interface LocalRelayOptions extends RelayOptions {
  readonly datagrams: Datagrams;
  readonly clock: Clock;
  /** Whether media may go to an address at all. */
  readonly allows: (at: NetworkAddress) => boolean;
}

const MAX_PACKET_RATE = 2000;
const SECOND_MS = 1000;

export class LocalRelay implements MediaRelay {
  readonly #options: LocalRelayOptions;
  readonly #pool: PortPool;
  readonly #streams = new Set<Stream>();
  #second: Timer;

  constructor(options: LocalRelayOptions) {
    this.#options = options;
    this.#pool = new PortPool(options.datagrams, options.ports, options.maxPairs);
    this.#second = this.#nextSecond();
  }

  get ports(): PortCounts {
    return this.#pool.counts;
  }

  async anchor(user: StreamUser): Promise<RelayedStream> {
    const { clock, allows, maxPacketRate: maxRate = MAX_PACKET_RATE } = this.#options;
    const a = await this.#pool.take();
    let pairs: Record<Side, SocketPair>;
    try {
      pairs = { a, b: await this.#pool.take() };
    } catch (error) {
      this.#pool.give(a);
      throw error;
    }
    const stream = new Stream(pairs, {
      clock,
      allows,
      maxRate,
      user,
      closed: () => this.#close(stream, pairs),
    });
    this.#streams.add(stream);
    return stream;
  }

  /** Each packet asks. */
  refresh(): void {
    return undefined;
  }

  /** They are told of each at once. */
  flush(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#second.cancel();
    return Promise.resolve();
  }

  #close(stream: Stream, pairs: Readonly<Record<Side, SocketPair>>): void {
    if (!this.#streams.delete(stream)) return;
    for (const side of SIDES) this.#pool.give(pairs[side]);
  }

  #nextSecond(): Timer {
    return this.#options.clock.after(SECOND_MS, () => {
      for (const stream of this.#streams) stream.newSecond();
      this.#second = this.#nextSecond();
    });
  }
}
