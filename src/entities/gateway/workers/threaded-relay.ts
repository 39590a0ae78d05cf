/**
 * Media in threads, each with an even part of the ports (`workers`): a packet is relayed where it comes, and control
 * hears of it when a task wants it. Streams of a session are relayed by one thread as long as it has ports, so that its
 * packets reach whoever numbers them in the order in which they came; a new session's, by the one that has fewest.
 *
 * A thread that ends takes its streams with it, of which the ADMF is told; another takes its place and its ports.
 */
import { BackOff } from '../../../bytes/back-off.ts';
import type { Clock, Logger, Timer } from '../../../bytes/ports.ts';
import { ThreadSockets } from '../../../net/polled/thread-sockets.ts';
import type { SystemCalls } from '../../../net/polled/system-calls.ts';
import type { DestinationRules } from '../destinations.ts';
import { GatewayError } from '../errors.ts';
import type { PortCounts } from '../port-pool.ts';
import type { MediaRelay, RelayedStream, RelayOptions, StreamUser } from '../relay.ts';
import { shareOfPorts } from './relay-orders.ts';
import { RelayThread } from './relay-thread.ts';
import { ThreadAlarm, THREADS_WELL_MS } from './thread-alarm.ts';
import type { ThreadIssues } from './thread-alarm.ts';

export interface ThreadedRelayOptions extends RelayOptions {
  /** At least one. */
  readonly threads: number;
  readonly destinations: DestinationRules;
  /** For sockets by calls of the C library; `null`: those of Node.js. */
  readonly calls: SystemCalls | null;
  /** Where it is told that a thread has ended; absent: in the log alone. */
  readonly issues?: ThreadIssues;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How threads stand. */
export interface RelayThreadCounts {
  readonly running: number;
  /** Ended without being told to, so far. */
  readonly lost: number;
  /** Packets that were wanted, and of which there were too many to be copied. */
  readonly missed: number;
}

/** Milliseconds until another takes the place of a thread that ended: at first, and at most. */
const AGAIN_MS = { first: 100, longest: 10_000 };

/** Milliseconds after threads were told of changed tasks in which they are not told again. */
const PAUSE_MS = 20;

interface Place {
  readonly ports: RelayOptions['ports'];
  readonly backOff: BackOff;
  thread: RelayThread | null;
  started: number;
  again: Timer | null;
}

export class ThreadedRelay implements MediaRelay {
  readonly #options: ThreadedRelayOptions;
  readonly #places: readonly Place[];
  readonly #alarm: ThreadAlarm | null;
  #lost = 0;
  /** Of threads that are gone. */
  #gone = { missed: 0 };
  #refused = 0;
  /** Tasks have changed since threads were told. */
  #isStale = false;
  /** Until they are told again at the earliest. */
  #pause: Timer | null = null;
  #isStopped = false;

  constructor(options: ThreadedRelayOptions) {
    this.#options = options;
    const { clock, issues } = options;
    this.#alarm = issues === undefined ? null : new ThreadAlarm(clock, issues);
    this.#places = shareOfPorts(options.ports, options.threads).map((ports) => ({
      ports,
      backOff: new BackOff(AGAIN_MS.first, AGAIN_MS.longest),
      thread: null,
      started: 0,
      again: null,
    }));
    for (const place of this.#places) this.#start(place);
  }

  /** Resolves when each thread has said how its ports stand, or has ended. */
  async started(): Promise<void> {
    await Promise.all(this.#running().map((thread) => thread.started));
  }

  get ports(): PortCounts {
    const all = this.#running().map(({ ports }) => ports);
    const sum = (of: keyof PortCounts): number => all.reduce((total, each) => total + each[of], 0);
    return { free: sum('free'), used: sum('used'), foreign: sum('foreign'), refused: this.#refused };
  }

  get threads(): RelayThreadCounts {
    const running = this.#running();
    const missed = running.reduce((sum, each) => sum + each.missed, this.#gone.missed);
    return { running: running.length, lost: this.#lost, missed };
  }

  async anchor(user: StreamUser, beside: RelayedStream | null): Promise<RelayedStream> {
    const own = (thread: RelayThread): number => (beside !== null && thread.has(beside) ? 0 : 1);
    const threads = this.#running().sort((a, b) => own(a) - own(b) || a.load - b.load);
    let refusal: GatewayError | null = null;
    for (const thread of threads) {
      try {
        return await thread.anchor(user);
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        refusal ??= error;
      }
    }
    this.#refused++;
    throw refusal ?? new GatewayError('no-ports', 'no thread relays media at the moment');
  }

  /** At once, and then not before a pause: many tasks may change one after the other, and all sessions are asked. */
  refresh(): void {
    if (this.#isStale) return;
    this.#isStale = true;
    if (this.#pause === null) queueMicrotask(() => this.#refreshNow());
  }

  async flush(): Promise<void> {
    await Promise.all(this.#running().map((thread) => thread.flush()));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#pause?.cancel();
    this.#alarm?.close();
    for (const { again } of this.#places) again?.cancel();
    await Promise.all(this.#running().map((thread) => thread.stop()));
  }

  #refreshNow(): void {
    if (this.#isStopped) return;
    this.#isStale = false;
    for (const thread of this.#running()) thread.refresh();
    this.#pause = this.#options.clock.after(PAUSE_MS, () => {
      this.#pause = null;
      if (this.#isStale) this.#refreshNow();
    });
  }

  #running(): RelayThread[] {
    return this.#places.flatMap(({ thread }) => thread ?? []);
  }

  #start(place: Place): void {
    const { threads, destinations, clock, logger, maxPairs, maxPacketRate, calls } = this.#options;
    place.again = null;
    place.started = clock.now();
    const data = {
      ports: place.ports,
      destinations,
      ...(maxPairs === undefined ? {} : { maxPairs: Math.max(2, Math.floor(maxPairs / threads)) }),
      ...(maxPacketRate === undefined ? {} : { maxPacketRate }),
    };
    const { from, to } = place.ports;
    const sockets = calls === null ? null : ThreadSockets.open(calls, to - from + 1);
    if (calls !== null && sockets === null)
      logger.warn({ from, to }, 'no descriptor is left for sockets of a thread: it has those of Node.js');
    place.thread = new RelayThread({
      data,
      logger,
      sockets,
      gone: (streams) => this.#replace(place, streams),
    });
  }

  /** @param streams that have ended with its thread */
  #replace(place: Place, streams: number): void {
    const { clock, logger } = this.#options;
    this.#lost++;
    this.#gone.missed += place.thread?.missed ?? 0;
    place.thread = null;
    if (this.#isStopped) return;
    if (clock.now() - place.started >= THREADS_WELL_MS) place.backOff.reset();
    const { from, to } = place.ports;
    logger.error(
      { from, to, streams },
      'a thread that relays media has ended with its calls; another takes its place',
    );
    this.#alarm?.lost({ from, to, streams });
    place.again = clock.after(place.backOff.next(), () => this.#start(place));
  }
}
