/**
 * What one element holds, as far as the ADMF knows it from the element's own answers. Of a task or destination whose
 * name alone is known, or of which a request got no answer, it is in doubt what it is, or whether it is there.
 */
import type { Destination, InterceptTask } from '../../wire/x1/details.ts';

/** `null`: in doubt; `undefined`: not there. */
export type Held<T> = T | null | undefined;

export class ElementView {
  readonly #tasks = new Map<string, InterceptTask | null>();
  readonly #destinations = new Map<string, Destination | null>();
  /** How many tasks deliver to a destination, by DID. */
  readonly #uses = new Map<string, number>();
  #doubtful = 0;

  /** What a list of names tells. */
  constructor(xids: Iterable<string>, dids: Iterable<string>) {
    for (const xid of xids) this.setTask(xid, null);
    for (const did of dids) this.setDestination(did, null);
  }

  task(xid: string): Held<InterceptTask> {
    return this.#tasks.get(xid);
  }

  destination(did: string): Held<Destination> {
    return this.#destinations.get(did);
  }

  xids(): Iterable<string> {
    return this.#tasks.keys();
  }

  dids(): Iterable<string> {
    return this.#destinations.keys();
  }

  /** Whether a task delivers there, or may: nobody knows where one in doubt delivers to. */
  mayUse(did: string): boolean {
    return this.#doubtful > 0 || this.#uses.has(did);
  }

  /** Whether it is in doubt of any task what it is. */
  isDoubtful(): boolean {
    return this.#doubtful > 0;
  }

  setTask(xid: string, task: Held<InterceptTask>): void {
    const before = this.#tasks.get(xid);
    if (before === null) this.#doubtful -= 1;
    for (const did of before?.dids ?? []) this.#count(did, -1);
    if (task === null) this.#doubtful += 1;
    for (const did of task?.dids ?? []) this.#count(did, 1);
    if (task === undefined) this.#tasks.delete(xid);
    else this.#tasks.set(xid, task);
  }

  setDestination(did: string, destination: Held<Destination>): void {
    if (destination === undefined) this.#destinations.delete(did);
    else this.#destinations.set(did, destination);
  }

  #count(did: string, by: 1 | -1): void {
    const uses = (this.#uses.get(did) ?? 0) + by;
    if (uses === 0) this.#uses.delete(did);
    else this.#uses.set(did, uses);
  }
}
