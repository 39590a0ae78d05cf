/**
 * The outbox of a process that delivers: of each destination that is its own, what others have laid into its streams. What
 * the LEMF has acknowledged is removed from them a little later; what was not removed when the process ended goes out again,
 * and the LEMF knows it by its numbers. What is read and not acknowledged is in memory, within bounds.
 *
 * Only who has the destination removes. That is for order: what is removed was acknowledged, whoever does it.
 */
import type { Timer } from '../../../bytes/ports.ts';
import { SharedTroubleLog } from '../../../bytes/trouble-log.ts';
import { decodePsPdu } from '../../../wire/hi/ps-pdu.ts';
import { NO_CIN } from '../ports.ts';
import type { Amount, HandoverOutbox, OutboxAppend, OutboxEntry, OutboxPart } from '../ports.ts';
import { OUTBOX_PARTS } from './handover-streams.ts';
import type { HandoverHead } from './handover-streams.ts';
import { StreamedLane } from './streamed-lane.ts';
import type { LaidMessage, LaneMemory, LaneTroubles, StreamedLaneOptions } from './streamed-lane.ts';

export type StreamedOutboxOptions = StreamedLaneOptions;

/** Milliseconds between removals. */
const TRIM_MS = 500;
/** What was read so long ago is read anew when a connection begins, in milliseconds: some of it may have been removed. */
const STALE_MS = 60_000;
const UNREMOVED = {
  begins: 'what a LEMF has acknowledged could not be removed from its stream for now',
  over: 'what LEMFs have acknowledged is removed from its streams again',
} as const;
const NOT_SET_ASIDE = {
  begins: 'what is not understood could not be set aside for now',
  over: 'what is not understood is set aside again',
  level: 'error',
} as const;

export class StreamedOutbox implements HandoverOutbox {
  readonly #options: StreamedOutboxOptions;
  readonly #troubles: LaneTroubles;
  readonly #destinations = new Map<string, StreamedDestination>();
  readonly #listeners = new Set<(dids: ReadonlySet<string>) => void>();
  #timer: Timer | null = null;
  #trimming: Promise<void> = Promise.resolve();
  #isStopped = false;
  #passedOver = 0;

