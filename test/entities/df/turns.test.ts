/** Turns that wait while a commit runs are done, and committed, together. */
import { describe, expect, it } from 'vitest';
import type { DfChanges } from '../../../src/entities/df/ports.ts';
import { Turns } from '../../../src/entities/df/turns.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { byEachEngine } from './delivery-function.ts';
import { call, handedOver } from './support.ts';

/** Performs groups when it is told to, and keeps what they were. */
class Store {
  readonly groups: string[][] = [];
  #done: string[] = [];
  #release: (() => void) | null = null;
  /** What cannot be committed. */
  refused: (group: readonly string[]) => boolean = () => false;
  held = false;

  readonly clock = new ManualClock();
  readonly turns: Turns;

  readonly #gatherMs: number;

  /** @param gatherMs for which turns that may wait do so */
  constructor(gatherMs = 0) {
    this.#gatherMs = gatherMs;
    this.turns = new Turns(async (works) => {
      this.#done = [];
      for (const work of works) work();
      const group = this.#done;
      if (this.held) await new Promise<void>((resolve) => (this.#release = resolve));
      if (this.refused(group)) throw new Error(`cannot commit ${group.join(' ')}`);
      this.groups.push(group);
    }, this.clock);
  }

  /** A turn of that name. */
  give(name: string, weight = 1, mayWait = false): Promise<string> {
    return this.turns.run(
      () => {
        if (name.startsWith('broken')) throw new Error(name);
        this.#done.push(name);
        return name;
      },
      { weight, waitMs: mayWait ? this.#gatherMs : 0 },
    );
  }

  async go(): Promise<void> {
    while (this.#release === null) await Promise.resolve();
    this.#release();
    this.#release = null;
  }
}

async function outcomes(given: readonly Promise<string>[]): Promise<string[]> {
  const settled = await Promise.allSettled(given);
  return settled.map((each) => (each.status === 'fulfilled' ? each.value : (each.reason as Error).message));
}

describe('turns of the mediation', () => {
  it('R-23: those that wait while a commit runs are the next one, in their order', async () => {
    const store = new Store();
    store.held = true;
    const first = store.give('a');
    await Promise.resolve();
    await Promise.resolve();
    const others = ['b', 'c', 'd'].map((name) => store.give(name));
    await store.go();
    expect(await first).toBe('a');
    await store.go();
    expect(await outcomes(others)).toEqual(['b', 'c', 'd']);
    expect(store.groups).toEqual([['a'], ['b', 'c', 'd']]);
  });

  it('R-23: one that fails does not fail the others, which are done again', async () => {
    const store = new Store();
    const given = ['a', 'broken', 'b'].map((name) => store.give(name));
    expect(await outcomes(given)).toEqual(['a', 'broken', 'b']);
    expect(store.groups).toEqual([['a'], ['b']]);
  });

  it('R-23: one that cannot be committed does not fail the others', async () => {
    const store = new Store();
    store.refused = (group) => group.includes('poison');
    const given = ['a', 'poison', 'b'].map((name) => store.give(name));
    expect(await outcomes(given)).toEqual(['a', 'cannot commit poison', 'b']);
    expect(store.groups).toEqual([['a'], ['b']]);
  });

  it('R-23: where the store fails, not every turn of a group is tried', async () => {
    const store = new Store();
    let tried = 0;
    store.refused = () => ++tried > 0;
    const given = Array.from({ length: 100 }, (_, n) => store.give(String(n)));
    const texts = await outcomes(given);
    expect(texts.every((text) => text.startsWith('cannot commit'))).toBe(true);
    expect(tried).toBe(3);
    store.refused = () => false;
    expect(await store.give('again')).toBe('again');
  });

  it('a group has no more PDUs than its bound, but for its first turn', async () => {
    const store = new Store();
    const given = [3_000, 1_000, 900, 200].map((weight) => store.give(String(weight), weight));
    await outcomes(given);
    expect(store.groups).toEqual([['3000'], ['1000', '900'], ['200']]);
  });

  it('R-23: turns that may wait do so for others, from the beginning of the group before them', async () => {
    const store = new Store(10);
    await store.give('first', 1, true);
    await store.clock.pass(4);
    const given = ['a', 'b'].map((name) => store.give(name, 1, true));
    await store.clock.pass(5);
    expect(store.groups).toEqual([['first']]);
    await store.clock.pass(1);
    expect(await outcomes(given)).toEqual(['a', 'b']);
    expect(store.groups).toEqual([['first'], ['a', 'b']]);
    await store.clock.pass(10);
    await store.give('later', 1, true);
    expect(store.groups).toHaveLength(3);
  });

  it('R-23: those that wait go before one that may not, at once', async () => {
    const store = new Store(10);
    await store.give('first', 1, true);
    const waits = store.give('a', 1, true);
    await store.clock.pass(0);
    const others = [store.give('b'), store.give('c', 1, true)];
    expect(await outcomes([waits, ...others])).toEqual(['a', 'b', 'c']);
    expect(store.groups).toEqual([['first'], ['a', 'b', 'c']]);
  });

  it('R-23: those that wait go when there are enough of them, and at the end', async () => {
    const store = new Store(10);
    await store.give('first', 1, true);
    const many = [store.give('a', 200, true), store.give('b', 55, true)];
    await store.clock.pass(0);
    expect(store.groups).toEqual([['first']]);
    many.push(store.give('c', 1, true));
    expect(await outcomes(many)).toEqual(['a', 'b', 'c']);
    const last = store.give('last', 1, true);
    await store.clock.pass(0);
    await store.turns.ended();
    expect(await last).toBe('last');
    expect(store.groups).toEqual([['first'], ['a', 'b', 'c'], ['last']]);
  });

  byEachEngine((start) => {
    it('R-20 R-23: batches of several connections share a commit, and number records as they came', async () => {
      const df = await start();
      const commits: number[] = [];
      const commit = df.store.commit.bind(df.store);
      df.store.commit = (changes: DfChanges) => {
        commits.push(changes.outbox.length);
        return commit(changes);
      };
      const steps = call();
      const packets = [0, 1, 2].map((n) => df.poi.x3(Uint8Array.of(n)));
      await Promise.all([
        ...steps.map((step) => df.mediation.accept([df.poi.x2(step)])),
        ...packets.map((packet) => df.mediation.accept([packet])),
      ]);
      expect(commits[0]).toBe(steps.length + packets.length);
      const records = (await handedOver(df.store)).slice(0, steps.length + packets.length);
      const numbers = (isContent: boolean) =>
        records
          .filter(({ kind }) => (kind === 'cc') === isContent)
          .map(({ sequenceNumber }) => sequenceNumber);
      expect(numbers(false)).toEqual([0, 1, 2, 3]);
      expect(numbers(true)).toEqual([0, 1, 2]);
    });
  });
});
