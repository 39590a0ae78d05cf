/** What the log says of errors. */
import { describe, expect, it } from 'vitest';
import { loggedError } from '../../src/app/runtime.ts';
import { UeError } from '../../src/ue/errors.ts';

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
    const error = new UeError('kms', 'the KMS does not answer', { cause: system });
    expect(loggedError(error)).toEqual({
      name: 'UeError',
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
    const error = new UeError('kms', 'not JSON', { cause });
    expect(JSON.stringify(loggedError(error))).not.toMatch(/psk|0123/);
    expect(loggedError(error)).toMatchObject({ message: 'not JSON', cause: { name: 'SyntaxError' } });
  });
});
