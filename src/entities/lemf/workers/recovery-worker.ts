/**
 * The thread that recovers for a LEMF, so that nothing of it holds up who receives. While it follows the files it comes
 * after who receives: on Linux a thread has a priority of its own.
 */
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { messageOf } from '../../../bytes/errors.ts';
import { FolderRecovery, filesOf, recoverFolder } from '../store/recovery.ts';
import type { Looked, LookOrder, RecoveryOrder, RecoveryReply } from './recovery-order.ts';

/** A call that is never quiet is recovered after so many looks, then after twice as many, and so on. */
const FIRST_LOOKS = 4;

/** Of the system's priorities, from -20 to 19: a third of the usual time where there is not enough for all. */
const PRIORITY = 5;

let live: LiveFolder | null = null;

parentPort?.on('message', (order: RecoveryOrder) => {
  if (order.kind === 'end') {
    live?.close();
    parentPort?.close();
    return;
  }
  try {
    if (order.kind === 'look') {
      yieldPriority();
      live ??= new LiveFolder(order);
      reply(live.look(order));
    } else reply({ kind: 'recovered', report: recoverFolder(order.paths, order.folder, order.options) });
  } catch (error) {
    live?.close();
    live = null;
    reply({ kind: 'failed', reason: messageOf(error) });
  }
});

function reply(message: RecoveryReply): void {
  parentPort?.postMessage(message);
}

/** A folder that follows the files of a running LEMF. */
class LiveFolder {
  readonly #recovery: FolderRecovery;
  /** Communications with something new, by id. */
  readonly #waiting = new Map<number, { looks: number; after: number }>();

  constructor({ paths, folder }: LookOrder) {
    this.#recovery = new FolderRecovery(paths, folder);
  }

  look({ to, isQuiet }: LookOrder): Looked {
    const changed = this.#recovery.read(to);
    for (const id of changed) {
      if (!this.#waiting.has(id)) this.#waiting.set(id, { looks: 0, after: FIRST_LOOKS });
    }
    const ready: number[] = [];
    for (const [id, wait] of this.#waiting) {
      wait.looks++;
      if (isQuiet || !changed.has(id)) this.#waiting.delete(id);
      else if (wait.looks < wait.after) continue;
      else wait.after *= 2;
      ready.push(id);
    }
    const files: string[] = [];
    for (const result of this.#recovery.recover(ready)) {
      if (result.kind === 'call') files.push(...filesOf(result.report));
    }
    this.#recovery.report();
    return { kind: 'looked', ...this.#recovery.totals, files, waiting: this.#waiting.size };
  }

  close(): void {
    this.#recovery.close();
  }
}

/** Of this thread alone; elsewhere than on Linux nothing. */
function yieldPriority(): void {
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    if (Number.isInteger(thread)) setPriority(thread, PRIORITY);
  } catch {
    // It is a courtesy: recovery is right at any priority.
  }
}
