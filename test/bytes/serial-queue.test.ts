import { describe, expect, it } from 'vitest';
import { BackOff } from '../../src/bytes/back-off.ts';
import { SerialQueue } from '../../src/bytes/serial-queue.ts';

describe('SerialQueue', () => {
  it('begins each piece of work when the one before has ended, and gives what it gives', async () => {
    const queue = new SerialQueue();
    const course: string[] = [];
    const open: (() => void)[] = [];
    const slow = queue.run(async () => {
      course.push('first begins');
      await new Promise<void>((resolve) => open.push(resolve));
      course.push('first ends');
      return 1;
    });
    const quick = queue.run(() => {
      course.push('second');
      return 2;
    });
    await Promise.resolve();
    expect(course).toEqual(['first begins']);
    open[0]!();
    expect(await Promise.all([slow, quick])).toEqual([1, 2]);
    expect(course).toEqual(['first begins', 'first ends', 'second']);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['fails later', () => Promise.reject(new Error('broken'))],
  ])('goes on after work that %s, and tells only who gave it', async (_, work: () => Promise<never>) => {
    const queue = new SerialQueue();
    const broken = queue.run(work);
    const next = queue.run(() => 'done');
    await expect(broken).rejects.toThrow('broken');
    await expect(next).resolves.toBe('done');
    await expect(queue.ended()).resolves.toBeUndefined();
  });

  it('has ended when the last has', async () => {
    const queue = new SerialQueue();
    const course: string[] = [];
    const work = queue.run(() => Promise.resolve().then(() => course.push('work')));
    await queue.ended();
    expect(course).toEqual(['work']);
    await work;
  });
});

describe('BackOff', () => {
  it('doubles up to its bound, and begins again after a success', () => {
    const pauses = new BackOff(200, 1_000);
    expect([1, 2, 3, 4, 5].map(() => pauses.next())).toEqual([200, 400, 800, 1_000, 1_000]);
    pauses.reset();
    expect(pauses.next()).toBe(200);
    expect(pauses.next()).toBe(400);
  });
});
