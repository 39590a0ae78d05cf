/**
 * Commits units of writes in a thread of their own, one transaction after the other: while the disk syncs, the event loop
 * takes in what is the next transaction. A thread that ends takes with it what it was given: nobody knows whether that
 * was committed, and whoever asked has to look. Another takes its place with the next unit.
 */
import { Worker } from 'node:worker_threads';
import { whyOf } from '../bytes/system-errors.ts';
import type { CommitOrder, CommitReply, CommitThreadData } from './commit-order.ts';
import { StorageError } from './errors.ts';
import { rowsOfOutcome } from './group-commit.ts';
import type { SqlValue, UnitOutcome, UnitWriter, WriteUnit } from './group-commit.ts';

/** The thread's module. */
const MODULE = new URL('./commit-worker.js', import.meta.url);

interface Pending {
  readonly unit: WriteUnit;
  readonly settle: (outcome: UnitOutcome) => void;
  readonly fail: (reason: string) => void;
}

export class CommitThread implements UnitWriter {
  readonly #file: string;
  #worker: Worker | null = null;
  #waiting: Pending[] = [];
  #underWay: readonly Pending[] = [];
  #isClosed = false;
  #idle: (() => void)[] = [];

  /** @param file a database that is there and of the present version */
  constructor(file: string) {
    this.#file = file;
  }

  run(unit: WriteUnit): Promise<readonly unknown[]> {
    if (this.#isClosed) return Promise.reject(ended('it is closed'));
    const outcome = new Promise<UnitOutcome>((resolve, reject) => {
      this.#waiting.push({
        unit: { ...unit, writes: unit.writes.map(({ text, runs }) => ({ text, runs: runs.map(owned) })) },
        settle: resolve,
        fail: (reason) => reject(ended(reason)),
      });
      this.#next();
    });
    return outcome.then(rowsOfOutcome);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#underWay.length > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    const worker = this.#worker;
    this.#worker = null;
    if (worker === null) return;
    const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.ref();
    order(worker, { kind: 'end' });
    await gone;
  }

  /** All that waits goes, once nothing is under way. */
  #next(): void {
    if (this.#underWay.length > 0) return;
    if (this.#waiting.length === 0) {
      for (const told of this.#idle.splice(0)) told();
      return;
    }
    this.#underWay = this.#waiting;
    this.#waiting = [];
    this.#worker ??= this.#start();
    // The process does not end while something is under way, and may while nothing is.
    this.#worker.ref();
    order(this.#worker, { kind: 'units', units: this.#underWay.map(({ unit }) => unit) });
  }

  #start(): Worker {
    const data: CommitThreadData = { file: this.#file };
    const worker = new Worker(MODULE, { argv: [], env: {}, workerData: data });
    let reason = 'it has ended';
    worker.on('message', ({ outcomes }: CommitReply) => {
      worker.unref();
      this.#finish((pending, at) => {
        const outcome = outcomes[at];
        if (outcome === undefined) pending.fail('it gave no answer');
        else pending.settle(outcome);
      });
    });
    worker.on('error', (error) => (reason = whyOf(error)));
    worker.on('exit', () => {
      if (this.#worker !== worker) return;
      this.#worker = null;
      this.#finish((pending) => pending.fail(reason));
    });
    return worker;
  }

  #finish(settle: (pending: Pending, at: number) => void): void {
    const done = this.#underWay;
    this.#underWay = [];
    done.forEach(settle);
    this.#next();
  }
}

/** A message takes along all of the memory that octets are part of. */
function owned(parameters: readonly SqlValue[]): readonly SqlValue[] {
  return parameters.map((value) =>
    value instanceof Uint8Array && value.byteLength < value.buffer.byteLength ? new Uint8Array(value) : value,
  );
}

function order(worker: Worker, message: CommitOrder): void {
  worker.postMessage(message);
}

function ended(reason: string): StorageError {
  return new StorageError('unavailable', `the thread that commits: ${reason}`);
}
