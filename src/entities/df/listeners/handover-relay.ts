/**
 * The way out of a DF whose deliveries are other processes: what commits append to the outboxes of the partitions that this
 * process has is laid into the streams of its destinations, from where those deliver it. It says where destinations are, hears
 * how it is with them and what LEMFs have refused, and tells of that as a handover manager does of its own.
 *
 *     outboxes ──RelayLane──► NAME-hi2, NAME-hi3 ┄┄► StreamedOutbox ─► HandoverManager ──HI2/HI3──► LEMF
 *     X1 ───────────────────► NAME.lemf.DID      ┄┄► addresses
 *     alarms, set aside ◄──── NAME.told.DID, NAME.refused.pdu ◄┄┄
 *
 * Of several processes each says where destinations are, if nobody has yet; alarms and what was refused are those of the one
 * that has the first partition.
 */
import { SharedTroubleLog } from '../../../bytes/trouble-log.ts';
import type { StreamServer } from '../../../storage/jetstream.ts';
import { AlarmBook } from '../handover/alarm-book.ts';
import { BacklogWatch } from '../handover/backlog-watch.ts';
import { HANDOVER_DEFAULTS } from '../handover/ports.ts';
import type { HandoverAddress, WayOut, WayOutOptions } from '../handover/ports.ts';
import type { HandoverOutbox, PassedOn } from '../ports.ts';
import { DestinationAlarms } from './destination-alarms.ts';
import { DestinationTelling } from './destination-telling.ts';
import { handoverHead, lanePlace, OUTBOX_PARTS } from './handover-streams.ts';
import type { HandoverHead, HandoverStreamSettings } from './handover-streams.ts';
import { RefusedReturn } from './refused-return.ts';
import { UNTAKEN } from './relay-lane.ts';
import { RelayedPartition } from './relayed-partition.ts';
import type { RelayedPart } from './relayed-partition.ts';

export interface HandoverRelayOptions extends WayOutOptions {
  /** Of all partitions that are added. */
  readonly outbox: HandoverOutbox;
  readonly server: Pick<StreamServer, 'publish' | 'read' | 'trim' | 'counts' | 'heads' | 'remove' | 'newest'>;
  readonly streams: HandoverStreamSettings & { readonly leaseMs: number };
  /** Has destinations be what any process has acknowledged by now; absent: no other changes them. */
  readonly refreshTasks?: () => Promise<void>;
}

/** For what waits in streams for a destination that is to be removed, in milliseconds; and how often it is looked. */
const LAST_NEWS_MS = 2_000;
const LAST_NEWS_LOOK_MS = 100;
/** Who has it speaks for all. */
const FIRST = 0;

export class HandoverRelay implements WayOut {
  readonly #options: HandoverRelayOptions;
  readonly #addresses = new Map<string, HandoverAddress>();
  readonly #parts = new Map<number, RelayedPartition>();
  /** Those that are another's, until what was under way is settled. */
  readonly #leaving = new Set<RelayedPartition>();
  readonly #alarms: AlarmBook;
  readonly #backlogs: BacklogWatch;
  readonly #telling: DestinationTelling;
  readonly #ofDestinations: DestinationAlarms;
  readonly #untaken: SharedTroubleLog;
  #refused: RefusedReturn | null = null;
  #unsubscribe: (() => void) | null = null;
  #setAside = 0;
  /** PDUs that were laid down of partitions that have gone. */
  #laidBefore = 0;
  #isStopped = false;

