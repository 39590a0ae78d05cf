/** Which questions a warrant covers, by the times of their messages and by who held what then (Xk). */
import { describe, expect, it } from 'vitest';
import { coverageOf } from '../../../src/entities/kms/coverage.ts';
import type { Holding, WarrantPeriod } from '../../../src/entities/kms/ports.ts';

const settings = { sessionMemory: 3600, retention: 86_400 };
const A = 'sip:a@h';
const B = 'sip:b@h';
const NUMBER = 'tel:+1555';

function holding(subscriber: string, uri: string, from = 0, until = Infinity): Holding {
  return { subscriber, uri, kind: uri.startsWith('tel:') ? 'alias' : 'public', from, until };
}

const holdings = [holding('alice', A), holding('bob', B)];
const period: WarrantPeriod = { targets: [A], start: 10_000, end: 20_000 };

interface Asked {
  readonly periods?: readonly WarrantPeriod[];
  readonly name?: string;
  readonly midCall?: boolean;
  readonly holdings?: readonly Holding[];
}

/** `in-time`, `before-start`, or why not. */
function verdict(now: number, times: number | readonly number[], asked: Asked = {}): string {
  const all = typeof times === 'number' ? [times] : times;
  const question = { now, names: [asked.name ?? A], times: all, midCall: asked.midCall ?? false };
  const warrant = { xid: 'x', periods: asked.periods ?? [period] };
  const coverage = coverageOf(warrant, question, asked.holdings ?? holdings, settings);
  if (typeof coverage === 'string') return coverage;
  return coverage.beforeStart ? 'before-start' : 'in-time';
}

const OUTSIDE = 'outside-validity';
const NOT_COVERED = 'target-not-covered';
const midCall = { midCall: true };

describe('time rules', () => {
  it('in force: T not after the end', () => {
    expect(verdict(15_000, 12_000)).toBe('in-time');
    expect(verdict(15_000, 10_000)).toBe('in-time');
    expect(verdict(19_999, 19_999)).toBe('in-time');
    expect(verdict(15_000, [12_000, 20_000])).toBe(OUTSIDE);
  });

  it('at the very start and end', () => {
    expect(verdict(10_000, 10_000)).toBe('in-time');
    expect(verdict(10_000, 9_999.999)).toBe(OUTSIDE);
    expect(verdict(20_000, 19_999.999)).toBe('in-time');
    expect(verdict(20_000, 20_000)).toBe(OUTSIDE);
  });

  it('before its start, nothing is answered', () => {
    expect(verdict(9_999, 9_999)).toBe(OUTSIDE);
    expect(verdict(9_999, 12_000, midCall)).toBe(OUTSIDE);
  });

  it('T before the start: with midCall only, within the session memory, and marked', () => {
    expect(verdict(15_000, 9_999)).toBe(OUTSIDE);
    expect(verdict(15_000, [9_999, 12_000], midCall)).toBe('before-start');
    expect(verdict(15_000, [6_400, 12_000], midCall)).toBe('before-start');
    expect(verdict(15_000, [6_399, 12_000], midCall)).toBe(OUTSIDE);
  });

  it('after its end: T that lay in force, while retention lasts', () => {
    expect(verdict(20_000, 19_000)).toBe('in-time');
    expect(verdict(106_400, 19_000)).toBe('in-time');
    expect(verdict(106_401, 19_000)).toBe(OUTSIDE);
    expect(verdict(20_000, [9_999, 12_000], midCall)).toBe(OUTSIDE);
    expect(verdict(20_001, 20_000)).toBe(OUTSIDE);
  });
});

