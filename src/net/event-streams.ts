/**
 * Server-sent events (HTML, "Server-sent events") to people: that something has changed, not what it is. Each reader has
 * a stream; what the reader does not take waits in it: the newest of what there is one of, and each name once.
 *
 *     bound                          beyond it
 *     `each` streams of a person     a further one is refused (429); so nobody takes another's
 *     `all` streams                  the same
 *     `waiting` names of a stream    they are forgotten, and the reader is told to look at all again
 *     a heartbeat that is not taken until the next one    the stream is cut
 *     `longestMs` of a stream        it ends, and is asked for anew: as whoever they are by then
 */
import { Readable } from 'node:stream';
import { CutCounts } from '../bytes/cut-counts.ts';
import { isoTime } from '../bytes/iso-time.ts';
import { utf8 } from '../bytes/octets.ts';
import type { Clock, Logger, Timer } from '../bytes/ports.ts';
import { Quotas } from '../bytes/quotas.ts';
import type { Person } from './persons.ts';

export const EVENT_LIMITS = {
  each: 4,
  all: 64,
  waiting: 1_000,
  heartbeatMs: 15_000,
  longestMs: 3_600_000,
};

export type EventLimits = typeof EVENT_LIMITS;

export const EVENTS_TYPE = 'text/event-stream';
/** After which a browser asks again when a stream has ended. */
const RETRY_MS = 3_000;

/** One event as it is told. */
export interface ServerEvent {
  readonly event: string;
  readonly data: object;
}

/** Why streams have ended, but for those that were left. */
export type StreamEnd = 'not-taken' | 'longest';

export interface EventStreamsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: EventLimits;
  /** All were left. */
  readonly idle?: () => void;
}

/** The streams of a door, with their bounds. */
export class PersonStreams {
  readonly #options: EventStreamsOptions;
  readonly #quotas: Quotas;
  readonly #ends: CutCounts<StreamEnd>;
  readonly #streams = new Set<EventStream>();
  #isClosed = false;

  constructor(options: EventStreamsOptions) {
    this.#options = options;
    this.#quotas = new Quotas(options.limits);
    this.#ends = new CutCounts(options.logger, 'a stream of events was ended');
  }

  /** Streams at this time. */
  get open(): number {
    return this.#streams.size;
  }

  /** How many were refused. */
  get refused(): number {
    return this.#quotas.refused;
  }

  /** How many were ended from here, by why. */
  get ends(): Readonly<Partial<Record<StreamEnd, number>>> {
    return this.#ends.all;
  }

  get all(): Iterable<EventStream> {
    return this.#streams;
  }

  /** The stream of one person; `null`: there are too many. */
  begin(person: Pick<Person, 'name'>): EventStream | null {
    const { clock, limits, idle } = this.#options;
    const release = this.#isClosed ? null : this.#quotas.begin(person.name, clock.now() / 1000);
    if (release === null) return null;
    const stream = new EventStream({
      ...{ clock, limits },
      ended: (why) => this.#ends.add(why, { by: person.name }),
      left: () => {
        release();
        this.#streams.delete(stream);
        if (this.#streams.size === 0) idle?.();
      },
    });
    this.#streams.add(stream);
    return stream;
  }

  /** Ends all, and begins none any more. */
  close(): void {
    this.#isClosed = true;
    for (const stream of this.#streams) stream.end();
  }
}

interface EventStreamOptions {
  readonly clock: Clock;
  readonly limits: EventLimits;
  readonly ended: (why: StreamEnd) => void;
  readonly left: () => void;
}

/** Events of one reader. */
export class EventStream extends Readable {
  readonly #options: EventStreamOptions;
  readonly #timers: Timer[];
  readonly #named = new Map<string, ServerEvent>();
  #newest: ServerEvent | null = null;
  #isTooMuch = false;
  #isHeartbeatDue = true;
  /** Whether the reader takes more. */
  #isTaking = true;
  /** Whether anything was taken since the last heartbeat. */
  #hasTaken = true;
  #isOver = false;

  constructor(options: EventStreamOptions) {
    super({ highWaterMark: 1 << 14 });
    this.#options = options;
    const { clock, limits, ended } = options;
    this.#timers = [
      clock.after(limits.heartbeatMs, () => this.#beat()),
      clock.after(limits.longestMs, () => {
        ended('longest');
        this.end();
      }),
    ];
    this.push(utf8(`retry: ${RETRY_MS}\n\n`));
    this.#flush();
  }

  /** Of what there is one of, e.g. how the system is: an older one that still waits is not told any more. */
  tell(event: ServerEvent): void {
    this.#newest = event;
    this.#flush();
  }

  /** Of one of many, by its name. */
  tellOf(name: string, event: ServerEvent): void {
    if (this.#isTooMuch) return;
    this.#named.set(name, event);
    if (this.#named.size > this.#options.limits.waiting) {
      this.#named.clear();
      this.#isTooMuch = true;
    }
    this.#flush();
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.push(null);
  }

  override _read(): void {
    this.#isTaking = true;
    this.#hasTaken = true;
    this.#flush();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#isOver = true;
    for (const timer of this.#timers) timer.cancel();
    this.#options.left();
    done(error);
  }

  #beat(): void {
    const { clock, limits, ended } = this.#options;
    if (!this.#hasTaken) {
      ended('not-taken');
      this.destroy();
      return;
    }
    this.#hasTaken = this.#isTaking;
    this.#isHeartbeatDue = true;
    this.#timers[0] = clock.after(limits.heartbeatMs, () => this.#beat());
    this.#flush();
  }

  #flush(): void {
    while (this.#isTaking && !this.#isOver) {
      const event = this.#next();
      if (event === null) return;
      this.#isTaking = this.push(encodeEvent(event));
    }
  }

  #next(): ServerEvent | null {
    if (this.#isHeartbeatDue) {
      this.#isHeartbeatDue = false;
      return { event: 'time', data: { time: isoTime(this.#options.clock.now()) } };
    }
    const newest = this.#newest;
    if (newest !== null) {
      this.#newest = null;
      return newest;
    }
    if (this.#isTooMuch) {
      this.#isTooMuch = false;
      return { event: 'resync', data: {} };
    }
    for (const [name, event] of this.#named) {
      this.#named.delete(name);
      return event;
    }
    return null;
  }
}

/** JSON has no line breaks of its own, so that each event is one line of data. */
function encodeEvent({ event, data }: ServerEvent): Uint8Array {
  return utf8(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
