/**
 * The way out of a DF whose deliveries are other processes: what commits append to the outbox is laid into the streams of its
 * destination, from where those deliver it. It says where destinations are, hears how it is with them and what LEMFs have
 * refused, and tells of that as a handover manager does of its own.
 *
 *     outbox ──RelayLane──► NAME-hi2, NAME-hi3 ┄┄► StreamedOutbox ─► HandoverManager ──HI2/HI3──► LEMF
 *     X1 ─────────────────► NAME.lemf.DID      ┄┄► addresses
 *     alarms, set aside ◄── NAME.told.DID, NAME.refused.pdu ◄┄┄
 */
import { AttemptPauses } from '../../../bytes/back-off.ts';
import { messageOf } from '../../../bytes/errors.ts';
import type { Timer } from '../../../bytes/ports.ts';
import { Tally } from '../../../bytes/tally.ts';
import type { StreamServer } from '../../../storage/jetstream.ts';
import { LeaseWatch } from '../../../storage/lease-watch.ts';
import type { LeaseState } from '../../../storage/stream-lease.ts';
import { StreamFollower } from '../../../storage/stream-follower.ts';
import type { StoredMessage } from '../../../storage/stream-reading.ts';
import { AlarmBook } from '../handover/alarm-book.ts';
import { BacklogWatch } from '../handover/backlog-watch.ts';
import { HANDOVER_DEFAULTS } from '../handover/ports.ts';
import type { HandoverAddress, HandoverSettings, WayOut, WayOutOptions } from '../handover/ports.ts';
import type { Outbox, PassedOn } from '../ports.ts';
import {
  deliveryPlace,
  handoverHead,
  lanePlace,
  lastPartOf,
  lemfNote,
  notePlace,
  OUTBOX_PARTS,
  refusedHandoverPlace,
  refusedOf,
  toldNoteOf,
} from './handover-streams.ts';
import type { HandoverHead, HandoverStreamSettings } from './handover-streams.ts';
import { RelayLane } from './relay-lane.ts';

export interface HandoverRelayOptions extends WayOutOptions {
  readonly outbox: Outbox;
  readonly server: Pick<StreamServer, 'publish' | 'read' | 'trim' | 'counts' | 'heads' | 'remove'>;
  readonly streams: HandoverStreamSettings & { readonly leaseMs: number };
  /** Of the mediation. */
  readonly lease: { readonly state: LeaseState };
}

/** What is known of a destination. */
interface Destination {
  readonly address: HandoverAddress;
  readonly lanes: readonly RelayLane[];
  /** Whether who delivers to it says that its LEMF takes PDUs. */
  saysReady: boolean;
  /** Since when nobody delivers to it, Unix milliseconds; `null`: somebody does. */
  unservedSince: number | null;
}

