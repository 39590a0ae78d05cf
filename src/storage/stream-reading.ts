/**
 * Messages of a stream as they come, in their order, each once. Whoever reads takes all that has come at once; no more is
 * asked for than may wait here. Where the way to the server ends, another begins after the last message that came.
 */
import { BackOff } from '../bytes/back-off.ts';
import type { Clock, Logger, Timer } from '../bytes/ports.ts';
import { whyOf } from '../bytes/system-errors.ts';

export interface StoredMessage {
  /** Its number in the stream, from 1. */
  readonly number: number;
  readonly subject: string;
  readonly octets: Uint8Array;
  /** A header; empty where it has none. */
  header(name: string): string;
}

/** A way to the messages from a number on. */
export interface MessageWay {
  /** Ends when it is closed; in their order, none left out. */
  readonly messages: AsyncIterable<StoredMessage>;
  /** Resolves when `messages` has ended, which it does only as somebody reads on. */
  close(): Promise<unknown>;
}

export interface StreamReadingPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** What is read, for the log. */
  readonly name: string;
  /** @param from the first number that is wanted */
  readonly open: (from: number) => Promise<MessageWay>;
  readonly closed: () => void;
}

/** Octets that may wait to be taken. */
export const MOST_READ_AHEAD = 2 << 20;
/** Milliseconds between attempts to open a way. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 2_000;

export class StreamReading {
  readonly #ports: StreamReadingPorts;
  #waiting: StoredMessage[] = [];
  #octets = 0;
  #last: number;
  #way: MessageWay | null = null;
  #isClosed = false;
  readonly #pauses = new BackOff(FIRST_PAUSE, LONGEST_PAUSE);
  #pause: Timer | null = null;
  /** Called when something has changed: something waits, there is room again, or it is closed. */
  #wake: (() => void)[] = [];
  readonly #pumping: Promise<void>;

  /** @param after the number that comes before the first one that is wanted */
  constructor(after: number, ports: StreamReadingPorts) {
    this.#last = after;
    this.#ports = ports;
    this.#pumping = this.#pump();
  }

  /** All that waits, at least one; none: it is closed. */
  async take(): Promise<readonly StoredMessage[]> {
    while (this.#waiting.length === 0 && !this.#isClosed) await this.#changed();
    const taken = this.#waiting;
    this.#waiting = [];
    this.#octets = 0;
    this.#tell();
    return this.#isClosed ? [] : taken;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#pause?.cancel();
    this.#tell();
    await this.#way?.close().catch(() => undefined);
    await this.#pumping;
    this.#ports.closed();
  }

  async #pump(): Promise<void> {
    const { logger, name } = this.#ports;
    while (!this.#isClosed) {
      try {
        await this.#follow();
      } catch (error) {
        logger.warn({ name, reason: whyOf(error) }, 'a stream cannot be read for now');
      }
      await this.#rest();
    }
  }

  async #follow(): Promise<void> {
    const way = await this.#ports.open(this.#last + 1);
    this.#way = way;
    // Not waited for before the messages are read: they would never end.
    if (this.#isClosed) void way.close().catch(() => undefined);
    for await (const message of way.messages) {
      if (message.number <= this.#last) continue;
      this.#pauses.reset();
      this.#last = message.number;
      this.#waiting.push(message);
      this.#octets += message.octets.length;
      this.#tell();
      while (this.#octets > MOST_READ_AHEAD && !this.#isClosed) await this.#changed();
    }
  }

  /** Not once it is closed. */
  async #rest(): Promise<void> {
    if (this.#isClosed) return;
    const changed = this.#changed();
    this.#pause = this.#ports.clock.after(this.#pauses.next(), () => this.#tell());
    await changed;
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #tell(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
