/** What the log says of errors, and the clock. */
import { describe, expect, it } from 'vitest';
import { loggedError } from '../../src/host/log.ts';
import { systemClock } from '../../src/host/runtime.ts';
import { EndpointError } from '../../src/endpoint/errors.ts';

function thrownBy(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

describe('an error in the log', () => {
  it('has code and message, and so have its causes', () => {
    const system = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });
    const error = new EndpointError('kms', 'the KMS does not answer', { cause: system });
    expect(loggedError(error)).toEqual({
      name: 'EndpointError',
      code: 'kms',
      message: 'the KMS does not answer',
      cause: { name: 'Error', code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 127.0.0.1:1' },
    });
  });

  it('has a stack only if nobody foresaw it', () => {
    expect(loggedError(new TypeError('x is not a function'))).toMatchObject({
      message: 'x is not a function',
      stack: expect.stringContaining('runtime.test.ts') as string,
    });
  });

  it('quotes nothing of what a parser read', () => {
    const cause = thrownBy(() => JSON.parse('{ "psk": 0123456789abcdef }') as unknown);
    expect(cause).toBeInstanceOf(SyntaxError);
    const error = new EndpointError('kms', 'not JSON', { cause });
    expect(JSON.stringify(loggedError(error))).not.toMatch(/psk|0123/);
    expect(loggedError(error)).toMatchObject({ message: 'not JSON', cause: { name: 'SyntaxError' } });
  });
});

describe('the clock', () => {
  /** The system's clock in whole milliseconds, and a counter that nobody sets. */
  function clocks() {
    let [counter, offset] = [0, 1_000_000];
    const clock = systemClock(
      () => Math.floor(counter + offset),
      () => counter,
    );
    const pass = (ms: number, set = 0): number => {
      counter += ms;
      offset += set;
      return clock.now();
    };
    return { clock, pass };
  }

  it('counts parts of a millisecond', () => {
    const { pass } = clocks();
    expect(pass(0.25)).toBe(1_000_000.25);
    expect(pass(0.5)).toBe(1_000_000.75);
  });

  it('follows a clock that is set forward', () => {
    const { pass } = clocks();
    pass(10);
    expect(pass(10, 5000)).toBeCloseTo(1_005_020, -1);
  });

  it('stands still until a small correction backwards is caught up', () => {
    const { pass } = clocks();
    const before = pass(100);
    expect(pass(10, -50)).toBe(before);
    expect(pass(30)).toBe(before);
    expect(pass(20)).toBeGreaterThan(before);
    expect(pass(40)).toBeCloseTo(1_000_150, -1);
  });

  it('follows a clock that is set back by more than that', () => {
    const { pass } = clocks();
    pass(100);
    expect(pass(10, -3_600_000)).toBeCloseTo(1_000_110 - 3_600_000, -1);
  });

  it.each([3_600_000, -3_600_000])(
    'R-65: has a steady time that setting it by %d ms does not move',
    (set) => {
      const { clock, pass } = clocks();
      const before = clock.steady?.() ?? NaN;
      pass(100, set);
      expect(clock.steady?.()).toBe(before + 100);
    },
  );

  it('does not lose itself where the clock is steered slowly', () => {
    const { pass } = clocks();
    let time = 0;
    for (let at = 0; at < 10_000; at++) time = pass(10, -0.005);
    expect(Math.abs(time - (1_000_000 + 10_000 * 9.995))).toBeLessThan(4);
  });
});
