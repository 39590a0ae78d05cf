import { describe, expect, it } from 'vitest';
import type { AuditEvent } from '../../src/evidence/log.ts';
import { RefusalLog } from '../../src/evidence/refusals.ts';
import { ManualClock } from '../support/manual-clock.ts';

function open() {
  const events: AuditEvent[] = [];
  const clock = new ManualClock();
  const audit = {
    append: (event: AuditEvent) => {
      events.push(event);
      return { sequence: events.length, time: '', event, hash: '' };
    },
  };
  return { events, clock, log: new RefusalLog(audit, clock, { perPeer: 3, peers: 2, windowMs: 1000 }) };
}

const event = { kind: 'x1-forbidden' };

describe('R-72: refusals on record', () => {
  it('are bounded for one peer, and the rest is counted', () => {
    const { events, clock, log } = open();
    for (let n = 0; n < 100; n++) log.record('a', event);
    expect(events).toEqual([event, event, event, { kind: 'refusals-only-counted', peer: 'a' }]);
    expect(log.unrecorded).toBe(97);
    clock.advance(1000);
    log.record('a', event);
    log.record('a', event);
    expect(events.slice(4)).toEqual([{ ...event, unrecordedBefore: 97 }, event]);
  });

  it('of one peer take nothing from another', () => {
    const { events, log } = open();
    for (let n = 0; n < 100; n++) log.record('a', event);
    log.record('b', { ...event, peer: 'b' });
    expect(events.at(-1)).toEqual({ ...event, peer: 'b' });
  });

  it('are bounded for any number of names, until their time is over', () => {
    const { events, clock, log } = open();
    for (let n = 0; n < 100; n++) log.record(`name-${n}`, event);
    expect(events).toHaveLength(2 + 3 + 1);
    clock.advance(1000);
    log.record('late', event);
    log.record('late', event);
    expect(events).toHaveLength(8);
  });
});
