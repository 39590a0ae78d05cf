/** Numbers what is stored in a thread of its own, which leaves what it knows in a file without a name. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { LemfError } from '../errors.ts';
import type { NumberedPart, NumberingElsewhere, NumberingPart } from '../numbered-store.ts';
import type { NextIds } from '../sessions.ts';
import type { HandoverPaths } from '../store/recovery.ts';
import { numbersPlace, openScratch, SqliteNumbers } from '../store/numbers.ts';
import type { NumberingOrder, NumberingReply } from './numbering-order.ts';
import { OrderThread } from './order-thread.ts';

/** The thread's module. */
const MODULE = new URL('./numbering-worker.js', import.meta.url);

export class NumberingThread implements NumberingElsewhere {
  readonly #folder: string;
  readonly #paths: HandoverPaths;
  #thread: OrderThread<NumberingOrder, NumberingReply> | null = null;
  /** A folder with the file, which a thread needs by its name. */
  #place: string | null = null;
  #numbers: SqliteNumbers | null = null;
  #ending: Promise<void> = Promise.resolve();

  /** @param folder where there is room */
  constructor(folder: string, paths: HandoverPaths) {
    this.#folder = folder;
    this.#paths = paths;
  }

  async number(part: NumberingPart): Promise<NumberedPart> {
    this.#thread ??= new OrderThread(MODULE);
    this.#place ??= numbersPlace(this.#folder);
    const reply = await this.#run({ kind: 'number', ...part, paths: this.#paths, numbers: this.#file });
    if (reply.kind !== 'numbered') throw unexpected(reply);
    return reply;
  }

  async handOver(): Promise<{ readonly numbers: SqliteNumbers; readonly next: NextIds }> {
    const reply = await this.#run({ kind: 'leave' });
    if (reply.kind !== 'left') throw unexpected(reply);
    this.#numbers = new SqliteNumbers(openScratch(this.#file));
    this.#end(false);
    return { numbers: this.#numbers, next: reply.next };
  }

  stop(): void {
    this.#end(true);
  }

  /** Waits for the thread, and closes what it has left. */
  async close(): Promise<void> {
    this.#end(true);
    await this.#ending;
    this.#numbers?.close();
    this.#numbers = null;
  }

  get #file(): string {
    if (this.#place === null) throw stopped();
    return path.join(this.#place, 'numbers');
  }

  async #run(order: NumberingOrder): Promise<NumberingReply> {
    if (this.#thread === null) throw stopped();
    const reply = await this.#thread.run(order);
    if (reply.kind === 'failed') throw new LemfError('store', reply.reason);
    return reply;
  }

  /** What is open needs no name any more; what is not open is not needed at all. */
  #end(now: boolean): void {
    const [thread, place] = [this.#thread, this.#place];
    if (thread === null || place === null) return;
    this.#thread = null;
    this.#place = null;
    this.#ending = thread.end(now).then(() => rmSync(place, { recursive: true, force: true }));
  }
}

function stopped(): LemfError {
  return new LemfError('store', 'the thread that numbers has stopped');
}

function unexpected({ kind }: NumberingReply): LemfError {
  return new LemfError('store', `no answer to what was asked: ${kind}`);
}
