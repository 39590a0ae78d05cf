/** What a thread needs of the one that starts it to have polled sockets, and what becomes of them when it has ended. */
import { bell, Ringer } from './bell.ts';
import type { Bell } from './bell.ts';
import { closeLeft, sharedDescriptors } from './descriptors.ts';
import type { SharedDescriptors } from './descriptors.ts';
import type { SystemCalls } from './system-calls.ts';

/** Plain, as messages between threads are. */
export interface ThreadSocketsData {
  readonly shared: SharedDescriptors;
  readonly bell: Bell;
}

/** What a thread has open besides sockets: that by which it waits for them. */
const BESIDES = 1;

export class ThreadSockets {
  readonly data: ThreadSocketsData;
  readonly #calls: SystemCalls;
  readonly #ringer: Ringer;

  private constructor(calls: SystemCalls, data: ThreadSocketsData) {
    this.#calls = calls;
    this.data = data;
    this.#ringer = new Ringer(data.bell, calls);
  }

  /**
   * @param most sockets that the thread has at once
   * @returns `null` if the system has no descriptor left
   */
  static open(calls: SystemCalls, most: number): ThreadSockets | null {
    const its = bell(calls);
    if (its === null) return null;
    return new ThreadSockets(calls, { shared: sharedDescriptors(most + BESIDES), bell: its });
  }

  /** The thread has been told something, and is to hear it. */
  ring(): void {
    this.#ringer.ring();
  }

  /** The thread has ended: what it left open is closed. */
  ended(): void {
    closeLeft(this.data.shared, this.#calls);
    this.#ringer.close();
  }
}