/** How often it is looked who delivers, in milliseconds. */
const LOOK_MS = 500;
/** For what waits in streams for a destination that is to be removed, in milliseconds; and how often it is looked. */
const LAST_NEWS_MS = 2_000;
const LAST_NEWS_LOOK_MS = 100;
/** How long X1 waits until a destination can be known to those who deliver. */
const TELLING_MS = 5_000;
/** Milliseconds between attempts. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 2_000;

export class HandoverRelay implements WayOut, PassedOn {
  readonly #options: HandoverRelayOptions;
  readonly #handoverSettings: HandoverSettings;
  readonly #destinations = new Map<string, Destination>();
  readonly #alarms: AlarmBook;
  readonly #backlogs: BacklogWatch;
  readonly #tally = new Tally();
  readonly #tellingPauses: AttemptPauses;
  readonly #refusedPauses: AttemptPauses;
  /** Notes that are in the stream, of where destinations are; empty: it is not known what is said of it. */
  readonly #toldOf = new Map<string, string>();
  #hasLooked = false;
  #telling: Promise<void> | null = null;
  #followers: StreamFollower[] = [];
  #leases: LeaseWatch | null = null;
  #timer: Timer | null = null;
  #unsubscribe: (() => void) | null = null;
  #setAside = 0;
  #isStopped = false;

  constructor(options: HandoverRelayOptions) {
    this.#options = options;
    const { outbox, clock } = options;
    this.#handoverSettings = { ...HANDOVER_DEFAULTS, ...options.settings };
    this.#alarms = new AlarmBook(options.alarms);
    const isThere = (did: string): boolean => this.#destinations.has(did);
    const settings = this.#handoverSettings;
    this.#backlogs = new BacklogWatch({ outbox, alarms: this.#alarms, settings, clock, isThere });
    this.#tellingPauses = new AttemptPauses(clock, FIRST_PAUSE, LONGEST_PAUSE);
    this.#refusedPauses = new AttemptPauses(clock, FIRST_PAUSE, LONGEST_PAUSE);
  }

  get congested(): boolean {
    return this.#alarms.with('backlog').length > 0;
  }

  get setAside(): number {
    return this.#setAside;
  }

  /** Who delivers counts them. */
  get unacknowledged(): number {
    return 0;
  }

  /** PDUs that were laid into streams. */
  get laid(): number {
    return this.#lanes().reduce((sum, { laid }) => sum + laid, 0);
  }

  /** Why PDUs stay in the outbox now; `null`: they do not, as far as it was tried. */
  get failure(): string | null {
    return this.#lanes().find(({ failure }) => failure !== null)?.failure ?? null;
  }

  ready(did: string): boolean {
    const destination = this.#destinations.get(did);
    return destination !== undefined && isReady(destination);
  }

  list(): readonly { readonly address: HandoverAddress; readonly ready: boolean }[] {
    return [...this.#destinations.values()].map((one) => ({ address: one.address, ready: isReady(one) }));
  }

  start(): void {
    const { outbox, server, streams } = this.#options;
    this.#unsubscribe = outbox.onAppend((dids) => {
      for (const did of dids) {
        for (const lane of this.#destinations.get(did)?.lanes ?? []) lane.wake();
        this.#backlogs.measure(did);
      }
    });
    const { stream, subject } = deliveryPlace(streams, '*');
    this.#leases = new LeaseWatch({ server, stream, subjects: subject, ttlMs: streams.leaseMs });
    this.refresh();
    this.#backlogs.start();
    const told = notePlace(streams, 'told', '*');
    const refused = refusedHandoverPlace(streams);
    this.#followers = [
      new StreamFollower(server.read(told.stream, told.subject, 0), (message) => this.#heard(message)),
      new StreamFollower(server.read(refused.stream, refused.subject, 0), (message) =>
        this.#refused(message),
      ),
    ];
    this.#lookSoon();
  }

  refresh(): void {
    const wanted = new Map(this.#options.destinations.list().map((address) => [address.did, address]));
    for (const [did, { lanes }] of this.#destinations) {
      if (wanted.has(did)) continue;
      this.#destinations.delete(did);
      for (const lane of lanes) void lane.stop();
      for (const cause of ['told', 'unserved', 'backlog'] as const) this.#alarms.clear(did, cause);
    }
    for (const [did, address] of wanted) {
      const known = this.#destinations.get(did);
      const lanes = known?.lanes ?? OUTBOX_PARTS.map((part) => new RelayLane(did, part, this.#options));
      const { saysReady = false, unservedSince = null } = known ?? {};
      this.#destinations.set(did, { address, lanes, saysReady, unservedSince });
      for (const lane of lanes) lane.wake();
    }
    this.#tellSoon();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#unsubscribe?.();
    this.#backlogs.stop();
    this.#timer?.cancel();
    this.#tellingPauses.end();
    this.#refusedPauses.end();
    await Promise.all([
      ...this.#lanes().map((lane) => lane.stop()),
      ...this.#followers.map((follower) => follower.stop()),
      this.#leases?.stop(),
      this.#telling,
    ]);
  }

  async told(): Promise<void> {
    this.refresh();
    const { clock } = this.#options;
    const end = clock.now() + TELLING_MS;
    while (this.#untold().length > 0) {
      if (this.#isStopped || clock.now() >= end)
        throw new Error('those who deliver could not be told of it for now');
      await this.#wait(FIRST_PAUSE);
    }
  }

  async waitsBeyond(did: string): Promise<boolean> {
    const { clock } = this.#options;
    const end = clock.now() + LAST_NEWS_MS;
    while (await this.#waitsInStreams(did)) {
      // What the LEMF is there to take goes before its destination does.
      if (!this.ready(did) || clock.now() >= end || this.#isStopped) return true;
      await this.#wait(LAST_NEWS_LOOK_MS);
    }
    return false;
  }

  async undelivered(liid: string): Promise<number> {
    const heads = await this.#headsOf((head) => head.liid === liid);
    return heads.reduce((sum, { head }) => sum + head.pdus, 0);
  }

  async retire(liids: ReadonlySet<string>): Promise<void> {
    if (liids.size === 0) return;
    const { server } = this.#options;
    for (const { stream, head } of await this.#headsOf(({ liid }) => liids.has(liid)))
      await server.remove(stream, head.number);
  }

  /* ---------------------------------------------------------------- streams */

  /** Of calls: the news that a warrant has ended goes all the same. */
  async #headsOf(
    isWanted: (head: HandoverHead) => boolean,
  ): Promise<{ readonly stream: string; readonly head: HandoverHead }[]> {
    const { server, streams } = this.#options;
    const found: { readonly stream: string; readonly head: HandoverHead }[] = [];
    for (const part of OUTBOX_PARTS) {
      const { stream, subject } = lanePlace(streams, part, '*');
      for (const message of await server.heads(stream, subject)) {
        const head = handoverHead(message);
        if (head !== null && head.interface !== 'hi1' && isWanted(head)) found.push({ stream, head });
      }
    }
    return found;
  }

  async #waitsInStreams(did: string): Promise<boolean> {
    const { server, streams } = this.#options;
    for (const part of OUTBOX_PARTS) {
      const { stream, subject } = lanePlace(streams, part, did);
      if ((await server.counts(stream, subject)).size > 0) return true;
    }
    return false;
  }

  #lanes(): RelayLane[] {
    return [...this.#destinations.values()].flatMap(({ lanes }) => lanes);
  }

  /* ------------------------------------------------------------------ notes */

  /** Notes that are not in the stream, of what is and of what is not any more. */
  #untold(): { readonly did: string; readonly address: HandoverAddress | null; readonly note: string }[] {
    const dids = new Set([...this.#destinations.keys(), ...this.#toldOf.keys()]);
    return [...dids].flatMap((did) => {
      const address = this.#destinations.get(did)?.address ?? null;
      const note = JSON.stringify(address);
      return this.#toldOf.get(did) === note ? [] : [{ did, address, note }];
    });
  }

  #tellSoon(): void {
    if (this.#isStopped) return;
    this.#telling ??= this.#tell().finally(() => {
      this.#telling = null;
      if (this.#untold().length > 0 && this.#options.lease.state !== 'lost') this.#tellSoon();
    });
  }

  async #tell(): Promise<void> {
    const { server, streams, lease, logger } = this.#options;
    await this.#lookWhatIsTold();
    for (let untold = this.#untold(); untold.length > 0 && !this.#isStopped; untold = this.#untold()) {
      if (lease.state === 'lost') return;
      try {
        for (const { did, address, note } of untold) {
          const { stream, subject } = notePlace(streams, 'lemf', did);
          await server.publish(stream, subject, lemfNote(address));
          if (address === null) this.#toldOf.delete(did);
          else this.#toldOf.set(did, note);
        }
        this.#tellingPauses.reset();
      } catch (error) {
        logger.warn({ reason: messageOf(error) }, 'those who deliver cannot be told of destinations for now');
        await this.#tellingPauses.wait();
      }
    }
  }

  /** Of what an earlier process has said and what is not so any more. */
  async #lookWhatIsTold(): Promise<void> {
    const { server, streams, logger } = this.#options;
    const { stream, subject } = notePlace(streams, 'lemf', '*');
    while (!this.#hasLooked && !this.#isStopped) {
      try {
        for (const told of (await server.counts(stream, subject)).keys()) {
          const did = lastPartOf({ subject: told });
          if (!this.#toldOf.has(did)) this.#toldOf.set(did, '');
        }
        this.#hasLooked = true;
      } catch (error) {
        logger.warn({ reason: messageOf(error) }, 'what is said of destinations cannot be read for now');
        await this.#tellingPauses.wait();
      }
    }
  }

  #heard(message: StoredMessage): void {
    const did = lastPartOf(message);
    const destination = this.#destinations.get(did);
    const told = toldNoteOf(message);
    if (destination === undefined || told === null) return;
    destination.saysReady = told.ready;
    if (told.problem === null) this.#alarms.clear(did, 'told');
    else this.#alarms.raise(did, 'told', told.problem);
  }

  #lookSoon(): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.clock.after(LOOK_MS, () => {
      for (const [did, destination] of this.#destinations) this.#lookWhoServes(did, destination);
      this.#lookSoon();
    });
  }

  #lookWhoServes(did: string, destination: Destination): void {
    const { streams, clock } = this.#options;
    const holder = this.#leases?.of(deliveryPlace(streams, did).subject).holder ?? null;
    if (holder !== null) {
      destination.unservedSince = null;
      this.#alarms.clear(did, 'unserved');
      return;
    }
    destination.unservedSince ??= clock.now();
    if (clock.now() - destination.unservedSince >= this.#handoverSettings.alarmAfter)
      this.#alarms.raise(did, 'unserved', 'no process delivers to this destination');
  }

  /** Sets aside what a LEMF refused; tries until it is done, or it is to stop. */
  async #refused(message: StoredMessage): Promise<void> {
    const { setAside, clock, lease, logger, server, streams } = this.#options;
    const refused = refusedOf(message);
    const pauses = this.#refusedPauses;
    let isSetAside = false;
    while (!this.#isStopped && lease.state !== 'lost') {
      try {
        if (lease.state === 'held') {
          if (refused !== null) {
            const { did, liid, reference, reason } = refused;
            await setAside?.keep(
              { reference, did, subject: liid, reason, octets: message.octets },
              clock.now(),
            );
          }
          const { stream, subject } = refusedHandoverPlace(streams);
          await server.trim(stream, subject, message.number);
          pauses.reset();
          isSetAside = true;
          break;
        }
      } catch (error) {
        logger.error(
          { reason: messageOf(error) },
          'a PDU that a LEMF refused could not be set aside for now',
        );
      }
      await pauses.wait();
    }
    // Else whoever mediates next does, and tells.
    if (refused !== null && isSetAside) this.#tellRefused(refused, message.octets.length);
  }

  #tellRefused(
    { did, liid, reference, reason }: NonNullable<ReturnType<typeof refusedOf>>,
    octets: number,
  ): void {
    const { issues, logger } = this.#options;
    this.#setAside++;
    logger.error({ did, liid, octets, reason }, 'a PDU was refused and is set aside');
    if (reference !== 'hi1') issues?.setAsideOf?.(liid, did);
    const count = this.#tally.count(liid);
    if (count === null) return;
    const what = `${reference.toUpperCase()} PDU of ${octets} octets to ${did}`;
    issues?.elementIssue(`${what} is set aside: ${reason} (${count} of this LIID)`);
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.after(ms, resolve));
  }
}

function isReady({ saysReady, unservedSince }: Destination): boolean {
  return saysReady && unservedSince === null;
}
