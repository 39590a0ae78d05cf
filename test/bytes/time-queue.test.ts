import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TimeQueue } from '../../src/bytes/time-queue.ts';

it('names are due at their last time, whatever came and went before', () => {
  const change = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.option(fc.integer({ min: 0, max: 20 })));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const queue = new TimeQueue();
      const times = new Map<string, number>();
      for (const [name, at] of changes) {
        queue.set(`${name}`, at);
        if (at === null) times.delete(`${name}`);
        else times.set(`${name}`, at);
        expect(queue.next).toBe(Math.min(Infinity, ...times.values()));
      }
      for (let now = -1; now <= 21; now += 1) {
        const due = [...times].filter(([, at]) => at <= now).map(([name]) => name);
        expect(queue.due(now).sort()).toEqual(due.sort());
      }
    }),
  );
});
