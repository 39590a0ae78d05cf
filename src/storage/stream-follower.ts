/** Hands on the messages of a stream as they come, one after the other, until it is stopped. */
import type { StoredMessage, StreamReading } from './stream-reading.ts';

export class StreamFollower {
  readonly #reading: StreamReading;
  readonly #following: Promise<void>;
  #isStopped = false;

  /** @param take must not fail; the next message waits for it */
  constructor(reading: StreamReading, take: (message: StoredMessage) => void | Promise<void>) {
    this.#reading = reading;
    this.#following = this.#follow(take);
  }

  /** Resolves when the message that is being taken is done with. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#reading.close();
    await this.#following;
  }

  async #follow(take: (message: StoredMessage) => void | Promise<void>): Promise<void> {
    for (;;) {
      const messages = await this.#reading.take();
      if (messages.length === 0) return;
      for (const message of messages) {
        if (this.#isStopped) return;
        await take(message);
      }
    }
  }
}
