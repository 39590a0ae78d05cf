/** What is asked again and again while a view of it is open, and not otherwise: logs, entities, the laboratory. */
import { AuditLogs } from './audit-logs.ts';
import { askLaboratory } from './beside.ts';
import { NetworkWatch } from './network-watch.ts';
import type { PagePlace, PageState } from './state.ts';
import type { Watched } from './watched.ts';

type Shown = Pick<PageState, 'watched' | 'logs' | 'network' | 'laboratory'>;

/** Milliseconds from one answer to the next question. */
const AGAIN_MS = { audit: 5_000, releases: 5_000, network: 5_000, laboratory: 1_000 } as const;

interface Watching {
  readonly logs: AuditLogs;
  readonly network: NetworkWatch;
}

export interface ViewWatchOptions {
  /** Does something, and tells why it could not. */
  readonly loaded: (work: () => Promise<void>) => Promise<void>;
  /** What has come of it. */
  readonly tell: (change: Partial<Shown>) => void;
  /** @throws AskRefusal */
  readonly askWatched: () => Promise<Watched>;
}

export class ViewWatch {
  readonly #options: ViewWatchOptions;
  /** Asked when first looked at; `null`: not yet, or in vain. */
  #watching: Promise<Watching> | null = null;
  /** Counts the views that were gone to: whoever asks for one that was left stops. */
  #turn = 0;

  constructor(options: ViewWatchOptions) {
    this.#options = options;
  }

  /** The reader is at a view now. */
  look(view: PagePlace['view']): void {
    this.#turn += 1;
    if (view === 'audit' || view === 'releases' || view === 'network' || view === 'laboratory')
      void this.#again(view, this.#turn);
  }

  async #again(view: keyof typeof AGAIN_MS, turn: number): Promise<void> {
    while (turn === this.#turn) {
      await this.#options.loaded(() => this.#ask(view));
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS[view]));
    }
  }

  async #ask(view: keyof typeof AGAIN_MS): Promise<void> {
    const { tell } = this.#options;
    if (view === 'laboratory') {
      tell({ laboratory: await askLaboratory() });
      return;
    }
    this.#watching ??= this.#begin();
    const { logs, network } = await this.#watching;
    if (view === 'network') {
      await network.update(Date.now());
      tell({ network: network.entities });
    } else if (await logs.update()) {
      // What is there already is not sorted and judged anew.
      tell({ logs: logs.logs });
    }
  }

  async #begin(): Promise<Watching> {
    try {
      const { entities, logs, network } = await this.#options.askWatched();
      this.#options.tell({ watched: entities });
      return { logs: new AuditLogs(entities, logs), network: new NetworkWatch(entities, network) };
    } catch (error) {
      this.#watching = null;
      throw error;
    }
  }
}
