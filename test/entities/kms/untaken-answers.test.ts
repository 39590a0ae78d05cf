/** Answers that nobody took, for whoever asks again. */
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/bytes/secret.ts';
import { UntakenAnswers } from '../../../src/entities/kms/untaken-answers.ts';
import type { GetKeysAnswer } from '../../../src/wire/xk/get-keys.ts';
import { ManualClock } from '../../support/manual-clock.ts';

function answer(fill: number): GetKeysAnswer & { readonly key: Secret } {
  const key = Secret.of(new Uint8Array(16).fill(fill));
  const session = { sessionKey: key, salt: Secret.of(new Uint8Array(14)) };
  return { verified: true, cryptoSessions: [session], key } as unknown as ReturnType<typeof answer>;
}

const isWiped = ({ key }: { readonly key: Secret }): boolean => {
  try {
    return key.expose().every((octet) => octet === 0);
  } catch {
    return true;
  }
};

describe('R-67: an answer whose asker had given up', () => {
  it('is taken once', () => {
    const untaken = new UntakenAnswers(new ManualClock(0));
    const own = answer(1);
    untaken.keep('a', own);
    expect([untaken.take('b'), untaken.take('a'), untaken.take('a')]).toEqual([null, own, null]);
    expect(isWiped(own)).toBe(false);
    expect(untaken.counts).toEqual({ taken: 1, dropped: 0 });
  });

  it('is overwritten after half a minute, when it is made anew, when there are 64, and at the end', () => {
    const clock = new ManualClock(0);
    const untaken = new UntakenAnswers(clock);
    const [late, again] = [answer(1), answer(2)];
    untaken.keep('a', late);
    clock.advance(20_000);
    untaken.keep('b', again);
    clock.advance(10_000);
    expect([isWiped(late), isWiped(again)]).toEqual([true, false]);
    untaken.keep('b', answer(3));
    expect(isWiped(again)).toBe(true);
    const many = Array.from({ length: 64 }, (_, at) => answer(4 + at));
    for (const [at, one] of many.entries()) untaken.keep(String(at), one);
    expect([untaken.take('b'), many.filter(isWiped)]).toEqual([null, []]);
    untaken.close();
    expect(many.every(isWiped)).toBe(true);
    const last = answer(0xff);
    untaken.keep('last', last);
    expect([untaken.take('last'), isWiped(last)]).toEqual([null, true]);
    expect(untaken.counts).toEqual({ taken: 0, dropped: 68 });
  });
});
