/** A thread that carries out orders, one at a time. What goes wrong with it is an answer like others. */
import { Worker } from 'node:worker_threads';

/** Octets of objects in a thread, in MiB: no thread has anything in memory that grows with the files. */
const MEMORY = 256;

/** The thread ends when it is told so, after what it does. */
export interface EndOrder {
  readonly kind: 'end';
}

export interface FailedReply {
  readonly kind: 'failed';
  readonly reason: string;
}

export class OrderThread<Order, Reply> {
  readonly #worker: Worker;
  #settle: ((reply: Reply | FailedReply) => void) | null = null;
  #isGone = false;

  /** @param module the thread's, as it is built */
  constructor(module: URL) {
    this.#worker = new Worker(module, {
      argv: [],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: MEMORY },
    });
    this.#worker.on('message', (reply: Reply) => this.#finish(reply));
    this.#worker.on('error', (error) => this.#finish({ kind: 'failed', reason: error.message }));
    this.#worker.on('exit', () => {
      this.#isGone = true;
      this.#finish({ kind: 'failed', reason: 'the thread has ended' });
    });
  }

  /** Whether it takes no more orders. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** What becomes of an order; to be awaited before the next. */
  run(order: Order): Promise<Reply | FailedReply> {
    if (this.#isGone) return Promise.resolve({ kind: 'failed', reason: 'the thread has ended' });
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#worker.postMessage(order);
    });
  }

  /** Lets it end by itself, or ends it, what it does included. */
  async end(now = false): Promise<void> {
    if (this.#isGone) return;
    const gone = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()));
    if (now) await this.#worker.terminate();
    else this.#worker.postMessage({ kind: 'end' } satisfies EndOrder);
    await gone;
  }

  #finish(reply: Reply | FailedReply): void {
    this.#settle?.(reply);
    this.#settle = null;
  }
}
