import { describe, expect, test } from 'vitest';
import { RekeySchedule } from '../../src/endpoint/rekey-schedule.ts';
import { ManualClock } from '../support/manual-clock.ts';

function scheduled(
  settings: { readonly everyMs: number | null; readonly everyPackets: number | null },
  role: 'initiator' | 'responder' = 'initiator',
) {
  const clock = new ManualClock();
  const told = { times: 0 };
  const schedule = new RekeySchedule(clock, settings, role, () => told.times++);
  schedule.begin();
  return { clock, told, schedule };
}

describe('the keys of a call are due to be replaced', () => {
  test('R-43: after the time that is set, once, and again after the next keys', () => {
    const { clock, told, schedule } = scheduled({ everyMs: 1000, everyPackets: null });
    clock.advance(999);
    expect([told.times, schedule.isDue]).toEqual([0, false]);
    clock.advance(5000);
    expect([told.times, schedule.isDue]).toEqual([1, true]);
    schedule.begin();
    expect(schedule.isDue).toBe(false);
    clock.advance(1000);
    expect(told.times).toBe(2);
  });

  test('R-43: after the packets that are set, whichever comes first', () => {
    const { clock, told, schedule } = scheduled({ everyMs: 1000, everyPackets: 3 });
    for (let i = 0; i < 7; i++) schedule.packet();
    expect(told.times).toBe(1);
    clock.advance(2000);
    expect(told.times).toBe(1);
    schedule.begin();
    for (let i = 0; i < 2; i++) schedule.packet();
    expect(told.times).toBe(1);
    clock.advance(1000);
    expect(told.times).toBe(2);
  });

  test('R-43: at the responder a little later, so that two ends of equal settings do not cross each time', () => {
    const { clock, told } = scheduled({ everyMs: 800, everyPackets: null }, 'responder');
    clock.advance(899);
    expect(told.times).toBe(0);
    clock.advance(1);
    expect(told.times).toBe(1);
  });

  test('R-43: never where nothing is set, or the call is over', () => {
    const { clock, told, schedule } = scheduled({ everyMs: null, everyPackets: null });
    const other = scheduled({ everyMs: 10, everyPackets: 1 });
    other.schedule.stop();
    other.schedule.packet();
    other.clock.advance(100);
    schedule.packet();
    clock.advance(10_000_000);
    expect([told.times, other.told.times]).toEqual([0, 0]);
  });
});
