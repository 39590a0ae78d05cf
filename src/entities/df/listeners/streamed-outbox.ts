/**
 * The outbox of a process that delivers: of each destination that is its own, what others have laid into its streams. What
 * the LEMF has acknowledged is removed from them a little later; what was not removed when the process ended goes out again,
 * and the LEMF knows it by its numbers. What is read and not acknowledged is in memory, within bounds.
 *
 * Only who has the destination removes. That is for order: what is removed was acknowledged, whoever does it.
 */
import { AttemptPauses } from '../../../bytes/back-off.ts';
import { messageOf } from '../../../bytes/errors.ts';
import type { Clock, Logger, Timer } from '../../../bytes/ports.ts';
import { SharedTroubleLog } from '../../../bytes/trouble-log.ts';
import type { StreamServer } from '../../../storage/jetstream.ts';
import { StreamFollower } from '../../../storage/stream-follower.ts';
import type { StoredMessage } from '../../../storage/stream-reading.ts';
import { decodePsPdu } from '../../../wire/hi/ps-pdu.ts';
import { NO_CIN } from '../ports.ts';
import type { Amount, HandoverOutbox, OutboxAppend, OutboxEntry, OutboxPart } from '../ports.ts';
import { handoverHead, isBefore, lanePlace, OUTBOX_PARTS, psPdusOf } from './handover-streams.ts';
import type { HandoverHead, HandoverWriter, RefusedHandover } from './handover-streams.ts';
import type { PduPlace } from './pdu-streams.ts';

export interface StreamedOutboxOptions {
  readonly server: Pick<StreamServer, 'read' | 'trim'>;
  readonly settings: { readonly name: string };
  /** Whether this process has that destination now. */
  readonly holds: (did: string) => boolean;
  /** Sets aside what is not made of PDUs; resolves when it is durable. */
  readonly refuse: (refused: RefusedHandover, octets: Uint8Array) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Octets of one part of what waits for a destination that are in memory, at most; a message more. */
const MOST_LOADED = 8 << 20;
/** Milliseconds between removals; so many messages are not kept for the next one. */
const TRIM_MS = 500;
const TRIM_AT_ONCE = 8;
/** What was read so long ago is read anew when a connection begins, in milliseconds: some of it may have been removed. */
const STALE_MS = 60_000;
/** Milliseconds between attempts to set aside what is not understood. */
const FIRST_PAUSE = 200;
const LONGEST_PAUSE = 5_000;

const UNREMOVED = {
  begins: 'what a LEMF has acknowledged could not be removed from its stream for now',
  over: 'what LEMFs have acknowledged is removed from its streams again',
} as const;
const NOT_SET_ASIDE = {
  begins: 'what is not understood could not be set aside for now',
  over: 'what is not understood is set aside again',
  level: 'error',
} as const;

/** What may go wrong again and again, of all destinations. */
interface Troubles {
  readonly unremoved: SharedTroubleLog;
  readonly notSetAside: SharedTroubleLog;
}

export class StreamedOutbox implements HandoverOutbox {
  readonly #options: StreamedOutboxOptions;
  readonly #troubles: Troubles;
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
  readonly troubles: Troubles;
}

/** What waits for one destination. */
class StreamedDestination {
  readonly #did: string;
  readonly #options: StreamedOutboxOptions;
  readonly #events: DestinationEvents;
  /** Of each part, who was the last to have each partition: kept while it is read anew. */
  readonly #writers = new Map(OUTBOX_PARTS.map((part) => [part, new Map<number, SeenWriter>()]));
  /** By position. */
  #entries: StreamedEntry[] = [];
  #octets = 0;
  #position = 0;
  #lanes: readonly Lane[];
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

  #openLanes(): readonly Lane[] {
    return OUTBOX_PARTS.map(
      (part) =>
        new Lane(this.#did, part, this.#options, {
          writers: this.#writers.get(part) ?? new Map<number, SeenWriter>(),
          loaded: (lane, message, head, pdus) => this.#add(lane, message, head, pdus),
          passedOver: this.#events.passedOver,
          troubles: this.#events.troubles,
        }),
    );
  }

  #add(
    lane: Lane,
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

/** A message of which something is not acknowledged. */
interface LaidMessage {
  readonly number: number;
  /** When it was read, Unix milliseconds. */
  readonly since: number;
  /** PDUs of it that are not acknowledged. */
  left: number;
}

type LoadedListener = (
  lane: Lane,
  message: LaidMessage,
  head: HandoverHead,
  pdus: readonly Uint8Array[],
) => void;

/** Who has laid something down of a partition, and the number of the first message that was seen of it. */
interface SeenWriter {
  readonly writer: HandoverWriter;
  readonly from: number;
}

interface LaneParts extends Pick<DestinationEvents, 'passedOver' | 'troubles'> {
  /** By partition. */
  readonly writers: Map<number, SeenWriter>;
  readonly loaded: LoadedListener;
}

/** One part of what waits for a destination, as it is read. */
class Lane {
  readonly #did: string;
  readonly #place: PduPlace;
  readonly #options: StreamedOutboxOptions;
  readonly #parts: LaneParts;
  readonly #follower: StreamFollower;
  readonly #pauses: AttemptPauses;
  /** The oldest first. */
  readonly #messages: LaidMessage[] = [];
  #octets = 0;
  /** Up to which message all is acknowledged, and removed. */
  #done = 0;
  #trimmed = 0;
  /** Messages that were done with since the last removal. */
  #settled = 0;
  #trimming: Promise<void> | null = null;
  #isClosed = false;
  #drained: (() => void) | null = null;

