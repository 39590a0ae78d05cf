/** Alarms by destination and cause: a destination is clear when its last cause is gone. */
import type { HandoverAlarms } from './ports.ts';

/** `told`: who delivers says so; `unserved`: nobody delivers. */
export type AlarmCause = 'down' | 'backlog' | 'refusing' | 'told' | 'unserved';

export class AlarmBook {
  readonly #alarms: HandoverAlarms;
  readonly #causes = new Map<string, Set<AlarmCause>>();

  constructor(alarms: HandoverAlarms) {
    this.#alarms = alarms;
  }

  raise(did: string, cause: AlarmCause, description: string): void {
    const causes = this.#causes.get(did) ?? new Set();
    if (causes.has(cause)) return;
    this.#causes.set(did, causes.add(cause));
    this.#alarms.raised(did, description);
  }

  clear(did: string, cause: AlarmCause): void {
    const causes = this.#causes.get(did);
    if (causes?.delete(cause) !== true || causes.size > 0) return;
    this.#causes.delete(did);
    this.#alarms.cleared(did);
  }

  /** It is raised, by another process. */
  assume(did: string, cause: AlarmCause): void {
    this.#causes.set(did, (this.#causes.get(did) ?? new Set()).add(cause));
  }

  /** It is another process's to clear it. */
  forget(did: string, cause: AlarmCause): void {
    const causes = this.#causes.get(did);
    causes?.delete(cause);
    if (causes?.size === 0) this.#causes.delete(did);
  }

  has(did: string, cause: AlarmCause): boolean {
    return this.#causes.get(did)?.has(cause) ?? false;
  }

  /** Destinations with that cause. */
  with(cause: AlarmCause): string[] {
    return [...this.#causes].filter(([, causes]) => causes.has(cause)).map(([did]) => did);
  }
}
