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

  /** Destinations with that cause. */
  with(cause: AlarmCause): string[] {
    return [...this.#causes].filter(([, causes]) => causes.has(cause)).map(([did]) => did);
  }
}
