/** Sockets of a mailbox's calls: a pair for each m= line that is kept. */
import { bindPair } from '../../media/datagrams.ts';
import type { Datagrams, SocketPair, UdpPortRange } from '../../media/datagrams.ts';
import { MailboxError } from './errors.ts';
import type { KeptMedium } from './ports.ts';

export class CallSockets {
  readonly #pairs: ReadonlyMap<number, SocketPair>;

  private constructor(pairs: ReadonlyMap<number, SocketPair>) {
    this.#pairs = pairs;
  }

  /** @throws MailboxError `full` if there are not enough ports */
  static async bind(
    datagrams: Datagrams,
    range: UdpPortRange,
    media: readonly Pick<KeptMedium, 'index'>[],
  ): Promise<CallSockets> {
    const pairs = new Map<number, SocketPair>();
    const sockets = new CallSockets(pairs);
    for (const { index } of media) {
      const pair = await bindPair(datagrams, range);
      if (pair === null) {
        sockets.close();
        throw new MailboxError('full', 'no pair of ports is free');
      }
      pairs.set(index, pair);
    }
    return sockets;
  }

  /** Ports by m= line. */
  get ports(): ReadonlyMap<number, number> {
    return new Map([...this.#pairs].map(([index, { rtp }]) => [index, rtp.local.port]));
  }

  /** That of an m= line, for RTP; `null`: none of it is kept. */
  rtp(index: number): SocketPair['rtp'] | null {
    return this.#pairs.get(index)?.rtp ?? null;
  }

  get all(): Iterable<readonly [number, SocketPair['rtp']]> {
    return [...this.#pairs].map(([index, { rtp }]) => [index, rtp] as const);
  }

  close(): void {
    for (const { rtp, rtcp } of this.#pairs.values()) {
      rtp.close();
      rtcp.close();
    }
  }
}
