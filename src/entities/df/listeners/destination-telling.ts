/**
 * Says where destinations are, in `NAME.lemf.DID`: once for all processes that mediate, by whoever sees first that it is not
 * said. What is said never becomes older. Whoever says something has read the tasks anew after having seen what was said
 * before, and says it only where nothing was said since (compare and set):
 *
 *     heard: number 7 ──► tasks are read ──► said, where 7 is the last ──► 8
 *                                        └─► another was first: heard, and from the beginning
 */
import { AttemptPauses } from '../../../bytes/back-off.ts';
import { messageOf } from '../../../bytes/errors.ts';
import { fromUtf8 } from '../../../bytes/octets.ts';
import type { Clock, Logger } from '../../../bytes/ports.ts';
import { TroubleLog } from '../../../bytes/trouble-log.ts';
import { StorageError } from '../../../storage/errors.ts';
import type { StreamServer } from '../../../storage/jetstream.ts';
import { StreamFollower } from '../../../storage/stream-follower.ts';
import type { HandoverAddress } from '../handover/ports.ts';
import { lastPartOf, lemfNote, lemfNoteOf, notePlace } from './handover-streams.ts';

export interface DestinationTellingOptions {
  readonly server: Pick<StreamServer, 'publish' | 'read'>;
  readonly streams: { readonly name: string };
  /** Where destinations are. */
  readonly list: () => readonly HandoverAddress[];
  /** Has the list be what anybody has acknowledged by now. @throws if that is not known */
  readonly refresh: () => Promise<void>;
  /** Whether this process has a say. */
  readonly mayTell: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The newest message about a destination, and what it says. */
interface Said {
  readonly number: number;
  readonly text: string;
}

/** How long X1 waits until a destination can be known to those who deliver. */
const TELLING_MS = 5_000;
const LOOK_MS = 50;
/** Milliseconds between attempts. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 2_000;
const UNTOLD = {
  begins: 'those who deliver cannot be told of destinations for now',
  over: 'those who deliver are told of destinations again',
} as const;
const NOWHERE = fromUtf8(lemfNote(null));

export class DestinationTelling {
  readonly #options: DestinationTellingOptions;
  readonly #pauses: AttemptPauses;
  readonly #trouble: TroubleLog;
  readonly #said = new Map<string, Said>();
  #follower: StreamFollower | null = null;
  #telling: Promise<void> | null = null;
  #isStopped = false;

  constructor(options: DestinationTellingOptions) {
    this.#options = options;
    const { clock, logger } = options;
    this.#pauses = new AttemptPauses(clock, FIRST_PAUSE, LONGEST_PAUSE);
    this.#trouble = new TroubleLog(UNTOLD, { logger, now: () => clock.now() });
  }

  start(): void {
    const { server, streams } = this.#options;
    const { stream, subject } = notePlace(streams, 'lemf', '*');
    this.#follower = new StreamFollower(server.read(stream, subject, 0), (message) => {
      const text = fromUtf8(lemfNote(lemfNoteOf(message)));
      this.#hear(lastPartOf(message), { number: message.number, text });
      this.tellSoon();
    });
    this.tellSoon();
  }

  /** The list may have changed. */
  tellSoon(): void {
    if (this.#isStopped || this.#follower === null || this.#untold().length === 0) return;
    this.#telling ??= this.#tell().finally(() => {
      this.#telling = null;
      if (this.#options.mayTell()) this.tellSoon();
    });
  }

  /** Resolves when all is said. @throws if it cannot be for now */
  async told(): Promise<void> {
    const { clock } = this.#options;
    const end = clock.now() + TELLING_MS;
    this.tellSoon();
    while (this.#untold().length > 0) {
      if (this.#isStopped || clock.now() >= end)
        throw new Error('those who deliver could not be told of it for now');
      await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#pauses.end();
    await Promise.all([this.#follower?.stop(), this.#telling]);
  }

  /** Of what is and of what is not any more. */
  #untold(): { readonly did: string; readonly address: HandoverAddress | null; readonly text: string }[] {
    const addresses = new Map(this.#options.list().map((address) => [address.did, address]));
    return [...new Set([...addresses.keys(), ...this.#said.keys()])].flatMap((did) => {
      const address = addresses.get(did) ?? null;
      const text = fromUtf8(lemfNote(address));
      return (this.#said.get(did)?.text ?? NOWHERE) === text ? [] : [{ did, address, text }];
    });
  }

  async #tell(): Promise<void> {
    const { server, streams, refresh, mayTell } = this.#options;
    while (!this.#isStopped && mayTell() && this.#untold().length > 0) {
      // What comes from here on may be newer than the list.
      const before = new Map(this.#said);
      try {
        await refresh();
        for (const { did, address, text } of this.#untold()) {
          const { stream, subject } = notePlace(streams, 'lemf', did);
          const after = before.get(did)?.number ?? 0;
          this.#hear(did, {
            number: await server.publish(stream, subject, lemfNote(address), { after }),
            text,
          });
        }
        this.#pauses.reset();
        this.#trouble.worked();
      } catch (error) {
        // Another was first: what it has said is about to be heard.
        if (!(error instanceof StorageError && error.code === 'conflict'))
          this.#trouble.failed({ reason: messageOf(error) });
        await this.#pauses.wait();
      }
    }
  }

  #hear(did: string, said: Said): void {
    if (said.number > (this.#said.get(did)?.number ?? 0)) this.#said.set(did, said);
  }
}
