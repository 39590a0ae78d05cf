/**
 * What gives the mediation the PDUs that others have laid into streams: of each partition in their order, the next ones
 * when those before are durable. What is durable is removed from its stream a little later; what was not removed when the
 * process ended comes again, and the mediation knows it by its numbers, as it knows what a point of interception sends
 * again.
 *
 * Only who has the lease reads on and removes.
 */
import { AttemptPauses } from '../../../bytes/back-off.ts';
import { messageOf } from '../../../bytes/errors.ts';
import type { Clock, Logger, Timer } from '../../../bytes/ports.ts';
import { SharedTroubleLog, TroubleLog } from '../../../bytes/trouble-log.ts';
import type { StreamServer } from '../../../storage/jetstream.ts';
import type { LeaseState } from '../../../storage/stream-lease.ts';
import type { StoredMessage, StreamReading } from '../../../storage/stream-reading.ts';
import { PDU_TYPE } from '../../../wire/x2x3/pdu.ts';
import { PduDecoder } from '../../../wire/x2x3/pdu-decoder.ts';
import { framesOf, partitionPlaces, PEER_HEADER, REASON_HEADER, refusedPlace } from './pdu-streams.ts';
import type { PduPlace, PduStreamSettings } from './pdu-streams.ts';
import type { ReceivedPdu, X2X3Consumer } from './x2x3-server.ts';

export interface StreamedSourceOptions {
  readonly server: Pick<StreamServer, 'read' | 'trim'>;
  readonly settings: PduStreamSettings;
  readonly consumer: X2X3Consumer;
  readonly lease: { readonly state: LeaseState };
  /** Those that are read; absent: all. Frames that were refused come with partition 0. */
  readonly partitions?: readonly number[];
  readonly clock: Clock;
  readonly logger: Logger;
}

const UNSTORED = {
  begins: 'PDUs of a stream cannot be stored for now',
  over: 'PDUs of streams are stored again',
  level: 'error',
} as const;

const UNREMOVED = {
  begins: 'what is stored could not be removed from its stream for now',
  over: 'what is stored is removed from its stream again',
} as const;

