/**
 * What is told live to those who look at the officers' interface: that something has changed, to each only what their
 * role may read (`wire/officers/events.ts`).
 *
 *     bound                          beyond it
 *     `each` streams of a person     a further one is refused (429); so nobody takes another's
 *     `all` streams                  the same
 *     `waiting` LIIDs of a stream    they are forgotten, and the reader is told to look at all again
 *     a heartbeat that is not taken until the next one    the stream is cut
 *     `longestMs` of a stream        it ends, and is asked for anew: as whoever they are by then
 *
 * The system is looked at every `lookMs` while anybody listens, once for all.
 */
import { Readable } from 'node:stream';
import { CutCounts } from '../../../bytes/cut-counts.ts';
import { isoTime } from '../../../bytes/iso-time.ts';
import type { Clock, Logger, Timer } from '../../../bytes/ports.ts';
import { Quotas } from '../../../bytes/quotas.ts';
import {
  encodeEvent,
  EVENTS_HEAD,
  EVENTS_PATH,
  EVENTS_TYPE,
  HEARTBEAT_MS,
  LONGEST_STREAM_MS,
} from '../../../wire/officers/events.ts';
import type { OfficerEvent } from '../../../wire/officers/events.ts';
import { decodeNoSelection } from '../../../wire/officers/system.ts';
import type { Admf } from '../admf.ts';
import type { IssueBook } from '../issues.ts';
import type { Person } from './persons.ts';
import { OfficerRefusal, READERS, WATCHERS } from './routes.ts';
import type { OfficerStreamRoute } from './routes.ts';
import { countsOf } from './system-routes.ts';

export const EVENT_LIMITS = {
  each: 4,
  all: 64,
  waiting: 1_000,
  heartbeatMs: HEARTBEAT_MS,
  longestMs: LONGEST_STREAM_MS,
  lookMs: 1_000,
};

export type EventLimits = typeof EVENT_LIMITS;

/** Why streams have ended, but for those that were left. */
export type StreamEnd = 'not-taken' | 'longest';

export interface EventStreamsOptions {
  readonly admf: Pick<Admf, 'subscribe' | 'list' | 'degraded' | 'elements'>;
  readonly issues: Pick<IssueBook, 'list'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Partial<EventLimits>;
}

type SystemEvent = Extract<OfficerEvent, { event: 'system' }>;

export class EventStreams {
  readonly #options: EventStreamsOptions;
  readonly #limits: EventLimits;
  readonly #quotas: Quotas;
  readonly #ends: CutCounts<StreamEnd>;
  readonly #streams = new Set<EventStream>();
  readonly #unsubscribe: () => void;
  /** The system as it was last seen, in JSON but for the revision; empty: nobody has looked. */
  #seen = '';
  #system: SystemEvent | null = null;
  #revision = 0;
  #degraded: ReadonlySet<string> = new Set();
  #nextLook: Timer | null = null;
  #isClosed = false;