  constructor(did: string, part: OutboxPart, options: StreamedOutboxOptions, parts: LaneParts) {
    this.#did = did;
    this.#place = lanePlace(options.settings, part, did);
    this.#options = options;
    this.#parts = parts;
    this.#pauses = new AttemptPauses(options.clock, FIRST_PAUSE, LONGEST_PAUSE);
    const reading = options.server.read(this.#place.stream, this.#place.subject, 0);
    this.#follower = new StreamFollower(reading, (message) => this.#take(message));
  }

  /** A PDU of a message is acknowledged. */
  done(message: LaidMessage, octets: number): void {
    message.left -= 1;
    this.#octets -= octets;
    if (message.left === 0) this.#settle();
    if (this.#octets < MOST_LOADED) this.#drained?.();
  }

  /** Removes what is acknowledged. */
  trim(): Promise<void> {
    this.#trimming ??= this.#trim().finally(() => (this.#trimming = null));
    return this.#trimming;
  }

  async #trim(): Promise<void> {
    const { server, holds } = this.#options;
    const { unremoved } = this.#parts.troubles;
    const done = this.#done;
    if (done === this.#trimmed || !holds(this.#did)) return;
    this.#settled = 0;
    try {
      await server.trim(this.#place.stream, this.#place.subject, done);
      this.#trimmed = done;
      unremoved.worked(this);
    } catch (error) {
      unremoved.failed(this, { did: this.#did, reason: messageOf(error) });
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#pauses.end();
    this.#drained?.();
    await this.#follower.stop();
    await this.#trimming;
    await this.trim();
    const { unremoved, notSetAside } = this.#parts.troubles;
    for (const trouble of [unremoved, notSetAside]) trouble.gone(this);
  }

  async #take(message: StoredMessage): Promise<void> {
    const { number, octets } = message;
    const laid: LaidMessage = { number, since: this.#options.clock.now(), left: 1 };
    this.#messages.push(laid);
    const head = handoverHead(message);
    if (head !== null && this.#isLate(head)) {
      this.#parts.passedOver(head.pdus);
      laid.left = 0;
      this.#settle();
      return;
    }
    const pdus = head === null ? null : wholePdus(octets);
    if (head === null || pdus === null) {
      if (!(await this.#refused(head, octets))) return;
      laid.left = 0;
      this.#settle();
      return;
    }
    laid.left = pdus.length;
    this.#octets += pdus.reduce((sum, pdu) => sum + pdu.length, 0);
    this.#parts.loaded(this, laid, head, pdus);
    if (laid.left === 0) this.#settle();
    while (this.#octets >= MOST_LOADED && !this.#isClosed)
      await new Promise<void>((resolve) => (this.#drained = resolve));
    this.#drained = null;
  }

  /** Whether somebody who took the partition later had laid something down before. */
  #isLate({ number, writer }: HandoverHead): boolean {
    if (writer === null) return false;
    const { writers } = this.#parts;
    const last = writers.get(writer.partition);
    if (last !== undefined && isBefore(writer, last.writer)) return number > last.from;
    const isSame = last?.writer.token === writer.token && last.writer.streamMadeAt === writer.streamMadeAt;
    if (!isSame) writers.set(writer.partition, { writer, from: number });
    return false;
  }

  /** Tries until it is durable; `false`: it was told to stop before. */
  async #refused(head: HandoverHead | null, octets: Uint8Array): Promise<boolean> {
    const { refuse } = this.#options;
    const { notSetAside } = this.#parts.troubles;
    const did = this.#did;
    const { liid = '', interface: reference = 'hi2' } = head ?? {};
    while (!this.#isClosed) {
      try {
        await refuse({ did, liid, reference, reason: 'not made of PS-PDUs' }, octets);
        notSetAside.worked(this);
        return true;
      } catch (error) {
        notSetAside.failed(this, { did, reason: messageOf(error) });
      }
      await this.#pauses.wait();
    }
    return false;
  }

  #settle(): void {
    const before = this.#messages.length;
    while (this.#messages[0]?.left === 0) this.#done = this.#messages.shift()?.number ?? this.#done;
    this.#settled += before - this.#messages.length;
    // One destination has place for so many messages, however small they are.
    if (this.#settled >= TRIM_AT_ONCE) void this.trim();
  }
}

interface StreamedEntryParts extends Pick<OutboxEntry, 'did' | 'interface' | 'liid' | 'position' | 'octets'> {
  readonly message: LaidMessage;
  readonly lane: Lane;
}

/** Numbers are read where they are asked for: what is delivered is not looked into. */
class StreamedEntry implements OutboxEntry {
  readonly did: string;
  readonly interface: OutboxAppend['interface'];
  readonly liid: string;
  readonly position: number;
  readonly octets: Uint8Array;
  readonly message: LaidMessage;
  readonly lane: Lane;

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

/** `null`: it is not made of whole PDUs. */
function wholePdus(octets: Uint8Array): readonly Uint8Array[] | null {
  try {
    const { pdus, rest } = psPdusOf(octets);
    return rest === 0 ? pdus : null;
  } catch {
    return null;
  }
}
