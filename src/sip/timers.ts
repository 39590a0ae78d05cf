/**
 * RFC 3261 table 4 (section A) with RFC 6026: the timers of the transaction layer, all from T1, T2 and T4.
 *
 * | timer | value | meaning |
 * | --- | --- | --- |
 * | A | T1, doubling | INVITE request retransmission, UDP |
 * | B | 64·T1 | INVITE client gives up |
 * | D | 32 s UDP, 0 TCP | wait for response retransmissions, INVITE client |
 * | E | T1, doubling to T2 | non-INVITE request retransmission, UDP |
 * | F | 64·T1 | non-INVITE client gives up |
 * | G | T1, doubling to T2 | INVITE response retransmission, UDP |
 * | H | 64·T1 | wait for ACK |
 * | I | T4 UDP, 0 TCP | wait for ACK retransmissions |
 * | J | 64·T1 UDP, 0 TCP | wait for request retransmissions, non-INVITE server |
 * | K | T4 UDP, 0 TCP | wait for response retransmissions, non-INVITE client |
 * | L | 64·T1 | INVITE server accepted: 2xx retransmissions pass (RFC 6026) |
 * | M | 64·T1 | INVITE client accepted: further 2xx pass (RFC 6026) |
 */
export interface TimerValues {
  /** Round-trip estimate, ms. */
  readonly t1: number;
  /** Longest retransmission interval, ms. */
  readonly t2: number;
  /** Longest life of a message in the network, ms. */
  readonly t4: number;
  /** Timer D over unreliable transport, ms: at least 32 s. */
  readonly d: number;
}

export const RFC_TIMERS: TimerValues = { t1: 500, t2: 4000, t4: 5000, d: 32_000 };
