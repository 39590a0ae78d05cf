/** Nonces of digest: R-70, who asks for one leaves nothing; a use of one counts once. */
import { beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '../../../src/bytes/octets.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import { Nonces } from '../../../src/entities/cscf/nonces.ts';
import type { Subscriber } from '../../../src/entities/cscf/ports.ts';
import { testRandom } from '../../sip/support.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const [alice, carol] = ['alice', 'carol'].map((username): Subscriber => {
  return { identity: `sip:${username}@x`, aliases: [], username, password: Secret.of(utf8('x')) };
}) as [Subscriber, Subscriber];
let clock: ManualClock;
let nonces: Nonces;

beforeEach(() => {
  clock = new ManualClock();
  nonces = new Nonces(clock, testRandom('nonces'));
});

describe('a nonce', () => {
  it('R-70: that is never used is not remembered, however many there are', () => {
    const issued = new Set(Array.from({ length: 1000 }, () => nonces.issue()));
    expect([issued.size, nonces.remembered]).toEqual([1000, 0]);
  });

  it('counts upwards, for its subscriber', () => {
    const nonce = nonces.issue();
    const uses = [1, 1, 3, 2, 4].map((count) => nonces.use(nonce, count, alice));
    expect(uses).toEqual([true, false, true, false, true]);
    expect(nonces.use(nonce, 0, carol)).toBe(false);
  });

  it('is good for five minutes', () => {
    const nonce = nonces.issue();
    clock.advance(300_000);
    expect(nonces.use(nonce, 1, alice)).toBe(true);
    clock.advance(1);
    expect(nonces.use(nonce, 2, alice)).toBe(false);
  });

  it('of another node, or altered anywhere, is not one', () => {
    const nonce = nonces.issue();
    const other = new Nonces(clock, testRandom('other')).issue();
    const altered = Array.from(
      nonce,
      (c, i) => nonce.slice(0, i) + (c === 'A' ? 'B' : 'A') + nonce.slice(i + 1),
    );
    for (const each of [other, '', nonce.slice(1), `${nonce}A`, `${nonce}=`, ...altered])
      expect(nonces.use(each, 1, alice), each).toBe(false);
  });

  it('that was used and is forgotten, because there were too many, is stale; others are as good as before', () => {
    const first = nonces.issue();
    expect(nonces.use(first, 1, alice)).toBe(true);
    for (let i = 0; i < 300; i++) {
      clock.advance(1);
      expect(nonces.use(nonces.issue(), 1, alice)).toBe(true);
    }
    expect([nonces.remembered, nonces.use(first, 2, alice)]).toEqual([256, false]);
    expect(nonces.use(nonces.issue(), 1, carol)).toBe(true);
  });
});