describe('R-76: several periods', () => {
  const resumed = [
    { targets: [A], start: 10_000, end: 12_000 },
    { targets: [A], start: 14_000, end: 20_000 },
  ];

  it('a time between two of them is outside, in force and afterwards', () => {
    for (const now of [15_000, 30_000]) {
      expect(verdict(now, 11_999, { periods: resumed })).toBe('in-time');
      expect(verdict(now, 12_000, { periods: resumed })).toBe(OUTSIDE);
      expect(verdict(now, 13_999, { periods: resumed })).toBe(OUTSIDE);
      expect(verdict(now, 14_000, { periods: resumed })).toBe('in-time');
    }
  });

  it('a session that is up when the next one begins may be asked about, marked', () => {
    expect(verdict(15_000, [13_000, 14_500], { periods: resumed, midCall: true })).toBe('before-start');
    expect(verdict(15_000, [13_000, 14_500], { periods: resumed })).toBe(OUTSIDE);
  });

  it('each has a retention of its own', () => {
    const asked = { periods: resumed };
    expect(verdict(12_000 + 86_400, 11_000, asked)).toBe('in-time');
    expect(verdict(12_001 + 86_400, 11_000, asked)).toBe(OUTSIDE);
    expect(verdict(12_001 + 86_400, 15_000, asked)).toBe('in-time');
  });

  const changed = [
    { targets: [A], start: 10_000, end: 12_000 },
    { targets: [B], start: 12_000, end: 14_000 },
    { targets: [A, B], start: 14_000, end: 20_000 },
  ];

  it('the target was A, then B, then both: each for its time', () => {
    for (const now of [15_000, 30_000]) {
      expect(verdict(now, 11_000, { periods: changed })).toBe('in-time');
      expect(verdict(now, 13_000, { periods: changed })).toBe(NOT_COVERED);
      expect(verdict(now, 14_000, { periods: changed })).toBe('in-time');
      expect(verdict(now, 11_000, { periods: changed, name: B })).toBe(NOT_COVERED);
      expect(verdict(now, [12_000, 19_000], { periods: changed, name: B })).toBe('in-time');
    }
  });

  it('a call of B that is up when the target changes to B needs midCall; one of A over the change is refused', () => {
    expect(verdict(15_000, [11_000, 13_000], { periods: changed, name: B })).toBe(NOT_COVERED);
    expect(verdict(15_000, [11_000, 13_000], { periods: changed, name: B, midCall: true })).toBe(
      'before-start',
    );
    expect(verdict(15_000, [11_000, 13_000], { periods: changed })).toBe(NOT_COVERED);
  });

  it('the session memory counts from where the target’s own time began', () => {
    const grown = [
      { targets: [A], start: 10_000, end: 13_000 },
      { targets: [A, B], start: 13_000, end: 20_000 },
    ];
    expect(verdict(15_000, 6_400, { periods: grown, midCall: true })).toBe('before-start');
    expect(verdict(15_000, 6_399, { periods: grown, midCall: true })).toBe(OUTSIDE);
    expect(verdict(15_000, 9_400, { periods: grown, midCall: true, name: B })).toBe('before-start');
    expect(verdict(15_000, 9_399, { periods: grown, midCall: true, name: B })).toBe(NOT_COVERED);
  });
});

describe('R-76: a name belongs to the warrant as of the time at which the subscriber held it', () => {
  const moved = [
    ...holdings,
    holding('alice', NUMBER, 0, 12_000),
    holding('bob', NUMBER, 12_000, 14_000),
    holding('alice', NUMBER, 14_000),
  ];
  const periods = [{ ...period, targets: [NUMBER] }];
  const asked = (name: string) => ({ periods, holdings: moved, name });

  it('a number that moved, and moved back', () => {
    for (const now of [15_000, 30_000]) {
      expect(verdict(now, 11_999, asked(A))).toBe('in-time');
      expect(verdict(now, 12_000, asked(A))).toBe(NOT_COVERED);
      expect(verdict(now, 13_999, asked(A))).toBe(NOT_COVERED);
      expect(verdict(now, 14_000, asked(A))).toBe('in-time');
      expect(verdict(now, 11_999, asked(B))).toBe(NOT_COVERED);
      expect(verdict(now, 12_000, asked(B))).toBe('in-time');
      expect(verdict(now, 14_000, asked(B))).toBe(NOT_COVERED);
    }
  });

  it('a call over the time of the move is nobody’s', () => {
    expect(verdict(15_000, [11_000, 13_000], asked(A))).toBe(NOT_COVERED);
    expect(verdict(15_000, [11_000, 13_000], asked(B))).toBe(NOT_COVERED);
    expect(verdict(15_000, [11_000, 13_000], asked(NUMBER))).toBe(NOT_COVERED);
  });

  it('named in the question, too', () => {
    const byAddress = { periods: [{ ...period, targets: [A, B] }], holdings: moved, name: NUMBER };
    const at = (time: number) =>
      coverageOf(
        { xid: 'x', periods: byAddress.periods },
        { now: 15_000, names: [NUMBER], times: [time], midCall: false },
        moved,
        settings,
      );
    expect(at(11_000)).toMatchObject({ subscriber: 'alice', covered: new Set([A]) });
    expect(at(13_000)).toMatchObject({ subscriber: 'bob', covered: new Set([B]) });
  });

  it('a session of the one who had the number before the warrant began is not asked for with midCall', () => {
    const late = [{ ...period, targets: [NUMBER], start: 13_000 }];
    const before = { periods: late, holdings: moved, midCall: true };
    expect(verdict(13_500, [11_000], { ...before, name: A })).toBe(NOT_COVERED);
    expect(verdict(13_500, [11_000], { ...before, name: B })).toBe(NOT_COVERED);
    expect(verdict(13_500, [12_500], { ...before, name: B })).toBe('before-start');
  });

  it('an address of record that moved', () => {
    const shared = [holding('alice', A, 0, 12_000), holding('bob', A, 12_000)];
    const at = (time: number) =>
      coverageOf(
        { xid: 'x', periods: [period] },
        { now: 15_000, names: [A], times: [time], midCall: false },
        shared,
        settings,
      );
    expect(at(11_000)).toMatchObject({ subscriber: 'alice' });
    expect(at(13_000)).toMatchObject({ subscriber: 'bob' });
  });

  it('an address that came after T is not covered by the number', () => {
    const grown = [...moved, holding('alice', 'sip:new@h', 11_000)];
    const name = 'sip:new@h';
    expect(verdict(15_000, 10_999, { periods, holdings: grown, name })).toBe(NOT_COVERED);
    expect(verdict(15_000, 11_000, { periods, holdings: grown, name })).toBe('in-time');
  });
});
