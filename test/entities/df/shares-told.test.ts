/** What a mediator of several tells its operator of the others. */
import { describe, expect, it } from 'vitest';
import { sharesTold } from '../../../src/entities/df/start-stream-operation.ts';
import type { StreamsTold } from '../../../src/entities/df/start-stream-operation.ts';

const NOTHING: StreamsTold = {
  peers: () => [],
  queues: () => Promise.resolve([]),
  alarms: () => [],
  problems: () => [],
  meters: [],
};

describe('what a mediator says of the others', () => {
  const shares = { missed: [], unlike: [], others: ['b/1', 'c/2'], held: ['mediation-0'], changes: 1 };

  it('nothing is wrong where all do the same, and have all partitions', () => {
    const told = sharesTold(NOTHING, () => shares, { name: 'df1' });
    expect(told.alarms()).toEqual([]);
    expect(told.peers().map(({ name, role }) => [name, role])).toEqual([
      ['b/1', 'mediator'],
      ['c/2', 'mediator'],
    ]);
  });

  it('of which one has the role delivery and the other has not, and of partitions that nobody has', () => {
    const since = '2027-01-01T00:00:00.000Z';
    const missed = [{ thing: 'mediation-3', since }];
    const told = sharesTold(NOTHING, () => ({ ...shares, unlike: ['c/2'], missed }), { name: 'df1' });
    expect(told.alarms().map(({ name, about }) => [name, about])).toEqual([
      ['mediation-roles', 'c/2'],
      ['mediation-partition', 'df1 mediation-3'],
    ]);
    expect(told.problems()).toEqual([]);
  });
});
