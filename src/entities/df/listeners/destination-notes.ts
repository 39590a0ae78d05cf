/**
 * What a process that delivers tells the mediation of the destinations that are its own: whether the LEMF takes PDUs, and what
 * is wrong. Of each the newest counts; what could not be told is told again, and when a destination is taken over all is
 * told anew.
 */
import { isoTime } from '../../../bytes/iso-time.ts';
import { messageOf } from '../../../bytes/errors.ts';
import type { Clock, Logger, Timer } from '../../../bytes/ports.ts';
import type { StreamServer } from '../../../storage/jetstream.ts';
import { notePlace, toldNote } from './handover-streams.ts';

export interface DestinationNotesOptions {
  readonly server: Pick<StreamServer, 'publish'>;
  readonly settings: { readonly name: string };
  /** Whether this process has that destination now. */
  readonly holds: (did: string) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How often it is looked whether there is something to tell, in milliseconds. */
const LOOK_MS = 250;

export class DestinationNotes {
  readonly #options: DestinationNotesOptions;
  /** What is wrong with destinations, and since when, Unix milliseconds. */
  readonly #problems = new Map<string, { readonly text: string; readonly since: number }>();
  /** What was told last of those that are held. */
  readonly #told = new Map<string, string>();
  #timer: Timer | null = null;
  #telling: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: DestinationNotesOptions) {
    this.#options = options;
  }

  /** @param ready gives those that are held, and whether their LEMFs take PDUs */
  start(ready: () => ReadonlyMap<string, boolean>): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.clock.after(LOOK_MS, () => {
      this.#telling = this.#tell(ready()).finally(() => this.start(ready));
    });
  }

  raised(did: string, text: string): void {
    this.#problems.set(did, { text, since: this.#options.clock.now() });
  }

  cleared(did: string): void {
    this.#problems.delete(did);
  }

  problems(): { readonly did: string; readonly text: string; readonly since: string }[] {
    return [...this.#problems].map(([did, { text, since }]) => ({ did, text, since: isoTime(since) }));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#telling;
  }

  async #tell(ready: ReadonlyMap<string, boolean>): Promise<void> {
    const { server, settings, holds, logger } = this.#options;
    for (const did of this.#told.keys()) if (!ready.has(did)) this.#told.delete(did);
    for (const did of this.#problems.keys()) if (!ready.has(did)) this.#problems.delete(did);
    for (const [did, isReady] of ready) {
      const note = { ready: isReady, problem: this.#problems.get(did)?.text ?? null };
      const text = JSON.stringify(note);
      if (this.#told.get(did) === text || !holds(did)) continue;
      const { stream, subject } = notePlace(settings, 'told', did);
      try {
        await server.publish(stream, subject, toldNote(note));
        this.#told.set(did, text);
      } catch (error) {
        logger.debug(
          { did, reason: messageOf(error) },
          'how it is with a destination could not be told for now',
        );
        return;
      }
    }
  }
}
