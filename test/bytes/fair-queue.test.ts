/** Turns for many, and shares of what is refused beyond them. */
import { describe, expect, it } from 'vitest';
import { FairQueue } from '../../src/bytes/fair-queue.ts';
import { countedAddress } from '../../src/bytes/network-address.ts';
import { settle } from '../support/manual-clock.ts';
import { Quotas } from '../../src/bytes/quotas.ts';

/** A queue whose work ends when the test says so. */
function held(limits: { atOnce?: number; each?: number; all?: number }) {
  const queue = new FairQueue({ atOnce: 1, each: 100, all: 100, ...limits });
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const ask = (key: string, name: string, signal?: AbortSignal): Promise<string> => {
    const work = (): Promise<void> => {
      begun.push(name);
      return new Promise((resolve) => ends.push(resolve));
    };
    return queue.run(key, work, signal).then(
      () => 'done',
      (error: unknown) => (error as { code: string }).code,
    );
  };
  const end = async (): Promise<void> => {
    const settled = async (): Promise<void> => {
      for (let n = 0; n < 8; n++) await Promise.resolve();
    };
    await settled();
    ends.shift()?.();
    await settled();
  };
  return { queue, begun, ask, end };
}

describe('R-67: a queue in which everybody has a turn', () => {
  it('serves whoever asks for one before most of another’s sixty', async () => {
    const { begun, ask, end, queue } = held({});
    const many = Array.from({ length: 60 }, (_, n) => ask('flood', `f${n}`));
    const one = ask('other', 'o');
    const third = [ask('third', 't0'), ask('third', 't1')];
    for (let n = 0; n < 6; n++) await end();
    expect(begun).toEqual(['f0', 'f1', 'o', 't0', 'f2', 't1', 'f3']);
    while (queue.waiting > 0) await end();
    await end();
    expect(await Promise.all([...many, one, ...third])).toEqual(Array(63).fill('done'));
  });

  it('does so many at once, also after work that fails', async () => {
    const queue = new FairQueue({ atOnce: 2, each: 9, all: 9 });
    let running = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running -= 1;
      throw new Error('fails');
    };
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => queue.run('a', work)));
    expect(all.map(({ status }) => status)).toEqual(Array(8).fill('rejected'));
    expect([most, running, queue.waiting]).toEqual([2, 0, 0]);
  });

  it('refuses one key what exceeds its own, and nobody else', async () => {
    const { ask, end, queue } = held({ each: 2 });
    const asked = ['r', 'a', 'b', 'c'].map((name) => ask('flood', name));
    expect(await asked[3]).toBe('share');
    const other = ask('other', 'o');
    for (let n = 0; n < 4; n++) await end();
    expect(await Promise.all([...asked.slice(0, 3), other])).toEqual(['done', 'done', 'done', 'done']);
    expect(queue.refused).toBe(1);
  });

  it('full: whoever has most loses its newest, never one for the sake of an equal', async () => {
    const { ask, queue, begun, end } = held({ all: 3 });
    const flood = ['r', 'f0', 'f1', 'f2'].map((name) => ask('flood', name));
    const b = ask('b', 'b');
    expect(await flood[3]).toBe('full');
    const c = ask('c', 'c');
    expect(await flood[2]).toBe('full');
    expect(await ask('d', 'd')).toBe('full');
    expect(await ask('flood', 'f3')).toBe('full');
    for (let n = 0; n < 4; n++) await end();
    expect(await Promise.all([flood[0], flood[1], b, c])).toEqual(Array(4).fill('done'));
    expect(begun).toEqual(['r', 'f0', 'b', 'c']);
    expect([queue.waiting, queue.refused]).toEqual([0, 4]);
  });

  it('whoever goes leaves the queue', async () => {
    const { ask, end, begun, queue } = held({});
    const gone = new AbortController();
    const all = [ask('a', 'a0'), ask('b', 'b0', gone.signal), ask('b', 'b1')];
    gone.abort();
    expect(await all[1]).toBe('gone');
    expect(await ask('b', 'b2', gone.signal)).toBe('gone');
    await end();
    await end();
    expect(begun).toEqual(['a0', 'b1']);
    expect([queue.waiting, queue.refused]).toEqual([0, 0]);
  });
});

