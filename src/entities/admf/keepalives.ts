/** Whether elements are there: keepalives where they are agreed (TS 103 221-1 clause 6.6.1), and questions in between. */
import type { Clock, Logger, Timer } from '../../bytes/ports.ts';
import type { AdmfElement } from './ports.ts';

export class Keepalives {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #timers = new Map<string, Timer>();
  #stopped = false;

  constructor({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Sends them to an element with which they are agreed, each after the one before was answered or given up. */
  begin(element: AdmfElement): void {
    if (element.keepaliveMs === undefined || this.#stopped) return;
    const timer = this.#clock.after(element.keepaliveMs, () => {
      element.x1
        .request({ type: 'Keepalive' })
        .catch((error: unknown) => {
          this.#logger.error({ element: element.identifier, error }, 'no answer to a keepalive');
        })
        .finally(() => this.begin(element));
    });
    this.#timers.set(element.identifier, timer);
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) timer.cancel();
  }
}

/** Elements by identifier, and whether they answer. */
export async function pingAll(elements: readonly AdmfElement[]): Promise<Map<string, boolean>> {
  const answers = elements.map(async ({ identifier, x1 }): Promise<[string, boolean]> => {
    const answer = x1.request({ type: 'Ping' });
    return [
      identifier,
      await answer.then(
        () => true,
        () => false,
      ),
    ];
  });
  return new Map(await Promise.all(answers));
}
