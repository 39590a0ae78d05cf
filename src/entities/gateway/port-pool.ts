/**
 * The port pairs of the gateway (RFC 3550 section 11: RTP on an even port, RTCP on the next), in a queue: a pair is
 * taken at its head and comes back at its end. Taking one is the same work however many are in use, and a port that has
 * just been given back is the last to be used again, so that stragglers of its old call do not meet a new one.
 *
 * There are so many pairs in use at most, whatever the range: sockets for media must not take every descriptor that the
 * process may have. A pair that somebody else on the machine has bound is set aside and tried again only when no other is
 * left.
 */
import type { Datagrams, UdpPortRange, SocketPair } from '../../media/datagrams.ts';
import { GatewayError } from './errors.ts';

export interface PortCounts {
  readonly free: number;
  readonly used: number;
  /** Found to be bound by somebody else. */
  readonly foreign: number;
  /** How often none was to be had. */
  readonly refused: number;
}

/** Pairs of somebody else that one request tries again. */
const RETRIES = 8;

export class PortPool {
  readonly #datagrams: Datagrams;
  readonly #range: UdpPortRange;
  readonly #most: number;
  readonly #free: PortQueue;
  readonly #foreign: PortQueue;
  #used = 0;
  #refused = 0;

  /** @param most pairs in use at once */
  constructor(datagrams: Datagrams, range: UdpPortRange, most = Infinity) {
    this.#datagrams = datagrams;
    this.#range = range;
    this.#most = most;
    const first = range.from + (range.from % 2);
    const pairs = Math.max(0, Math.ceil((range.to - first) / 2));
    this.#free = new PortQueue(pairs);
    this.#foreign = new PortQueue(pairs);
    for (let at = 0; at < pairs; at++) this.#free.push(first + 2 * at);
  }

  get counts(): PortCounts {
    const foreign = this.#foreign.length;
    const free = Math.max(0, Math.min(this.#free.length, this.#most - this.#used));
    return { free, used: this.#used, foreign, refused: this.#refused };
  }

  /** @throws GatewayError `no-ports` */
  async take(): Promise<SocketPair> {
    const pair = this.#used < this.#most ? await this.#either() : null;
    if (pair !== null) return pair;
    this.#refused++;
    const { used, foreign } = this.counts;
    throw new GatewayError(
      'no-ports',
      `no pair of ports is free: ${used} are in use, ${foreign} are taken by others`,
    );
  }

  /** Closes a pair's sockets; its ports are free again. */
  give(pair: SocketPair): void {
    pair.rtp.close();
    pair.rtcp.close();
    this.#used--;
    this.#free.push(pair.rtp.local.port);
  }

  async #either(): Promise<SocketPair | null> {
    return (await this.#first(this.#free, Infinity)) ?? (await this.#first(this.#foreign, RETRIES));
  }

  /** The first pair of a queue that can be bound; those that cannot are set aside. */
  async #first(queue: PortQueue, tries: number): Promise<SocketPair | null> {
    for (let left = Math.min(queue.length, tries); left > 0; left--) {
      const port = queue.shift();
      if (port === null) return null;
      let pair: SocketPair | null;
      try {
        pair = await this.#bind(port);
      } catch (error) {
        this.#free.push(port);
        throw error;
      }
      if (pair !== null) {
        this.#used++;
        return pair;
      }
      this.#foreign.push(port);
    }
    return null;
  }

  async #bind(port: number): Promise<SocketPair | null> {
    const { address } = this.#range;
    const rtp = await this.#datagrams.bind(address, port);
    if (rtp === null) return null;
    try {
      const rtcp = await this.#datagrams.bind(address, port + 1);
      if (rtcp !== null) return { rtp, rtcp };
    } catch (error) {
      rtp.close();
      throw error;
    }
    rtp.close();
    return null;
  }
}

/** First in, first out, in a ring of fixed size. */
class PortQueue {
  readonly #ring: Uint16Array;
  #head = 0;
  #length = 0;

  constructor(size: number) {
    this.#ring = new Uint16Array(size);
  }

  get length(): number {
    return this.#length;
  }

  push(port: number): void {
    if (this.#length === this.#ring.length) throw new RangeError('the queue of ports is full');
    this.#ring[(this.#head + this.#length) % this.#ring.length] = port;
    this.#length++;
  }

  shift(): number | null {
    if (this.#length === 0) return null;
    const port = this.#ring[this.#head] ?? null;
    this.#head = (this.#head + 1) % this.#ring.length;
    this.#length--;
    return port;
  }
}
