/** Many warrants whose times come together: each is its own. */
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/bytes/ports.ts';
import type { HistoryEntry, WarrantRecord } from '../../../src/entities/admf/warrants.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { activate } from './issue.ts';
import { breathe, home, HOUR, NOW, warrant } from './support.ts';

describe('R-75: many warrants at a time', { timeout: 60_000 }, () => {
  it('200 that start and 200 that end within one second do so each at its own time, however slowly another drains', async () => {
    const clock = new ManualClock(NOW);
    const bench = await home(clock);
    const admf = await bench.open({ drainMs: 60_000 });
    const { elements } = bench;
    const times = (at: number) => Array.from({ length: 200 }, (_, k) => at + k * 5);
    const enter = (liid: string, startTime: number, endTime: number) =>
      activate(admf, { ...warrant, liid, startTime, endTime });
    const ends = times(NOW + HOUR);
    const starts = times(NOW + HOUR);
    await Promise.all([
      ...ends.map((end, k) => enter(`E${k}`, NOW, end)),
      ...starts.map((start, k) => enter(`S${k}`, start, NOW + 3 * HOUR)),
    ]);
    expect(elements.cscf.table.tasks()).toHaveLength(200);
    expect(elements.df.table.tasks()).toHaveLength(400);
    clock.advance(HOUR - 1);
    for (let k = 0; k < 200; k += 50) {
      clock.advance(k === 0 ? 1 : 250);
      for (let i = 0; i < 10; i += 1) await breathe();
      const now = clock.now();
      const xids = new Set(elements.cscf.table.tasks().map(({ xid }) => xid));
      for (const { warrant: each, xid } of admf.list()) {
        const covered = each.startTime <= now && now < each.endTime;
        expect(xids.has(xid), `${each.liid} ${now - NOW - HOUR}`).toBe(covered);
      }
      expect(elements.gateway.table.tasks().length).toBe(xids.size);
    }
    // What has ended still drains; nothing that waits for it holds up anybody.
    expect(elements.df.table.tasks()).toHaveLength(400);
  });

  it('40 that start at a millisecond each are taken in a few turns, and none is over 25 ms late or begins early', async () => {
    const clock = new ManualClock(NOW);
    const bench = await home(clock);
    const turns = new Set<number>();
    const store = {
      load: () => bench.store.load(),
      saveDid: (key: string, did: string) => bench.store.saveDid(key, did),
      history: (liid: string) => bench.store.history(liid),
      saveWarrants: (records: readonly WarrantRecord[], entries: readonly HistoryEntry[]) => {
        if (records.some(({ state }) => state === 'provisioning')) turns.add(clock.now());
        return bench.store.saveWarrants(records, entries);
      },
    };
    const admf = await bench.open({ store });
    const from = NOW + HOUR;
    const entered = Array.from({ length: 40 }, (_, k) =>
      activate(admf, { ...warrant, liid: `S${k}`, startTime: from + k, endTime: NOW + 3 * HOUR }),
    );
    await Promise.all(entered);
    clock.advance(HOUR - 1);
    for (let k = 0; k < 70; k += 1) {
      clock.advance(1);
      for (let i = 0; i < 3; i += 1) await breathe();
      const now = clock.now();
      for (const { warrant: each, state } of admf.list()) {
        const late = now - each.startTime;
        if (late < 0) expect(state, each.liid).toBe('approved');
        if (late >= 25) expect(state, each.liid).not.toBe('approved');
      }
    }
    expect(bench.elements.cscf.table.tasks()).toHaveLength(40);
    expect(turns.size).toBeLessThan(10);
  });

  it('a step that cannot be put on record is taken as soon as it can be', async () => {
    const clock = new ManualClock(NOW);
    const bench = await home(clock);
    let isFull = false;
    const store = {
      load: () => bench.store.load(),
      saveDid: (key: string, did: string) => bench.store.saveDid(key, did),
      history: (liid: string) => bench.store.history(liid),
      saveWarrants: (records: readonly WarrantRecord[], entries: readonly HistoryEntry[]) =>
        isFull ? Promise.reject(new Error('disk is full')) : bench.store.saveWarrants(records, entries),
    };
    const admf = await bench.open({ store });
    await activate(admf, warrant);
    isFull = true;
    await clock.pass(HOUR + 10_000);
    expect(admf.list()).toMatchObject([{ state: 'active' }]);
    isFull = false;
    await clock.pass(60_000);
    expect(admf.list()).toMatchObject([{ state: 'ended' }]);
    expect(bench.elements.cscf.table.tasks()).toEqual([]);
    await admf.stop();
  });

  it('a clock that is set back does not make what is due wait for it', async () => {
    const real = new ManualClock(NOW);
    let back = 0;
    const clock: Clock = { now: () => real.now() - back, after: (ms, action) => real.after(ms, action) };
    const bench = await home(clock);
    const admf = await bench.open({ clock });
    await activate(admf, { ...warrant, startTime: NOW - HOUR, endTime: NOW + HOUR });
    back = HOUR;
    await activate(admf, { ...warrant, liid: 'LIID2', startTime: NOW - HOUR + 100, endTime: NOW });
    real.advance(100);
    await breathe();
    expect(bench.elements.cscf.table.tasks()).toHaveLength(2);
  });

  it('a timer that fires early decides nothing and sets itself again', async () => {
    const real = new ManualClock(NOW);
    const bench = await home(real);
    const clock: Clock = { now: () => real.now(), after: (ms, action) => real.after(ms / 2, action) };
    const admf = await bench.open({ clock });
    await activate(admf, { ...warrant, startTime: NOW + 1000, endTime: NOW + 2000 });
    for (const [ms, tasks] of [
      [500, 0],
      [250, 0],
      [125, 0],
      [125, 1],
      [999, 1],
      [1, 0],
    ] as const) {
      real.advance(ms);
      await breathe();
      expect(bench.elements.cscf.table.tasks(), `${real.now() - NOW}`).toHaveLength(tasks);
    }
  });
});