  constructor(options: StreamedOutboxOptions) {
    this.#options = options;
    const { clock, logger } = options;
    const log = { logger, now: () => clock.now() };
    this.#troubles = {
      unremoved: new SharedTroubleLog(UNREMOVED, log),
      notSetAside: new SharedTroubleLog(NOT_SET_ASIDE, log),
    };
    this.#later();
  }

  /** PDUs that whoever had lost their calls laid down late: who has the calls now lays them down itself. */
  get passedOver(): number {
    return this.#passedOver;
  }

  /** Begins to read what waits for a destination. */
  open(did: string): void {
    if (this.#destinations.has(did) || this.#isStopped) return;
    const tell = (): void => {
      for (const listener of this.#listeners) listener(new Set([did]));
    };
    const passedOver = (pdus: number): void => void (this.#passedOver += pdus);
    this.#destinations.set(
      did,
      new StreamedDestination(did, this.#options, { tell, passedOver, troubles: this.#troubles }),
    );
  }

  /** Has nothing to do with a destination any more; resolves when what was acknowledged is removed, or cannot be. */
  async close(did: string): Promise<void> {
    const destination = this.#destinations.get(did);
    this.#destinations.delete(did);
    await destination?.close();
  }

  async pending(did: string, after: number, limit: number): Promise<OutboxEntry[]> {
    const destination = this.#destinations.get(did);
    if (destination === undefined) return [];
    if (after === 0) await destination.readAnewIfStale();
    return destination.pending(after, limit);
  }

  acknowledge(did: string, upTo: number, after = 0): Promise<void> {
    this.#destinations.get(did)?.acknowledge(upTo, after);
    return Promise.resolve();
  }

  /** What of it is in memory. */
  waiting(did: string): Amount {
    return this.#destinations.get(did)?.waiting ?? { count: 0, octets: 0 };
  }

  destinations(): string[] {
    return [...this.#destinations].flatMap(([did, { waiting }]) => (waiting.count > 0 ? [did] : []));
  }

  onAppend(listener: (dids: ReadonlySet<string>) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#trimming;
    await Promise.all([...this.#destinations.keys()].map((did) => this.close(did)));
  }

  #later(): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.clock.after(TRIM_MS, () => {
      this.#trimming = this.#trim().finally(() => this.#later());
    });
  }

  async #trim(): Promise<void> {
    for (const destination of this.#destinations.values()) await destination.trim();
  }
}

interface DestinationEvents {
  /** Something has come. */
  readonly tell: () => void;
  /** So many PDUs do not count. */
  readonly passedOver: (pdus: number) => void;
  readonly troubles: LaneTroubles;
}

/** What waits for one destination. */
class StreamedDestination {
  readonly #did: string;
  readonly #options: StreamedOutboxOptions;
  readonly #events: DestinationEvents;
  readonly #memories = OUTBOX_PARTS.map((part): readonly [OutboxPart, LaneMemory] => [
    part,
    { writers: new Map(), passedUpTo: 0 },
  ]);
  /** By position. */
  #entries: StreamedEntry[] = [];
  #octets = 0;
  #position = 0;
  #lanes: readonly StreamedLane[];
  #reading: Promise<void> | null = null;
  #isClosed = false;

  constructor(did: string, options: StreamedOutboxOptions, events: DestinationEvents) {
    this.#did = did;
    this.#options = options;
    this.#events = events;
    this.#lanes = this.#openLanes();
  }

  get waiting(): Amount {
    return { count: this.#entries.length, octets: this.#octets };
  }

  pending(after: number, limit: number): OutboxEntry[] {
    const from = this.#indexAfter(after);
    return this.#entries.slice(from, from + limit);
  }

  acknowledge(upTo: number, after: number): void {
    const from = this.#indexAfter(after);
    const gone = this.#entries.splice(from, this.#indexAfter(upTo) - from);
    for (const { octets, message, lane } of gone) {
      this.#octets -= octets.length;
      lane.done(message, octets.length);
    }
  }

  /** Of what was read long ago some may have been removed: it is not handed over any more. */
  readAnewIfStale(): Promise<void> {
    const [first] = this.#entries;
    if (first !== undefined && this.#options.clock.now() - first.message.since > STALE_MS)
      this.#reading ??= this.#readAnew().finally(() => (this.#reading = null));
    return this.#reading ?? Promise.resolve();
  }

  async trim(): Promise<void> {
    for (const lane of this.#lanes) await lane.trim();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#reading;
    await this.#closeLanes();
  }

  async #readAnew(): Promise<void> {
    await this.#closeLanes();
    this.#entries = [];
    this.#octets = 0;
    if (!this.#isClosed) this.#lanes = this.#openLanes();
  }

  async #closeLanes(): Promise<void> {
    for (const lane of this.#lanes) await lane.close();
  }

  #openLanes(): readonly StreamedLane[] {
    return this.#memories.map(
      ([part, memory]) =>
        new StreamedLane(this.#did, part, this.#options, {
          memory,
          loaded: (lane, message, head, pdus) => this.#add(lane, message, head, pdus),
          passedOver: this.#events.passedOver,
          troubles: this.#events.troubles,
        }),
    );
  }

  #add(
    lane: StreamedLane,
    message: LaidMessage,
    { liid, interface: reference }: HandoverHead,
    pdus: readonly Uint8Array[],
  ): void {
    for (const octets of pdus) {
      const position = ++this.#position;
      this.#entries.push(
        new StreamedEntry({ did: this.#did, interface: reference, liid, position, octets, message, lane }),
      );
      this.#octets += octets.length;
    }
    this.#events.tell();
  }

  /** Of the first entry after a position. */
  #indexAfter(position: number): number {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle]?.position ?? 0) > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

interface StreamedEntryParts extends Pick<OutboxEntry, 'did' | 'interface' | 'liid' | 'position' | 'octets'> {
  readonly message: LaidMessage;
  readonly lane: StreamedLane;
}

/** Numbers are read where they are asked for: what is delivered is not looked into. */
class StreamedEntry implements OutboxEntry {
  readonly did: string;
  readonly interface: OutboxAppend['interface'];
  readonly liid: string;
  readonly position: number;
  readonly octets: Uint8Array;
  readonly message: LaidMessage;
  readonly lane: StreamedLane;

  constructor(parts: StreamedEntryParts) {
    this.did = parts.did;
    this.interface = parts.interface;
    this.liid = parts.liid;
    this.position = parts.position;
    this.octets = parts.octets;
    this.message = parts.message;
    this.lane = parts.lane;
  }

  get cin(): number {
    return decodePsPdu(this.octets).header.cin ?? NO_CIN;
  }

  get sequenceNumber(): number {
    return decodePsPdu(this.octets).header.sequenceNumber;
  }
}