  constructor(options: EventStreamsOptions) {
    this.#options = options;
    this.#limits = { ...EVENT_LIMITS, ...options.limits };
    this.#quotas = new Quotas(this.#limits);
    this.#ends = new CutCounts(options.logger, 'a stream of events was ended');
    this.#unsubscribe = options.admf.subscribe(({ warrant }) => this.#tellOf(warrant.liid));
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

  /** The stream of one person; `null`: there are too many. */
  begin(person: Pick<Person, 'name' | 'roles'>): Readable | null {
    const { clock } = this.#options;
    const release = this.#isClosed ? null : this.#quotas.begin(person.name, clock.now() / 1000);
    if (release === null) return null;
    const isReader = READERS.some((role) => person.roles.includes(role));
    const stream = new EventStream({
      ...{ clock, isReader, limits: this.#limits },
      ended: (why) => this.#ends.add(why, { by: person.name }),
      left: () => {
        release();
        this.#streams.delete(stream);
        if (this.#streams.size === 0) this.#rest();
      },
    });
    this.#streams.add(stream);
    if (this.#nextLook === null) this.#look();
    else if (this.#system !== null) stream.tell(this.#system);
    return stream;
  }

  /** Ends all, and begins none any more. */
  close(): void {
    this.#isClosed = true;
    this.#unsubscribe();
    for (const stream of this.#streams) stream.end();
    this.#rest();
  }

  #rest(): void {
    this.#nextLook?.cancel();
    this.#nextLook = null;
    this.#seen = '';
  }

  #tellOf(liid: string): void {
    for (const stream of this.#streams) stream.tellOf(liid);
  }

  #look(): void {
    const { clock, admf, issues } = this.#options;
    const away = admf.elements().flatMap(({ name, state }) => (state === 'down' ? [name] : []));
    const degraded = new Set(admf.degraded());
    const counts = countsOf({ admf, issues });
    const seen = JSON.stringify([counts, away, [...degraded].sort(), issues.list()]);
    if (seen !== this.#seen) {
      // Nobody was told before the first look.
      if (this.#seen !== '') for (const liid of changes(this.#degraded, degraded)) this.#tellOf(liid);
      this.#revision += 1;
      this.#system = { event: 'system', data: { ...counts, away, revision: this.#revision } };
      for (const stream of this.#streams) stream.tell(this.#system);
    }
    [this.#seen, this.#degraded] = [seen, degraded];
    this.#nextLook = clock.after(this.#limits.lookMs, () => this.#look());
  }
}

/** Where the streams are asked for. */
export function eventsRoute(streams: Pick<EventStreams, 'begin'>): OfficerStreamRoute {
  return {
    ...{ method: 'GET', path: EVENTS_PATH, roles: WATCHERS, type: EVENTS_TYPE },
    stream: ({ person, query }) => {
      decodeNoSelection(query);
      const stream = streams.begin(person);
      if (stream !== null) return stream;
      const told = `${person.name} has as many streams of events as one may have, or there are too many in all`;
      throw new OfficerRefusal('too-many-streams', told);
    },
  };
}

/** What is in one of them alone. */
function changes(one: ReadonlySet<string>, other: ReadonlySet<string>): string[] {
  return [...[...one].filter((each) => !other.has(each)), ...[...other].filter((each) => !one.has(each))];
}

interface EventStreamOptions {
  readonly clock: Clock;
  readonly limits: EventLimits;
  /** Whether its reader may read warrants. */
  readonly isReader: boolean;
  readonly ended: (why: StreamEnd) => void;
  readonly left: () => void;
}

/** Events of one reader. What the reader does not take waits: of each kind the newest, of warrants each LIID once. */
class EventStream extends Readable {
  readonly #options: EventStreamOptions;
  readonly #timers: Timer[];
  readonly #liids = new Set<string>();
  #system: SystemEvent | null = null;
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
    this.push(EVENTS_HEAD);
    this.#flush();
  }

  tell(system: SystemEvent): void {
    this.#system = system;
    this.#flush();
  }

  tellOf(liid: string): void {
    if (!this.#options.isReader || this.#isTooMuch) return;
    this.#liids.add(liid);
    if (this.#liids.size > this.#options.limits.waiting) {
      this.#liids.clear();
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

  #next(): OfficerEvent | null {
    if (this.#isHeartbeatDue) {
      this.#isHeartbeatDue = false;
      return { event: 'time', data: { time: isoTime(this.#options.clock.now()) } };
    }
    const system = this.#system;
    if (system !== null) {
      this.#system = null;
      return system;
    }
    if (this.#isTooMuch) {
      this.#isTooMuch = false;
      return { event: 'resync', data: {} };
    }
    const [liid] = this.#liids;
    if (liid === undefined) return null;
    this.#liids.delete(liid);
    return { event: 'warrant', data: { liid } };
  }
}