/** PDUs that are handed on at once. */
export const MOST_AT_ONCE = 2_000;
/** Milliseconds between removals. */
const TRIM_MS = 500;
/** Milliseconds between attempts to store, and between looks at the lease. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 2_000;

export class StreamedSource {
  readonly #options: StreamedSourceOptions;
  readonly #readers: PlaceReader[];
  readonly #unremoved: TroubleLog;
  #timer: Timer | null = null;
  #trimming: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: StreamedSourceOptions) {
    this.#options = options;
    const { settings, partitions } = options;
    const places = partitionPlaces(settings, partitions);
    if (partitions === undefined || partitions.includes(0)) places.push(refusedPlace(settings));
    const { logger, clock } = options;
    const log = { logger, now: () => clock.now() };
    this.#unremoved = new TroubleLog(UNREMOVED, log);
    const unstored = new SharedTroubleLog(UNSTORED, log);
    this.#readers = places.map((place) => new PlaceReader(place, options, unstored));
  }

  /** Why PDUs cannot be stored now; `null`: they can, as far as it was tried. */
  get failure(): string | null {
    if (this.#options.lease.state === 'lost') return 'another process has taken the streams over';
    for (const { failure } of this.#readers) if (failure !== null) return failure;
    return null;
  }

  start(): void {
    for (const reader of this.#readers) reader.start();
    this.#later();
  }

  /** Takes nothing more; resolves when what was taken is durable, or was given up. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await Promise.all(this.#readers.map((reader) => reader.stop()));
    await this.#trimming;
    await this.#trim();
  }

  #later(): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.clock.after(TRIM_MS, () => {
      this.#trimming = this.#trim().finally(() => this.#later());
    });
  }

  async #trim(): Promise<void> {
    const { lease } = this.#options;
    for (const reader of this.#readers) {
      if (lease.state !== 'held') return;
      try {
        if (await reader.trim()) this.#unremoved.worked();
      } catch (error) {
        this.#unremoved.failed({ reason: messageOf(error) });
        return;
      }
    }
  }
}

/** The messages of one place. */
class PlaceReader {
  readonly #place: PduPlace;
  readonly #options: StreamedSourceOptions;
  readonly #unstored: SharedTroubleLog;
  readonly #decoder = new PduDecoder();
  readonly #pauses: AttemptPauses;
  #reading: StreamReading | null = null;
  #working: Promise<void> = Promise.resolve();
  /** Up to where all is durable, and up to where it is removed. */
  #done = 0;
  #trimmed = 0;
  #failure: string | null = null;
  #isStopped = false;

  /** @param unstored of all readers */
  constructor(place: PduPlace, options: StreamedSourceOptions, unstored: SharedTroubleLog) {
    this.#place = place;
    this.#options = options;
    this.#unstored = unstored;
    this.#pauses = new AttemptPauses(options.clock, FIRST_PAUSE, LONGEST_PAUSE);
  }

  get failure(): string | null {
    return this.#failure;
  }

  start(): void {
    const { stream, subject } = this.#place;
    const reading = this.#options.server.read(stream, subject, 0);
    this.#reading = reading;
    this.#working = this.#work(reading);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#pauses.end();
    await this.#reading?.close();
    await this.#working;
    this.#unstored.gone(this);
  }

  /** Gives whether there was something to remove. */
  async trim(): Promise<boolean> {
    const done = this.#done;
    if (done === this.#trimmed) return false;
    await this.#options.server.trim(this.#place.stream, this.#place.subject, done);
    this.#trimmed = done;
    return true;
  }

  async #work(reading: StreamReading): Promise<void> {
    for (;;) {
      const messages = await reading.take();
      if (messages.length === 0) return;
      this.#decoder.forgetInTime(this.#options.clock.now());
      let pdus: ReceivedPdu[] = [];
      for (const message of messages) {
        pdus.push(...this.#pdusOf(message));
        if (pdus.length < MOST_AT_ONCE && message !== messages.at(-1)) continue;
        if (!(await this.#store(pdus))) return;
        this.#done = message.number;
        pdus = [];
      }
    }
  }

  /** Tries until it is done; `false`: this process has to do with it no more. */
  async #store(pdus: readonly ReceivedPdu[]): Promise<boolean> {
    const { consumer, lease } = this.#options;
    while (!this.#isStopped) {
      const { state } = lease;
      if (state === 'lost') return false;
      if (state === 'held') {
        try {
          if (pdus.length > 0) await consumer.accept(pdus);
          this.#pauses.reset();
          this.#failure = null;
          this.#unstored.worked(this);
          return true;
        } catch (error) {
          this.#failure = messageOf(error);
          this.#unstored.failed(this, { place: this.#place.subject, reason: messageOf(error) });
        }
      }
      await this.#pauses.wait();
    }
    return false;
  }

  #pdusOf(message: StoredMessage): ReceivedPdu[] {
    const { consumer } = this.#options;
    const reason = message.header(REASON_HEADER);
    if (reason !== '') {
      consumer.refused(message.octets, decoded(reason));
      return [];
    }
    const peer = decoded(message.header(PEER_HEADER));
    try {
      const { frames, rest } = framesOf(message.octets);
      if (rest > 0)
        consumer.refused(message.octets.subarray(-rest), 'a message of a stream ends within a PDU');
      return frames.flatMap((octets) => this.#pduOf(octets, peer));
    } catch (error) {
      consumer.refused(message.octets, messageOf(error));
      return [];
    }
  }

  #pduOf(octets: Uint8Array, peer: string): ReceivedPdu[] {
    const { consumer } = this.#options;
    try {
      const pdu = this.#decoder.decode(octets);
      if (pdu.type === PDU_TYPE.x2 || pdu.type === PDU_TYPE.x3) return [{ pdu, octets, peer }];
      consumer.refused(octets, `PDU type ${pdu.type}`);
    } catch (error) {
      consumer.refused(octets, messageOf(error));
    }
    return [];
  }
}

/** What was URI-encoded; as it is where it was not. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
