/**
 * One part of what waits for a destination, as it is read from its stream: message by message, as far as there is room, each
 * known until all of it is acknowledged; what is acknowledged in order is removed.
 */
import { AttemptPauses } from '../../../bytes/back-off.ts';
import { messageOf } from '../../../bytes/errors.ts';
import type { Clock, Logger } from '../../../bytes/ports.ts';
import type { SharedTroubleLog } from '../../../bytes/trouble-log.ts';
import type { StreamServer } from '../../../storage/jetstream.ts';
import { StreamFollower } from '../../../storage/stream-follower.ts';
import type { StoredMessage } from '../../../storage/stream-reading.ts';
import type { OutboxPart } from '../ports.ts';
import { handoverHead, isBefore, lanePlace, psPdusOf } from './handover-streams.ts';
import type { HandoverHead, HandoverWriter, RefusedHandover } from './handover-streams.ts';
import type { PduPlace } from './pdu-streams.ts';

export interface StreamedLaneOptions {
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
/** So many messages that are done with are not kept for the next removal. */
const TRIM_AT_ONCE = 8;
/** Milliseconds between attempts to set aside what is not understood. */
const FIRST_PAUSE = 200;
const LONGEST_PAUSE = 5_000;

/** What may go wrong again and again, of all destinations. */
export interface LaneTroubles {
  readonly unremoved: SharedTroubleLog;
  readonly notSetAside: SharedTroubleLog;
}

/** A message of which something is not acknowledged. */
export interface LaidMessage {
  readonly number: number;
  /** When it was read, Unix milliseconds. */
  readonly since: number;
  /** PDUs of it that are not acknowledged. */
  left: number;
}

type LoadedListener = (
  lane: StreamedLane,
  message: LaidMessage,
  head: HandoverHead,
  pdus: readonly Uint8Array[],
) => void;

/** Who has laid something down of a partition, and the number of the first message that was seen of it. */
export interface SeenWriter {
  readonly writer: HandoverWriter;
  readonly from: number;
}

/** What stays known of a lane while it is read anew. */
export interface LaneMemory {
  /** Who was the last to have each partition. */
  readonly writers: Map<number, SeenWriter>;
  /** The number of the last message that did not count, and is read again as long as one before it is not acknowledged. */
  passedUpTo: number;
}

interface LaneParts {
  readonly memory: LaneMemory;
  readonly loaded: LoadedListener;
  /** So many PDUs do not count. */
  readonly passedOver: (pdus: number) => void;
  readonly troubles: LaneTroubles;
}

/** One part of what waits for a destination, as it is read. */
export class StreamedLane {
  readonly #did: string;
  readonly #place: PduPlace;
  readonly #options: StreamedLaneOptions;
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

  constructor(did: string, part: OutboxPart, options: StreamedLaneOptions, parts: LaneParts) {
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
      this.#passOver(number, head);
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

  #passOver(number: number, { pdus }: HandoverHead): void {
    const { memory, passedOver } = this.#parts;
    if (number <= memory.passedUpTo) return;
    memory.passedUpTo = number;
    passedOver(pdus);
  }

  /** Whether somebody who took the partition later had laid something down before. */
  #isLate({ number, writer }: HandoverHead): boolean {
    if (writer === null) return false;
    const { writers } = this.#parts.memory;
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

/** `null`: it is not made of whole PDUs. */
function wholePdus(octets: Uint8Array): readonly Uint8Array[] | null {
  try {
    const { pdus, rest } = psPdusOf(octets);
    return rest === 0 ? pdus : null;
  } catch {
    return null;
  }
}
