/** What goes wrong again and again does not fill the log. */
import { describe, expect, it } from 'vitest';
import { SharedTroubleLog, TroubleLog } from '../../src/bytes/trouble-log.ts';
import { silent } from '../support/silent.ts';

describe('the log of what goes wrong again and again', () => {
  function log() {
    const lines: string[] = [];
    const put = (fields: object, message: string): void =>
      void lines.push(`${message} ${JSON.stringify(fields)}`);
    let now = 0;
    const words = { begins: 'no answer', over: 'it answers' };
    const trouble = new TroubleLog(words, { logger: { ...silent, warn: put, info: put }, now: () => now });
    return { lines, trouble, pass: (ms: number) => void (now += ms) };
  }

  it('says it once, then once a minute with how often, and once that it is over', () => {
    const { lines, trouble, pass } = log();
    for (let n = 0; n < 1_300; n++) {
      trouble.failed({ n });
      pass(100);
    }
    trouble.worked();
    trouble.worked();
    expect(lines).toEqual([
      'no answer {"n":0}',
      'no answer {"n":600,"untold":599}',
      'no answer {"n":1200,"untold":599}',
      'it answers {"untold":99}',
    ]);
  });

  it('says no more of what comes and goes', () => {
    const { lines, trouble, pass } = log();
    for (let n = 0; n < 500; n++) {
      trouble.failed({});
      trouble.worked();
      pass(100);
    }
    expect(lines).toEqual(['no answer {}', 'it answers {}']);
    pass(60_000);
    trouble.failed({});
    expect(lines.at(-1)).toBe('no answer {"untold":499}');
  });

  it('says it at once where nothing was told for long, and nothing of what went well all the time', () => {
    const { lines, trouble, pass } = log();
    trouble.worked();
    trouble.failed({});
    pass(60_000);
    trouble.worked();
    trouble.failed({});
    expect(lines).toEqual(['no answer {}', 'it answers {}', 'no answer {}']);
  });
});

describe('the log of what goes wrong with many', () => {
  it('is one, and over when none of them goes wrong any more', () => {
    const lines: string[] = [];
    const put = (fields: object, message: string): void =>
      void lines.push(`${message} ${JSON.stringify(fields)}`);
    const words = { begins: 'no answer', over: 'all answer' };
    const trouble = new SharedTroubleLog(words, {
      logger: { ...silent, warn: put, info: put },
      now: () => 0,
    });
    const [one, other, third] = [{}, {}, {}];
    for (let n = 0; n < 10; n++) for (const whose of [one, other]) trouble.failed(whose, { n });
    trouble.worked(third);
    trouble.worked(one);
    expect(lines).toEqual(['no answer {"n":0}']);
    // Nobody has seen yet that it works.
    trouble.gone(other);
    expect(lines).toHaveLength(1);
    trouble.worked(third);
    trouble.worked(one);
    expect(lines).toEqual(['no answer {"n":0}', 'all answer {"untold":19}']);
  });
});
