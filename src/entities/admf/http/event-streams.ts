/**
 * What is told live to those who look at the officers' interface: that something has changed, to each only what their
 * role may read (`wire/officers/events.ts`), within the bounds of `net/event-streams.ts`.
 *
 * The system is looked at every `lookMs` while anybody listens, once for all.
 */
import type { Readable } from 'node:stream';
import type { Clock, Logger, Timer } from '../../../bytes/ports.ts';
import { EVENT_LIMITS, EVENTS_TYPE, PersonStreams } from '../../../net/event-streams.ts';
import type { EventLimits, EventStream, StreamEnd } from '../../../net/event-streams.ts';
import type { Person } from '../../../net/persons.ts';
import { PersonRefusal } from '../../../net/persons-server.ts';
import { EVENTS_PATH } from '../../../wire/officers/events.ts';
import type { OfficerEvent } from '../../../wire/officers/events.ts';
import { decodeNoSelection } from '../../../wire/officers/system.ts';
import type { Admf } from '../admf.ts';
import type { IssueBook } from '../issues.ts';
import { READERS, WATCHERS } from './routes.ts';
import type { OfficerStreamRoute } from './routes.ts';
import { countsOf } from './system-routes.ts';

export const OFFICER_EVENT_LIMITS = { ...EVENT_LIMITS, lookMs: 1_000 };

export type OfficerEventLimits = typeof OFFICER_EVENT_LIMITS;

export interface OfficerEventsOptions {
  readonly admf: Pick<Admf, 'subscribe' | 'list' | 'degraded' | 'elements'>;
  readonly issues: Pick<IssueBook, 'list'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Partial<OfficerEventLimits>;
}

type SystemEvent = Extract<OfficerEvent, { event: 'system' }>;

export class OfficerEvents {
  readonly #options: OfficerEventsOptions;
  readonly #limits: EventLimits & OfficerEventLimits;
  readonly #streams: PersonStreams;
  /** Those whose readers may read warrants. */
  readonly #readers = new WeakSet<EventStream>();
  readonly #unsubscribe: () => void;
  /** The system as it was last seen, in JSON but for the revision; empty: nobody has looked. */
  #seen = '';
  #system: SystemEvent | null = null;
  #revision = 0;
  #degraded: ReadonlySet<string> = new Set();
  #nextLook: Timer | null = null;

  constructor(options: OfficerEventsOptions) {
    this.#options = options;
    this.#limits = { ...OFFICER_EVENT_LIMITS, ...options.limits };
    this.#streams = new PersonStreams({ ...options, limits: this.#limits, idle: () => this.#rest() });
    this.#unsubscribe = options.admf.subscribe(({ warrant }) => this.#tellOf(warrant.liid));
  }

  /** Streams at this time. */
  get open(): number {
    return this.#streams.open;
  }

  /** How many were refused. */
  get refused(): number {
    return this.#streams.refused;
  }

  /** How many were ended from here, by why. */
  get ends(): Readonly<Partial<Record<StreamEnd, number>>> {
    return this.#streams.ends;
  }

  /** The stream of one person; `null`: there are too many. */
  begin(person: Pick<Person, 'name' | 'roles'>): Readable | null {
    const stream = this.#streams.begin(person);
    if (stream === null) return null;
    if (READERS.some((role) => person.roles.includes(role))) this.#readers.add(stream);
    if (this.#nextLook === null) this.#look();
    else if (this.#system !== null) stream.tell(this.#system);
    return stream;
  }

  /** Ends all, and begins none any more. */
  close(): void {
    this.#unsubscribe();
    this.#streams.close();
    this.#rest();
  }

  #rest(): void {
    this.#nextLook?.cancel();
    this.#nextLook = null;
    this.#seen = '';
  }

  #tellOf(liid: string): void {
    for (const stream of this.#streams.all) {
      if (!this.#readers.has(stream)) continue;
      stream.tellOf(liid, { event: 'warrant', data: { liid } });
    }
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
      for (const stream of this.#streams.all) stream.tell(this.#system);
    }
    [this.#seen, this.#degraded] = [seen, degraded];
    this.#nextLook = clock.after(this.#limits.lookMs, () => this.#look());
  }
}

/** Where the streams are asked for. */
export function eventsRoute(streams: Pick<OfficerEvents, 'begin'>): OfficerStreamRoute {
  return {
    ...{ method: 'GET', path: EVENTS_PATH, roles: WATCHERS, type: EVENTS_TYPE },
    stream: ({ person, query }) => {
      decodeNoSelection(query);
      const stream = streams.begin(person);
      if (stream !== null) return stream;
      const told = `${person.name} has as many streams of events as one may have, or there are too many in all`;
      throw new PersonRefusal('too-many-streams', told);
    },
  };
}

/** What is in one of them alone. */
function changes(one: ReadonlySet<string>, other: ReadonlySet<string>): string[] {
  return [...[...one].filter((each) => !other.has(each)), ...[...other].filter((each) => !one.has(each))];
}
