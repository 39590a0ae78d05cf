/** A NATS server of one `describe`, and the way into it, with streams of each test's own. */
import { afterAll, beforeAll } from 'vitest';
import { systemClock } from '../../src/host/runtime.ts';
import { StreamServer } from '../../src/storage/jetstream.ts';
import type { StreamTerms } from '../../src/storage/jetstream.ts';
import { NatsServer } from './nats-server.ts';
import { silent } from './silent.ts';

/** By which streams are entered, and what reads them runs. */
export const STREAM_PORTS = { clock: systemClock(), logger: silent };

export class OwnStreams {
  #nats: NatsServer | null = null;
  #server: StreamServer | null = null;
  #count = 0;

  /** Has it run before the tests of the `describe` that this is called in, and gone after them. */
  constructor() {
    beforeAll(async () => {
      this.#nats = await NatsServer.own();
      this.#server = await StreamServer.connect(this.#nats.access, STREAM_PORTS);
    });
    afterAll(async () => {
      await this.#server?.close();
      await this.#nats?.remove();
    });
  }

  get server(): StreamServer {
    if (this.#server === null) throw new Error('it runs with the tests');
    return this.#server;
  }

  /** Makes the streams of settings, under a name that no others have. */
  async make<Settings extends object>(
    settings: Settings,
    streamsOf: (settings: Settings & { readonly name: string }) => readonly StreamTerms[],
  ): Promise<Settings & { readonly name: string }> {
    const named = { ...settings, name: `df${++this.#count}` };
    for (const terms of streamsOf(named)) await this.server.keep(terms);
    return named;
  }
}
