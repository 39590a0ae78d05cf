/** Which calls stand, by task, since a warrant that comes later is told of them: known also of those that are not in memory. */
import type { StoredKeySession } from './ports.ts';

export class StandingCalls {
  /** When each was last heard of, by task and call. */
  readonly #tasks = new Map<string, Map<string, number>>();

  /** What is kept of a call has changed. */
  note({ session: { xid, correlation, retained }, lastSeen }: StoredKeySession): void {
    if (retained?.up !== true) {
      this.end(correlation, xid);
      return;
    }
    const calls = this.#tasks.get(xid) ?? new Map<string, number>();
    this.#tasks.set(xid, calls.set(correlation, lastSeen));
  }

  end(correlation: string, xid: string): void {
    const calls = this.#tasks.get(xid);
    if (calls?.delete(correlation) === true && calls.size === 0) this.#tasks.delete(xid);
  }

  /** Calls under a task. */
  under(xid: string): string[] {
    return [...(this.#tasks.get(xid)?.keys() ?? [])];
  }

  /** Forgets those of a task. */
  forget(xid: string): void {
    this.#tasks.delete(xid);
  }

  /** Forgets those that were not heard of since `before`. */
  expire(before: number): void {
    for (const [xid, calls] of this.#tasks)
      for (const [correlation, lastSeen] of calls) if (lastSeen < before) this.end(correlation, xid);
  }
}
