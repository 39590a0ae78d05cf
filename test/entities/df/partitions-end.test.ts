/** The end of a partition that a process had: all of it ends, whatever one part of it has to say. */
import { expect, it } from 'vitest';
import { Partitions } from '../../../src/entities/df/start-partitions.ts';
import type { PartitionsOptions } from '../../../src/entities/df/start-partitions.ts';
import type { StreamLease } from '../../../src/storage/stream-lease.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { silent } from '../../support/silent.ts';

const LEASE = { token: 7, state: 'lost' } as unknown as StreamLease;
const SETTINGS = { name: 'df', partitions: 2, leaseMs: 1000 };

/** What is done to what a partition has, in order. */
function partitionsWith(failing: string | null) {
  const done: string[] = [];
  const does = (what: string) => (): Promise<void> => {
    done.push(what);
    return what === failing ? Promise.reject(new Error(what)) : Promise.resolve();
  };
  const reading = { close: does('reading'), take: () => Promise.resolve([]) };
  const store = { lost: new Promise(() => undefined), giveUp: does('give up'), close: does('store') };
  const partitions = new Partitions({
    server: { madeAt: () => Promise.resolve('x'), read: () => reading },
    settings: SETTINGS,
    runtime: { clock: new ManualClock(), logger: silent },
    host: { open: () => Promise.resolve({}), close: does('mediation') },
    outbox: { add: () => undefined, remove: () => done.push('outbox') },
    relay: { add: () => undefined, remove: does('relay') },
    partitioned: { problem: null, partition: () => Promise.resolve(store) },
  } as unknown as PartitionsOptions);
  return { done, begun: partitions.sharedAs('mediator').begin('mediation-1', LEASE) };
}

const PARTS = ['give up', 'reading', 'outbox', 'relay', 'mediation', 'store'];

it.each([null, 'reading', 'relay', 'mediation'])(
  'R-91: a partition ends whole where %s cannot',
  async (failing) => {
    const { done, begun } = partitionsWith(failing);
    const ending = (await begun).stop();
    if (failing === null) await ending;
    else await expect(ending).rejects.toThrow(failing);
    expect(done.filter((what, at) => done.indexOf(what) === at)).toEqual(PARTS);
  },
);
