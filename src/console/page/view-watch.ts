/** What is asked again and again while a view of it is open, and not otherwise: logs, entities, the laboratory. */
import type { WatchedEntityName } from '../beside.ts';
import { AuditLogs } from './audit-logs.ts';
import type { LogSource } from './audit-logs.ts';
import { askLaboratory, askStatus, lookAt } from './beside.ts';
import { NetworkWatch } from './network-watch.ts';
import type { EntitySource } from './network-watch.ts';
import type { PagePlace, PageState } from './state.ts';

type Watched = Pick<PageState, 'logs' | 'network' | 'laboratory'>;

/** Milliseconds from one answer to the next question. */
const AGAIN_MS = { audit: 5_000, releases: 5_000, network: 5_000, laboratory: 1_000 } as const;

/** Admin listeners, by the bridge. */
const LOGS: LogSource = {
  keeps: async (name) => (await askStatus(name)).auditWritable !== null,
  lines: async (name, from, most) => {
    const text = await lookAt(name, `audit?from=${from}&most=${most}`);
    return text.split('\n').filter((line) => line !== '');
  },
};

const ENTITIES: EntitySource = { status: askStatus, metrics: (name) => lookAt(name, 'metrics') };

export class ViewWatch {
  readonly #loaded: (work: () => Promise<void>) => Promise<void>;
  readonly #tell: (change: Partial<Watched>) => void;
  #logs = new AuditLogs([], LOGS);
  #network = new NetworkWatch([], ENTITIES);
  /** Counts the views that were gone to: whoever asks for one that was left stops. */
  #turn = 0;

  /** @param loaded does something, and tells why it could not @param tell what has come of it */
  constructor(
    loaded: (work: () => Promise<void>) => Promise<void>,
    tell: (change: Partial<Watched>) => void,
  ) {
    this.#loaded = loaded;
    this.#tell = tell;
  }

  /** Which entities may be watched. */
  have(entities: readonly WatchedEntityName[]): void {
    this.#logs = new AuditLogs(entities, LOGS);
    this.#network = new NetworkWatch(entities, ENTITIES);
  }

  /** The reader is at a view now. */
  look(view: PagePlace['view']): void {
    this.#turn += 1;
    if (view === 'audit' || view === 'releases' || view === 'network' || view === 'laboratory')
      void this.#again(view, this.#turn);
  }

  async #again(view: keyof typeof AGAIN_MS, turn: number): Promise<void> {
    while (turn === this.#turn) {
      await this.#loaded(() => this.#ask(view));
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS[view]));
    }
  }

  async #ask(view: keyof typeof AGAIN_MS): Promise<void> {
    switch (view) {
      case 'audit':
      case 'releases':
        // What is there already is not sorted and judged anew.
        if (await this.#logs.update()) this.#tell({ logs: this.#logs.logs });
        break;
      case 'network':
        await this.#network.update(Date.now());
        this.#tell({ network: this.#network.entities });
        break;
      case 'laboratory':
        this.#tell({ laboratory: await askLaboratory() });
    }
  }
}
