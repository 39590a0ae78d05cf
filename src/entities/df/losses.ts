/**
 * What gave way at a destination and was not told of yet, by call: how many PDUs, and between which numbers. It is kept
 * with the state, so that nothing that was lost goes untold, whatever happens to the process. Calls beyond MOST_CALLS of a
 * warrant are told of together.
 */
import { NO_CIN } from './ports.ts';
import type { OutboxAppend, StoredLoss } from './ports.ts';

/** What gave way: an entry of the outbox, or one that was about to be. */
export type GaveWay = Omit<OutboxAppend, 'octets'> & { readonly length: number };

/** Calls that are told of each by itself, for each warrant, destination and interface. */
const MOST_CALLS = 32;

export class Losses {
  /** By destination, warrant and interface; then by CIN. */
  readonly #losses = new Map<string, Map<number, StoredLoss>>();
  #changed = new Set<StoredLoss>();
  #told: StoredLoss[] = [];

  constructor(stored: readonly StoredLoss[]) {
    for (const loss of stored) this.#callsOf(loss).set(loss.cin, loss);
  }

  note({ did, liid, interface: reference, cin, sequenceNumber, length }: GaveWay, now: number): void {
    const calls = this.#callsOf({ did, liid, interface: reference });
    const key = keyIn(calls, cin);
    const number = key === NO_CIN ? cin : sequenceNumber;
    const before = calls.get(key);
    if (before !== undefined) this.#changed.delete(before);
    const loss = {
      ...{ did, liid, interface: reference, cin: key },
      first: Math.min(before?.first ?? number, number),
      last: Math.max(before?.last ?? number, number),
      pdus: (before?.pdus ?? 0) + 1,
      octets: (before?.octets ?? 0) + length,
      since: before?.since ?? now,
    };
    calls.set(key, loss);
    this.#changed.add(loss);
  }

  /** Takes out those that began no later than then: they are told of now. */
  due(before: number): StoredLoss[] {
    return this.#remove(({ since }) => since <= before);
  }

  /** Forgets what was lost of a warrant. */
  forget(liid: string): void {
    this.#remove((loss) => loss.liid === liid);
  }

  /** What has changed since the last time. */
  take(): { readonly losses: readonly StoredLoss[]; readonly toldLosses: readonly StoredLoss[] } {
    const changes = { losses: [...this.#changed], toldLosses: this.#told };
    this.#changed = new Set();
    this.#told = [];
    return changes;
  }

  #callsOf({ did, liid, interface: reference }: Pick<StoredLoss, 'did' | 'liid' | 'interface'>) {
    const key = JSON.stringify([did, liid, reference]);
    const calls = this.#losses.get(key) ?? new Map<number, StoredLoss>();
    this.#losses.set(key, calls);
    return calls;
  }

  #remove(condition: (loss: StoredLoss) => boolean): StoredLoss[] {
    const removed: StoredLoss[] = [];
    for (const [key, calls] of this.#losses) {
      for (const [cin, loss] of calls) {
        if (!condition(loss)) continue;
        calls.delete(cin);
        this.#changed.delete(loss);
        removed.push(loss);
      }
      if (calls.size === 0) this.#losses.delete(key);
    }
    this.#told.push(...removed);
    return removed;
  }
}

/** Under which CIN a call is told of. */
function keyIn(calls: ReadonlyMap<number, StoredLoss>, cin: number): number {
  if (calls.has(cin)) return cin;
  if (calls.size >= MOST_CALLS) return NO_CIN;
  return cin;
}
