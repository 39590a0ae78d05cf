/**
 * Things that processes share out among them by leases: as many each. That one who stood still does nothing more with them
 * is for a fence to see to (`test/entities/df/partitions.test.ts`).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/host/runtime.ts';
import { StreamServer } from '../../src/storage/jetstream.ts';
import { LeaseShares } from '../../src/storage/lease-shares.ts';
import type { LeaseSharesOptions, SharedWork } from '../../src/storage/lease-shares.ts';
import { LEASE_HOLDER } from '../../src/storage/stream-lease.ts';
import { missingNats, NatsServer } from '../support/nats-server.ts';
import { silent } from '../support/silent.ts';

const TTL_MS = 600;
const THINGS = ['p-0', 'p-1', 'p-2', 'p-3', 'p-4', 'p-5', 'p-6', 'p-7'];

describe.skipIf(missingNats())('R-23: things that processes share by leases', () => {
  let nats: NatsServer;
  let kinds = 0;
  const running: LeaseShares[] = [];
  const servers: StreamServer[] = [];

  beforeAll(async () => {
    nats = await NatsServer.own();
  });
  afterEach(async () => {
    for (const shares of running.splice(0)) await shares.stop();
    for (const server of servers.splice(0)) await server.close();
  });
  afterAll(() => nats.remove());

  /** Work that does nothing but say who is at it. */
  class Workplace {
    readonly #at = new Set<string>();
    readonly ends = new Map<string, () => void>();

    begin(who: string): LeaseSharesOptions['begin'] {
      return async (thing): Promise<SharedWork> => {
        await sleep(5);
        this.#at.add(`${who} ${thing}`);
        return {
          over: new Promise<void>((resolve) => this.ends.set(thing, resolve)),
          stop: async () => {
            await sleep(5);
            this.#at.delete(`${who} ${thing}`);
          },
        };
      };
    }

    get held(): Record<string, number> {
      const counts: Record<string, number> = {};
      for (const at of this.#at) counts[at.charAt(0)] = (counts[at.charAt(0)] ?? 0) + 1;
      return counts;
    }
  }

  function kind() {
    const stream = `shares${++kinds}`;
    const place = new Workplace();
    const start = async (name: string, others: Partial<LeaseSharesOptions> = {}): Promise<LeaseShares> => {
      const ports = { clock: systemClock(), logger: silent };
      const server = await StreamServer.connect(nats.access, ports);
      servers.push(server);
      const prefix = `${stream}.lease.`;
      await server.keep({
        name: stream,
        subjects: [`${prefix}*`],
        octets: 1 << 20,
        perSubject: 1,
        replicas: 1,
      });
      const shares = await LeaseShares.begin({
        ...{ server, stream, prefix, name, ttlMs: TTL_MS, ports },
        things: () => THINGS,
        begin: place.begin(name),
        ...others,
      });
      running.push(shares);
      return shares;
    };
    return { place, start };
  }

  const sizes = (held: Record<string, number>): number[] => Object.values(held).sort();

  it('one has all; of three each has its share', async () => {
    const { place, start } = kind();
    const first = await start('a');
    await expect.poll(() => first.held, { interval: 20 }).toEqual(THINGS);
    await start('b');
    await start('c');
    await expect.poll(() => sizes(place.held), { interval: 20 }).toEqual([2, 3, 3]);
    expect(first.others.map((name) => name.split('/')[0])).toEqual(['b', 'c']);
  });

  it('who ends gives back what it has at once; who has gone without a word loses it when it is late', async () => {
    const { place, start } = kind();
    const [first, second] = [await start('a', { ttlMs: TTL_MS }), await start('b')];
    await expect.poll(() => sizes(place.held), { interval: 20 }).toEqual([4, 4]);
    await second.stop();
    running.splice(running.indexOf(second), 1);
    await expect.poll(() => place.held, { interval: 20 }).toEqual({ a: 8 });
    const third = await start('c');
    await expect.poll(() => sizes(place.held), { interval: 20 }).toEqual([4, 4]);
    // Its connection ends, and so do its renewals.
    await servers.at(-1)?.close();
    await expect.poll(() => first.held, { interval: 20 }).toEqual(THINGS);
    expect(first.missed).toEqual([]);
    await third.stop();
    running.splice(running.indexOf(third), 1);
  });

  it('who is there again takes what it had at once, and the others keep theirs', async () => {
    const { place, start } = kind();
    const own = { isNameOwn: true, ttlMs: 3_000 };
    const first = await start('a', own);
    await expect.poll(() => first.held, { interval: 20 }).toEqual(THINGS);
    const killed = await start('b', own);
    await expect.poll(() => sizes(place.held), { interval: 20 }).toEqual([4, 4]);
    const [held, changes] = [killed.held, first.changes];
    await servers.at(-1)?.close();
    // To this one nothing is ever late.
    const ports = { clock: systemClock(), logger: silent, steady: () => 0 };
    const again = await start('b', { ...own, ports });
    await expect.poll(() => again.held, { interval: 20 }).toEqual(held);
    expect(first.changes).toBe(changes);
    expect(first.others).toHaveLength(1);
  });

  it('what cannot go on is given back, and what cannot be begun is tried again', async () => {
    const { place, start } = kind();
    let failures = 3;
    const begin = place.begin('a');
    const shares = await start('a', {
      begin: (thing, lease) => {
        if (failures-- > 0) return Promise.reject(new Error('not now'));
        return begin(thing, lease);
      },
    });
    await expect.poll(() => shares.held, { interval: 20 }).toEqual(THINGS);
    const { changes } = shares;
    place.ends.get('p-3')?.();
    await expect.poll(() => shares.changes, { interval: 20 }).toBeGreaterThan(changes + 1);
    await expect.poll(() => place.held, { interval: 20 }).toEqual({ a: 8 });
  });

  it('R-23: who cannot do the work for a while leaves all of it to others, and has its share again when it can', async () => {
    const { place, start } = kind();
    let isAble = true;
    const first = await start('a', { isAble: () => isAble });
    await start('b');
    await expect.poll(() => sizes(place.held), { interval: 20 }).toEqual([4, 4]);
    isAble = false;
    await expect.poll(() => place.held, { interval: 20 }).toEqual({ b: 8 });
    expect(first.held).toEqual([]);
    // What changed hands slowly may have been missed for a moment; it is not any more.
    await expect.poll(() => first.missed, { interval: 20 }).toEqual([]);
    isAble = true;
    await expect.poll(() => sizes(place.held), { interval: 20 }).toEqual([4, 4]);
  });

  it('of those that do the work in another way the others know', async () => {
    const { start } = kind();
    const [first, second] = [await start('a', { way: 'by itself' }), await start('b', { way: 'by others' })];
    await start('c');
    await expect.poll(() => first.unlike.map((name) => name.split('/')[0]), { interval: 20 }).toEqual(['b']);
    await expect.poll(() => second.unlike.map((name) => name.split('/')[0]), { interval: 20 }).toEqual(['a']);
  });

  it('who has not heard that a thing was given back takes it nevertheless', async () => {
    const { place, start } = kind();
    const first = await start('a');
    await expect.poll(() => first.held, { interval: 20 }).toEqual(THINGS);
    await start('b', { server: deafTo(servers.at(-1)!, '.p-3') });
    await expect.poll(() => sizes(place.held), { interval: 20 }).toEqual([4, 4]);
    await first.stop();
    running.splice(running.indexOf(first), 1);
    await expect.poll(() => place.held, { interval: 20 }).toEqual({ b: 8 });
  });

  it('a thing that is given back, which does not come to its end, is told of after a while', async () => {
    const { start } = kind();
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const shares = await start('a', {
      things: () => ['x'],
      begin: () => Promise.resolve({ over: Promise.resolve(), stop: () => ended }),
    });
    try {
      await expect.poll(() => shares.missed.map(({ thing }) => thing), { interval: 20 }).toEqual(['x']);
    } finally {
      end();
    }
  });

  it('R-23: a thing that two try to begin for long, each in vain, is told of by both', async () => {
    const { start } = kind();
    const begin = async (): Promise<SharedWork> => {
      await sleep(TTL_MS * 1.5);
      throw new Error('the database does not answer');
    };
    const both = [
      await start('a', { things: () => ['x'], begin }),
      await start('b', { things: () => ['x'], begin }),
    ];
    for (const shares of both)
      await expect.poll(() => shares.missed.map(({ thing }) => thing), { interval: 20 }).toEqual(['x']);
  });

  it('things that nobody can begin are told of after a while', async () => {
    const { start } = kind();
    const things = ['x'];
    const shares = await start('a', {
      things: () => things,
      begin: () => Promise.reject(new Error('never')),
    });
    await expect.poll(() => shares.missed.map(({ thing }) => thing), { interval: 20 }).toEqual(['x']);
    things.pop();
    await expect.poll(() => shares.missed, { interval: 20 }).toEqual([]);
  });
});

/** A server of which a reader does not hear that a thing is given back. */
function deafTo(server: StreamServer, ending: string): LeaseSharesOptions['server'] {
  return {
    newest: (...place) => server.newest(...place),
    publish: (...message) => server.publish(...message),
    remove: (...message) => server.remove(...message),
    read: (...place) => {
      const reading = server.read(...place);
      const take = reading.take.bind(reading);
      reading.take = async () => {
        for (;;) {
          const taken = await take();
          const heard = taken.filter(
            (message) => !message.subject.endsWith(ending) || message.header(LEASE_HOLDER) !== '',
          );
          if (taken.length === 0 || heard.length > 0) return heard;
        }
      };
      return reading;
    },
  };
}
