/** records of an audit log that become durable together, and that nobody else waits for. */
import { describe, expect, it } from 'vitest';
import { HashChainLog, verifyChain } from '../../src/evidence/log.ts';
import type { AuditStore } from '../../src/evidence/log.ts';

const clock = { now: () => 0, after: () => ({ cancel: () => undefined }) };

/** Lines in memory; a sync ends when the test says so. */
class SlowStore implements AuditStore {
  written: string[] = [];
  durable = 0;
  fails = false;
  readonly syncs: { readonly done: () => void; readonly failed: () => void }[] = [];

  lines(): string[] {
    return this.written;
  }

  append(lines: string): void {
    if (this.fails) throw this.#undone();
    this.written.push(...lines.split('\n'));
    this.durable = this.written.length;
  }

  readonly later = {
    write: (line: string): void => {
      if (this.fails) throw this.#undone();
      this.written.push(line);
    },
    sync: (): Promise<void> => {
      const end = this.written.length;
      return new Promise((resolve, reject) => {
        this.syncs.push({
          done: () => {
            this.durable = Math.max(this.durable, end);
            resolve();
          },
          failed: () => reject(this.#undone()),
        });
      });
    },
  };

  #undone(): Error {
    this.written.length = this.durable;
    return new Error('disk is full');
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const kinds = (store: SlowStore) => [...verifyChain(store.lines())].map(({ event }) => event.kind);

/** Records an event; says in `told` when it is durable, or that it is not on record. */
function recordInto(log: HashChainLog, told: string[]): (kind: string) => void {
  return (kind) => {
    log.appendSoon({ kind }).then(
      () => told.push(kind),
      () => told.push(`not ${kind}`),
    );
  };
}

function logOf(store: SlowStore) {
  const log = new HashChainLog(store, clock);
  const told: string[] = [];
  return { log, told, record: recordInto(log, told) };
}

describe('R-27: records that become durable together', () => {
  it('those that come while a sync runs share the next one, and none is told of before', async () => {
    const store = new SlowStore();
    const { log, told, record } = logOf(store);
    for (const kind of ['a', 'b', 'c', 'd']) record(kind);
    await settled();
    expect([told, store.syncs.length, log.head]).toEqual([[], 1, null]);
    record('e');
    store.syncs[0]?.done();
    await settled();
    expect([told, store.syncs.length, log.head?.sequence]).toEqual([['a', 'b', 'c', 'd'], 2, 3]);
    store.syncs[1]?.done();
    await log.settled();
    expect([told.at(-1), store.syncs.length, kinds(store)]).toEqual(['e', 2, ['a', 'b', 'c', 'd', 'e']]);
  });

  it('what cannot be made durable is not on record, and the chain goes on from what is', async () => {
    const store = new SlowStore();
    const { log, told, record } = logOf(store);
    log.append({ kind: 'before' });
    record('a');
    await settled();
    record('b');
    store.syncs[0]?.failed();
    await settled();
    expect([told, log.failure, log.head?.sequence]).toEqual([['not a', 'not b'], 'disk is full', 0]);
    record('c');
    await settled();
    store.syncs[1]?.done();
    await settled();
    expect([told.at(-1), log.failure, kinds(store)]).toEqual(['c', null, ['before', 'c']]);
  });

  it('one that is written at once makes those before it durable; one that fails takes them along', async () => {
    const store = new SlowStore();
    const { log, told, record } = logOf(store);
    record('a');
    log.append({ kind: 'b' });
    await settled();
    expect([told, log.head?.sequence]).toEqual([['a'], 1]);
    record('c');
    store.fails = true;
    expect(() => log.append({ kind: 'd' })).toThrow('disk is full');
    store.fails = false;
    // The sync that was under way says nothing of what came later.
    record('e');
    store.syncs[0]?.done();
    await settled();
    expect([told, log.head?.sequence]).toEqual([['a', 'not c'], 1]);
    store.syncs[1]?.done();
    await log.settled();
    expect([told, kinds(store)]).toEqual([
      ['a', 'not c', 'e'],
      ['a', 'b', 'e'],
    ]);
  });
});
