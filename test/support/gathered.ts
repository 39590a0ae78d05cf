/**
 * What the tests of a file gather and judge at its end. Files of one process share their modules: a list in a module
 * would give to one file what another has left there.
 */
import { afterAll, beforeAll } from 'vitest';

export class Gathered<Item> {
  readonly #items: Item[] = [];

  add(item: Item): void {
    this.#items.push(item);
  }

  /** For a test file that calls this: `judge` gets all that was gathered since its begin, at its end. */
  judgedAtEnd(judge: (items: readonly Item[]) => void): void {
    beforeAll(() => void this.#items.splice(0));
    afterAll(() => judge(this.#items.splice(0)));
  }
}