  constructor(options: HandoverRelayOptions) {
    this.#options = options;
    const { outbox, server, streams, clock, logger, refreshTasks } = options;
    const settings = { ...HANDOVER_DEFAULTS, ...options.settings };
    this.#alarms = new AlarmBook(options.alarms);
    this.#untaken = new SharedTroubleLog(UNTAKEN, { logger, now: () => clock.now() });
    const isThere = (did: string): boolean => this.#addresses.has(did);
    this.#backlogs = new BacklogWatch({ outbox, alarms: this.#alarms, settings, clock, isThere });
    this.#telling = new DestinationTelling({
      ...{ server, streams, clock, logger },
      list: () => [...this.#addresses.values()],
      refresh: async () => {
        await refreshTasks?.();
        this.refresh();
      },
      // Tasks in files are this process's alone, for as long as nobody else mediates.
      mayTell: () => refreshTasks !== undefined || this.#first?.state !== 'lost',
    });
    this.#ofDestinations = new DestinationAlarms({
      ...{ server, streams, alarms: this.#alarms, alarmAfter: settings.alarmAfter, clock, logger },
      tells: () => this.#first?.state === 'held',
    });
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
    return [...this.#parts.values(), ...this.#leaving].reduce(
      (sum, { laid }) => sum + laid,
      this.#laidBefore,
    );
  }

  /** Why PDUs stay in the outbox now; `null`: they do not, as far as it was tried. */
  get failure(): string | null {
    return [...this.#parts.values()].find(({ failure }) => failure !== null)?.failure ?? null;
  }

  ready(did: string): boolean {
    return this.#addresses.has(did) && this.#ofDestinations.ready(did);
  }

  list(): readonly { readonly address: HandoverAddress; readonly ready: boolean }[] {
    return [...this.#addresses.values()].map((address) => ({ address, ready: this.ready(address.did) }));
  }

  start(): void {
    this.#unsubscribe = this.#options.outbox.onAppend((dids) => {
      for (const did of dids) this.#backlogs.measure(did);
    });
    this.refresh();
    this.#backlogs.start();
    this.#telling.start();
    this.#ofDestinations.start();
  }

  refresh(): void {
    const wanted = new Map(this.#options.destinations.list().map((address) => [address.did, address]));
    for (const did of this.#addresses.keys()) {
      if (wanted.has(did)) continue;
      this.#addresses.delete(did);
      this.#alarms.clear(did, 'backlog');
    }
    for (const [did, address] of wanted) this.#addresses.set(did, address);
    for (const part of this.#parts.values()) part.follow(this.#dids);
    this.#ofDestinations.follow(this.#dids);
    this.#telling.tellSoon();
  }

  /** What is in the outbox of a partition is laid down as well. */
  add(part: RelayedPart): void {
    const { server, streams, clock, logger, setAside, issues } = this.#options;
    const { partition } = part.writer;
    const relayed = new RelayedPartition({ ...part, server, streams, clock, untaken: this.#untaken });
    this.#parts.set(partition, relayed);
    relayed.follow(this.#dids);
    if (partition !== FIRST || this.#isStopped) return;
    this.#refused = new RefusedReturn({
      ...{ server, streams, lease: part.lease, setAside, issues, clock, logger },
      counted: () => {
        this.#setAside++;
      },
    });
  }

  /** It is another's from now on; resolves when what was under way is settled. */
  async remove(partition: number): Promise<void> {
    const part = this.#parts.get(partition);
    this.#parts.delete(partition);
    if (part !== undefined) this.#leaving.add(part);
    const refused = partition === FIRST ? this.#refused : null;
    if (partition === FIRST) this.#refused = null;
    await Promise.all([part?.stop(), refused?.stop()]);
    if (part === undefined) return;
    this.#leaving.delete(part);
    this.#laidBefore += part.laid;
  }

  /** What was laid down of a partition, by whomever. */
  passedOn(partition: number): PassedOn {
    return {
      undelivered: async (liid) => {
        const heads = await this.#headsOf(partition, (head) => head.liid === liid);
        return heads.reduce((sum, { head }) => sum + head.pdus, 0);
      },
      retire: async (liids) => {
        if (liids.size === 0) return;
        for (const { stream, head } of await this.#headsOf(partition, ({ liid }) => liids.has(liid)))
          await this.#options.server.remove(stream, head.number);
      },
    };
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#unsubscribe?.();
    this.#backlogs.stop();
    await Promise.all([
      ...[...this.#parts.keys()].map((partition) => this.remove(partition)),
      this.#telling.stop(),
      this.#ofDestinations.stop(),
    ]);
  }

  told(): Promise<void> {
    this.refresh();
    return this.#telling.told();
  }

  async waitsBeyond(did: string): Promise<boolean> {
    const { clock } = this.#options;
    const end = clock.now() + LAST_NEWS_MS;
    while (await this.#waitsInStreams(did)) {
      // What the LEMF is there to take goes before its destination does.
      if (!this.ready(did) || clock.now() >= end || this.#isStopped) return true;
      await new Promise<void>((resolve) => void clock.after(LAST_NEWS_LOOK_MS, resolve));
    }
    return false;
  }

  /* ---------------------------------------------------------------- helpers */

  get #dids(): ReadonlySet<string> {
    return new Set(this.#addresses.keys());
  }

  get #first(): RelayedPart['lease'] | undefined {
    return this.#parts.get(FIRST)?.lease;
  }

  /** Of calls: the news that a warrant has ended goes all the same. */
  async #headsOf(
    partition: number,
    isWanted: (head: HandoverHead) => boolean,
  ): Promise<{ readonly stream: string; readonly head: HandoverHead }[]> {
    const { server, streams } = this.#options;
    const found: { readonly stream: string; readonly head: HandoverHead }[] = [];
    for (const part of OUTBOX_PARTS) {
      const { stream, subject } = lanePlace(streams, part, '*');
      for (const message of await server.heads(stream, subject)) {
        const head = handoverHead(message);
        if (head === null || head.interface === 'hi1' || !isWanted(head)) continue;
        if ((head.writer?.partition ?? FIRST) === partition) found.push({ stream, head });
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
}
