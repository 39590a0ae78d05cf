/**
 * What control and a thread that relays say to each other, in the order in which it is said.
 *
 *     control                                          thread
 *     anchor n, what is wanted of it            ──►
 *                                               ◄──    anchored n, where it receives | refused n
 *     signal n, where the parties are           ──►
 *     want n, of which side                     ──►
 *                                               ◄──    copies of packets that are wanted
 *     taken, so many octets of copies           ──►
 *                                               ◄──    state: counts of streams that had packets
 *     close n                                   ──►
 *                                               ◄──    closed n, after all copies of its packets
 *     flush                                     ──►
 *                                               ◄──    flushed, after all copies of what was relayed before
 *     end                                       ──►    ends
 */
import type { Side, WantedStream } from '../../../wire/iq/sessions.ts';
import type { DestinationRules } from '../destinations.ts';
import type { GatewayErrorCode } from '../errors.ts';
import type { PortCounts } from '../port-pool.ts';
import type { RelayOptions, RelayedStream } from '../relay.ts';
import type { ThreadSocketsData } from '../../../net/polled/thread-sockets.ts';
import type { CopyBatch } from './copies.ts';

/** What a thread is made with; plain, as messages are. */
export interface RelayThreadData extends RelayOptions {
  readonly destinations: DestinationRules;
  /** For sockets by calls of the C library; absent: those of Node.js. */
  readonly polled?: ThreadSocketsData;
}

/** Whether packets of either side are wanted. */
export type WantedSides = Readonly<Record<Side, boolean>>;

export type RelayOrder =
  | { readonly kind: 'anchor'; readonly stream: number; readonly sides: WantedSides }
  | { readonly kind: 'signal'; readonly stream: number; readonly wanted: WantedStream }
  | { readonly kind: 'want'; readonly stream: number; readonly sides: WantedSides }
  | { readonly kind: 'close'; readonly stream: number }
  | { readonly kind: 'taken'; readonly octets: number }
  | { readonly kind: 'flush' }
  | { readonly kind: 'end' };

export type RelayReply =
  | { readonly kind: 'anchored'; readonly stream: number; readonly local: RelayedStream['local'] }
  | {
      readonly kind: 'refused';
      readonly stream: number;
      /** `null`: the operating system refused. */
      readonly code: GatewayErrorCode | null;
      readonly reason: string;
    }
  | { readonly kind: 'closed'; readonly stream: number }
  | { readonly kind: 'flushed' }
  | { readonly kind: 'copies'; readonly batch: CopyBatch }
  | { readonly kind: 'state'; readonly ports: PortCounts; readonly streams: readonly RelayedState[] }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly fields: object;
      readonly message: string;
    };

/** How a stream stands, by its number. */
export interface RelayedState extends Pick<RelayedStream, 'counts' | 'lastPacket'> {
  readonly stream: number;
}

/** Where a thread's streams lie in the range of ports: as many pairs for each thread as can be. */
export function shareOfPorts<Range extends { readonly from: number; readonly to: number }>(
  range: Range,
  threads: number,
): Range[] {
  const first = range.from + (range.from % 2);
  const pairs = Math.max(0, Math.ceil((range.to - first) / 2));
  return Array.from({ length: threads }, (_, at) => {
    const [from, to] = [at, at + 1].map((n) => first + 2 * Math.floor((n * pairs) / threads)) as [
      number,
      number,
    ];
    return { ...range, from, to: to - 1 };
  });
}
