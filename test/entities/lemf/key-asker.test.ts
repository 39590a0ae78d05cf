/** What a LEMF says while the KMS gives it no keys. */
import { describe, expect, it } from 'vitest';
import { KeyAsker } from '../../../src/entities/lemf/key-asker.ts';
import type { KeyQuestion } from '../../../src/entities/lemf/key-questions.ts';
import type { GetKeysRequest, GetKeysResponse } from '../../../src/wire/xk/get-keys.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { silent } from '../../support/silent.ts';

const question = (n: number): KeyQuestion => ({
  ...{ id: `q${n}`, liid: `LIID-${n}`, session: n },
  request: { xid: `x${n}` } as unknown as GetKeysRequest,
});

describe('A LEMF that gets no keys', () => {
  it('says so once a minute, however many questions it puts, and once that it gets keys again', async () => {
    const clock = new ManualClock();
    const lines: string[] = [];
    const put = (_: object, message: string): void => void lines.push(message);
    let answer: GetKeysResponse = { failureIndication: 'not-authorised' };
    let asked = 0;
    const asker = new KeyAsker({
      source: {
        getKeys: () => {
          asked += 1;
          return Promise.resolve(answer);
        },
      },
      ...{ keep: () => undefined, onAnswered: () => undefined, clock },
      logger: { ...silent, warn: put, info: put, error: put },
    });
    asker.take(Array.from({ length: 50 }, (_, n) => question(n)));
    await clock.pass(119_000);
    expect(asked).toBeGreaterThan(250);
    expect(lines).toEqual(['Xk: no keys', 'Xk: no keys']);
    answer = { verified: true, cryptoSessions: [] };
    await clock.pass(600_000);
    expect(asker.waiting).toBe(0);
    expect(lines.slice(2)).toEqual(['Xk: the KMS gives keys again']);
    await asker.stop();
  });
});