describe('R-67: shares', () => {
  it('of one key so many are under way, of all so many, and what has ended ends once', () => {
    const shares = new Quotas({ each: 2, all: 3 });
    const [first, second, third] = [shares.begin('a', 0), shares.begin('a', 0), shares.begin('a', 0)];
    expect([first === null, second === null, third === null]).toEqual([false, false, true]);
    expect([shares.begin('b', 0) === null, shares.begin('c', 0) === null]).toEqual([false, true]);
    first?.();
    first?.();
    expect([shares.begin('c', 0) === null, shares.begin('a', 0) === null]).toEqual([false, true]);
    expect(shares.refused).toBe(3);
  });

  it('a pace: a burst, then one after the other, also after the clock was set back', () => {
    const shares = new Quotas({ each: 9, all: 9, pace: { burst: 3, seconds: 10 } });
    const begin = (key: string, now: number): boolean => {
      const end = shares.begin(key, now);
      end?.();
      return end !== null;
    };
    expect([1, 2, 3, 4].map(() => begin('a', 1000))).toEqual([true, true, true, false]);
    expect(begin('b', 1000)).toBe(true);
    expect([1009, 1010, 1010, 1019, 1020].map((now) => begin('a', now))).toEqual([
      false,
      true,
      false,
      false,
      true,
    ]);
    expect([1, 2, 3, 4].map(() => begin('a', 5000))).toEqual([true, true, true, false]);
    expect([1, 2, 3, 4].map(() => begin('a', 60))).toEqual([true, true, true, false]);
  });

  it('forgets accounts that are full again', () => {
    const shares = new Quotas({ each: 1, all: 1, pace: { burst: 1, seconds: 10 } });
    for (let n = 0; n < 5000; n++) shares.begin(`key ${n}`, n)?.();
    expect(shares.accounts).toBeLessThan(2100);
  });

  it('an address of IPv6 counts as its network', () => {
    const one = countedAddress('2001:db8:0:1::5');
    expect(one).toBe('2001:db8:0:1::/64');
    expect(countedAddress('2001:DB8::1:ffff:0:0:7')).toBe(one);
    expect(countedAddress('2001:db8:0:2::5')).not.toBe(one);
    expect(countedAddress('::1')).toBe('0:0:0:0::/64');
    expect(countedAddress('::ffff:192.0.2.7')).toBe('192.0.2.7');
    expect(countedAddress('192.0.2.7')).toBe('192.0.2.7');
  });
});

it('work that had its turn before goes before what else waits of its key, and whoever waits when it closes is told', async () => {
  const queue = new FairQueue({ atOnce: 1, each: Infinity, all: Infinity });
  const done: string[] = [];
  let end: () => void = () => undefined;
  const running = queue.run('a', () => new Promise<void>((resolve) => (end = resolve)));
  const later = (key: string, name: string, place?: 'first'): Promise<unknown> =>
    queue.run(key, () => Promise.resolve(done.push(name)), undefined, place);
  const waiting = [later('a', 'a2'), later('b', 'b1'), later('a', 'a1', 'first')];
  await settle();
  end();
  await Promise.all([running, ...waiting]);
  expect(done).toEqual(['a1', 'b1', 'a2']);
  const last = queue.run('a', () => new Promise<void>((resolve) => (end = resolve)));
  const refused = later('a', 'a3');
  queue.close();
  await expect(refused).rejects.toMatchObject({ code: 'gone' });
  await expect(later('c', 'c1')).rejects.toMatchObject({ code: 'gone' });
  await settle();
  end();
  await last;
  expect([done.length, queue.waiting]).toEqual([3, 0]);
});
