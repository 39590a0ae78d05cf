/**
 * How it is with destinations, as those who deliver to them say. Of several processes that mediate all know it, and one raises
 * and clears the alarms: the one that has the first partition of the calls. What it has raised it notes in `NAME.raised.DID`,
 * for whoever has that partition next: so each alarm is raised once and cleared once, but where a process dies in between.
 */
import { messageOf } from '../../../bytes/errors.ts';
import type { Clock, Logger, Timer } from '../../../bytes/ports.ts';
import { TroubleLog } from '../../../bytes/trouble-log.ts';
import type { StreamServer } from '../../../storage/jetstream.ts';
import { LeaseWatch } from '../../../storage/lease-watch.ts';
import { StreamFollower } from '../../../storage/stream-follower.ts';
import type { AlarmBook } from '../handover/alarm-book.ts';
import {
  deliveryPlace,
  lastPartOf,
  notePlace,
  raisedNote,
  raisedNoteOf,
  toldNoteOf,
} from './handover-streams.ts';
import type { DestinationTold, RaisedAlarms } from './handover-streams.ts';

export interface DestinationAlarmsOptions {
  readonly server: Pick<StreamServer, 'publish' | 'read' | 'counts' | 'newest'>;
  readonly streams: { readonly name: string; readonly leaseMs: number };
  readonly alarms: AlarmBook;
  /** Whether it is here that alarms are raised. */
  readonly tells: () => boolean;
  /** Nobody delivers for so long: that is an alarm. Milliseconds. */
  readonly alarmAfter: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How often it is looked who delivers, in milliseconds. */
const LOOK_MS = 500;
const UNNOTED = {
  begins: 'what is raised of destinations cannot be noted for now',
  over: 'what is raised of destinations is noted again',
} as const;
const CAUSES = ['told', 'unserved'] as const;
const NONE: RaisedAlarms = { told: false, unserved: false };

export class DestinationAlarms {
  readonly #options: DestinationAlarmsOptions;
  #dids: ReadonlySet<string> = new Set();
  readonly #told = new Map<string, DestinationTold>();
  /** Since when nobody delivers, Unix milliseconds. */
  readonly #unservedSince = new Map<string, number>();
  /** What the stream says is raised. */
  readonly #noted = new Map<string, RaisedAlarms>();
  readonly #trouble: TroubleLog;
  #isTelling = false;
  #leases: LeaseWatch | null = null;
  #follower: StreamFollower | null = null;
  #timer: Timer | null = null;
  #looking: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: DestinationAlarmsOptions) {
    this.#options = options;
    const { clock, logger } = options;
    this.#trouble = new TroubleLog(UNNOTED, { logger, now: () => clock.now() });
  }

  start(): void {
    const { server, streams } = this.#options;
    const leases = deliveryPlace(streams, '*');
    this.#leases = new LeaseWatch({
      ...{ server, stream: leases.stream, subjects: leases.subject, ttlMs: streams.leaseMs },
    });
    const { stream, subject } = notePlace(streams, 'told', '*');
    this.#follower = new StreamFollower(server.read(stream, subject, 0), (message) => {
      const did = lastPartOf(message);
      const told = toldNoteOf(message);
      if (told === null) return;
      this.#told.set(did, told);
      if (this.#isTelling && this.#options.tells() && this.#dids.has(did)) this.#judge(did);
    });
    this.#lookSoon();
  }

  /** What destinations there are now. */
  follow(dids: ReadonlySet<string>): void {
    for (const did of this.#dids) {
      if (dids.has(did)) continue;
      this.#told.delete(did);
      this.#unservedSince.delete(did);
      this.#clear(did);
    }
    this.#dids = dids;
  }

  /** Whether somebody delivers to it and says that its LEMF takes PDUs. */
  ready(did: string): boolean {
    return (this.#told.get(did)?.ready ?? false) && !this.#unservedSince.has(did);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await Promise.all([this.#looking, this.#follower?.stop(), this.#leases?.stop()]);
  }

  #lookSoon(): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.clock.after(LOOK_MS, () => {
      this.#looking = this.#look()
        .then(
          () => this.#trouble.worked(),
          (error: unknown) => this.#trouble.failed({ reason: messageOf(error) }),
        )
        .finally(() => this.#lookSoon());
    });
  }

  async #look(): Promise<void> {
    for (const did of this.#dids) this.#lookWhoServes(did);
    if (!this.#options.tells()) {
      this.#giveUp();
      return;
    }
    if (!this.#isTelling) await this.#takeOver();
    if (!this.#options.tells()) return;
    for (const did of this.#dids) this.#judge(did);
    await this.#note();
  }

  #lookWhoServes(did: string): void {
    const { streams, clock } = this.#options;
    const holder = this.#leases?.of(deliveryPlace(streams, did).subject).holder ?? null;
    if (holder !== null) this.#unservedSince.delete(did);
    else if (!this.#unservedSince.has(did)) this.#unservedSince.set(did, clock.now());
  }

  /** What whoever told before has raised is to be cleared here. */
  async #takeOver(): Promise<void> {
    const { server, streams, alarms } = this.#options;
    const { stream, subject } = notePlace(streams, 'raised', '*');
    const said = [...(await server.counts(stream, subject)).keys()];
    for (const message of await Promise.all(said.map((each) => server.newest(stream, each)))) {
      const raised = message === null ? null : raisedNoteOf(message);
      if (message === null || raised === null) continue;
      const did = lastPartOf(message);
      this.#noted.set(did, raised);
      for (const cause of CAUSES) if (raised[cause]) alarms.assume(did, cause);
      // It was removed while nobody told.
      if (!this.#dids.has(did) && this.#options.tells()) this.#clear(did);
    }
    this.#isTelling = true;
  }

  /** It is not a destination any more. */
  #clear(did: string): void {
    for (const cause of CAUSES) this.#options.alarms.clear(did, cause);
  }

  #giveUp(): void {
    if (!this.#isTelling) return;
    this.#isTelling = false;
    for (const did of new Set([...this.#dids, ...this.#noted.keys()]))
      for (const cause of CAUSES) this.#options.alarms.forget(did, cause);
    this.#noted.clear();
  }

  #judge(did: string): void {
    const { alarms, alarmAfter, clock } = this.#options;
    const problem = this.#told.get(did)?.problem ?? null;
    if (problem === null) alarms.clear(did, 'told');
    else alarms.raise(did, 'told', problem);
    const since = this.#unservedSince.get(did);
    if (since === undefined) alarms.clear(did, 'unserved');
    else if (clock.now() - since >= alarmAfter)
      alarms.raise(did, 'unserved', 'no process delivers to this destination');
  }

  async #note(): Promise<void> {
    const { server, streams, alarms, tells } = this.#options;
    for (const did of new Set([...this.#dids, ...this.#noted.keys()])) {
      const raised = { told: alarms.has(did, 'told'), unserved: alarms.has(did, 'unserved') };
      const { told, unserved } = this.#noted.get(did) ?? NONE;
      if (raised.told === told && raised.unserved === unserved) continue;
      if (!tells()) return;
      const { stream, subject } = notePlace(streams, 'raised', did);
      await server.publish(stream, subject, raisedNote(raised));
      this.#noted.set(did, raised);
    }
  }
}
