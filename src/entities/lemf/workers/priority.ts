/** The place of a thread behind others of its process: on Linux a thread has a priority of its own. */
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Of the system's priorities, from -20 to 19: a third of the usual time where there is not enough for all. */
const PRIORITY = 5;

/** Of this thread alone; elsewhere than on Linux nothing. */
export function yieldPriority(): void {
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    if (Number.isInteger(thread)) setPriority(thread, PRIORITY);
  } catch {
    // It is a courtesy: what the thread does is right at any priority.
  }
}
