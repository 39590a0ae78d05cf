/** One thread that recovers, one order at a time. */
import { Worker } from 'node:worker_threads';
import { LemfError } from '../errors.ts';
import type { RecoverOrder, RecoveryOrder, RecoveryReply } from './recovery-order.ts';
import type { RecoveryReport } from '../recover.ts';
import type { Erased } from '../retention.ts';

/** Octets of objects in the thread, in MiB: recovery has nothing in memory that grows with the files. */
const MEMORY = 256;

/** The thread's module. */
const MODULE = new URL('./recovery-worker.js', import.meta.url);

export class RecoveryThread {
  readonly #worker: Worker;
  #settle: ((reply: RecoveryReply) => void) | null = null;
  #isGone = false;

  constructor() {
    this.#worker = new Worker(MODULE, {
      argv: [],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: MEMORY },
    });
    this.#worker.on('message', (reply: RecoveryReply) => this.#finish(reply));
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
  run(order: RecoveryOrder): Promise<RecoveryReply> {
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
    else this.#worker.postMessage({ kind: 'end' } satisfies RecoveryOrder);
    await gone;
  }

  #finish(reply: RecoveryReply): void {
    this.#settle?.(reply);
    this.#settle = null;
  }
}

/** @throws LemfError `recovery` */
export function erasedOf(reply: RecoveryReply): Erased {
  if (reply.kind === 'erased') return reply.erased;
  throw new LemfError('recovery', reply.kind === 'failed' ? reply.reason : 'no answer to what was asked');
}

/** Recovers from two files into a folder, in a thread of its own. @throws LemfError `recovery` */
export async function recoverInThread(order: Omit<RecoverOrder, 'kind'>): Promise<RecoveryReport> {
  const thread = new RecoveryThread();
  try {
    const reply = await thread.run({ kind: 'recover', ...order });
    if (reply.kind === 'recovered') return reply.report;
    throw new LemfError('recovery', reply.kind === 'failed' ? reply.reason : 'no answer to what was asked');
  } finally {
    await thread.end();
  }
}
