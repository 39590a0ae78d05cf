/** What is remembered of messages, bounded in all and per source. */
import { beforeEach, describe, expect, it } from 'vitest';
import { FairMemory } from '../../../src/entities/cscf/fair-memory.ts';
import { ManualClock } from '../../support/manual-clock.ts';

interface Thing {
  readonly name: string;
  readonly source: string;
  octets: number;
  readonly matched: boolean;
}

let clock: ManualClock;
let gone: string[];
let memory: FairMemory<Thing>;

beforeEach(() => {
  clock = new ManualClock();
  gone = [];
  memory = new FairMemory<Thing>(clock, { items: 4, octets: 1000, lifeMs: 60_000 }, ({ name }) =>
    gone.push(name),
  );
});

function keep(name: string, source: string, octets = 1, matched = false): Thing {
  const thing = { name, source, octets, matched };
  memory.keep(thing);
  return thing;
}

describe('R-65: what is remembered', () => {
  it('who holds most loses first, the oldest of its own', () => {
    keep('quiet', 'a');
    for (const name of ['1', '2', '3', '4', '5']) keep(name, 'b');
    expect([gone, memory.size, memory.crowdedOut]).toEqual([['1', '2'], 4, 2]);
  });

  it('… by octets as well as by number', () => {
    keep('small', 'a', 100);
    keep('old', 'b', 400);
    const growing = keep('large', 'b', 400);
    growing.octets = 600;
    memory.keep(growing);
    expect([gone, memory.octets]).toEqual([['old'], 700]);
  });

  it('what a task has matched goes only where nothing else is left, whoever holds most', () => {
    keep('other', 'a');
    for (const name of ['1', '2', '3', '4']) keep(name, 'b', 1, true);
    expect(gone).toEqual(['other']);
    keep('5', 'b', 1, true);
    expect(gone).toEqual(['other', '1']);
  });

  it('what is not touched expires, the rest later', () => {
    keep('first', 'a');
    clock.advance(30_000);
    const second = keep('second', 'a');
    clock.advance(30_000);
    expect(gone).toEqual(['first']);
    memory.keep(second);
    clock.advance(59_999);
    expect(gone).toEqual(['first']);
    clock.advance(1);
    expect([gone, memory.size, memory.octets]).toEqual([['first', 'second'], 0, 0]);
  });

  it('what is dropped is not told of, and frees its place', () => {
    const first = keep('first', 'a');
    memory.drop(first);
    clock.advance(60_000);
    expect([gone, memory.size]).toEqual([[], 0]);
  });
});
