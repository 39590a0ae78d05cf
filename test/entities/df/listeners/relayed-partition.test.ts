/** What is in the outbox of a partition, on its way into streams, while its lease and its destinations come and go. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { SharedTroubleLog } from '../../../../src/bytes/trouble-log.ts';
import { UNTAKEN } from '../../../../src/entities/df/listeners/relay-lane.ts';
import { RelayedPartition } from '../../../../src/entities/df/listeners/relayed-partition.ts';
import { SqliteDfStore } from '../../../../src/entities/df/store/sqlite.ts';
import type { LeaseState } from '../../../../src/storage/stream-lease.ts';
import { LEMF, psPdu } from '../../../support/handover-ways.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { silent } from '../../../support/silent.ts';
import { NOTHING } from '../store/compliance-values.ts';

const WRITER = { partition: 0, streamMadeAt: 7, token: 1 };

/** A stream that stores when the test says so. */
class HeldStream {
  stored = 0;
  readonly #asked: (() => void)[] = [];

  get asked(): number {
    return this.#asked.length;
  }

  publish(): Promise<number> {
    return new Promise((resolve) => this.#asked.push(() => resolve(++this.stored)));
  }

  store(): void {
    this.#asked.shift()?.();
  }
}

async function relayed() {
  const outbox = await SqliteDfStore.open(':memory:');
  onTestFinished(() => outbox.close());
  await outbox.commit({ ...NOTHING, outbox: [psPdu(LEMF, 'LIID-1', 0)] });
  const lease: { state: LeaseState } = { state: 'held' };
  const server = new HeldStream();
  const clock = new ManualClock();
  const partition = new RelayedPartition({
    ...{ outbox, lease, writer: WRITER, server, streams: { name: 'df' }, clock },
    untaken: new SharedTroubleLog(UNTAKEN, { logger: silent, now: () => 0 }),
  });
  onTestFinished(async () => {
    lease.state = 'lost';
    server.store();
    await partition.stop();
  });
  partition.follow(new Set([LEMF]));
  await expect.poll(() => server.asked).toBe(1);
  return { outbox, lease, server, clock, partition };
}

describe('what is on its way into a stream', () => {
  it('R-23: stays in the outbox where another may have had the partition when it came: it may be passed over', async () => {
    const { outbox, lease, server, clock, partition } = await relayed();
    lease.state = 'late';
    server.store();
    await expect.poll(() => partition.failure).toBe('the lease of the mediation was late when it came');
    expect([outbox.waiting(LEMF).count, partition.laid]).toEqual([1, 0]);
    lease.state = 'held';
    await clock.pass(10_000);
    await expect.poll(() => server.asked).toBe(1);
    server.store();
    await expect.poll(() => outbox.waiting(LEMF).count).toBe(0);
    expect(partition.laid).toBe(1);
  });

  it('R-23: is waited for by who gives the partition up, also where its destination has gone', async () => {
    const { server, partition } = await relayed();
    partition.follow(new Set());
    let isStopped = false;
    const stopping = partition.stop().then(() => (isStopped = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isStopped).toBe(false);
    server.store();
    await stopping;
    expect(partition.laid).toBe(1);
  });
});
