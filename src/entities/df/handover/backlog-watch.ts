/** Whether the backlog of a destination is near its bound: looked at when something has come, and every two seconds. */
import type { Clock, Timer } from '../../../bytes/ports.ts';
import { isNearBound } from '../backlog.ts';
import type { HandoverOutbox } from '../ports.ts';
import type { AlarmBook } from './alarm-book.ts';
import type { HandoverSettings } from './ports.ts';

export interface BacklogWatchOptions {
  readonly outbox: Pick<HandoverOutbox, 'waiting' | 'destinations'>;
  readonly alarms: AlarmBook;
  readonly settings: Pick<HandoverSettings, 'backlogOctets' | 'backlogPdus'>;
  readonly clock: Clock;
  /** Whether anything goes to a destination now. */
  readonly isThere: (did: string) => boolean;
}

/** How often the size of the backlog is looked at, in milliseconds. */
const BACKLOG_CHECK = 2_000;

export class BacklogWatch {
  readonly #options: BacklogWatchOptions;
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(options: BacklogWatchOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.clock.after(BACKLOG_CHECK, () => {
      const { outbox, alarms } = this.#options;
      for (const did of new Set([...outbox.destinations(), ...alarms.with('backlog')])) this.measure(did);
      this.start();
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  measure(did: string): void {
    const { outbox, alarms, settings, isThere } = this.#options;
    // What waits for a destination that is not there any more drains nowhere, and must not hold up the others.
    if (!isThere(did)) {
      alarms.clear(did, 'backlog');
      return;
    }
    const { backlogOctets, backlogPdus } = settings;
    const waiting = outbox.waiting(did);
    const description = `the backlog is near its bound, where content of the warrant that has most of it gives way: ${waiting.count} PDUs, ${waiting.octets} octets`;
    if (isNearBound(waiting, { octets: backlogOctets, count: backlogPdus })) {
      alarms.raise(did, 'backlog', description);
    } else alarms.clear(did, 'backlog');
  }
}
