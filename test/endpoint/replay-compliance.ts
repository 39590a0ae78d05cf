/** What every replay cache of an endpoint must do, whatever it is made of. */
import { expect, it } from 'vitest';
import type { Clock } from '../../src/bytes/ports.ts';
import type { ReplayCache } from '../../src/ibake/ports.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { storeSuite } from '../support/store-suite.ts';
import type { StoreBackend } from '../support/store-suite.ts';

export interface ReplayBackend {
  readonly name: string;
  open(place: string, clock: Clock): ReturnType<StoreBackend<ReplayCache>['open']>;
}

export function replayCacheSuite(backend: ReplayBackend): void {
  const clock = new ManualClock(1_000_000);
  /** Unix seconds, from now. */
  const inSeconds = (seconds: number): number => clock.now() / 1000 + seconds;
  const open = (place: string) => backend.open(place, clock);
  storeSuite<ReplayCache>('replay', { name: backend.name, open }, (current) => {
    it('R-44: a key is claimed once, also over a restart', async () => {
      const expires = inSeconds(300);
      const claim = (key: string) => current.store.claim(key, expires);
      expect([claim('a'), claim('a'), claim('b')]).toEqual([true, false, true]);
      await current.reopen();
      expect([claim('a'), claim('b'), claim('c')]).toEqual([false, false, true]);
    });

    it('R-44: a claim lasts as long as it was first made for, whatever a replay asks', () => {
      current.store.claim('a', inSeconds(300));
      expect(current.store.claim('a', inSeconds(1))).toBe(false);
      clock.advance(2_000);
      expect(current.store.claim('a', inSeconds(1))).toBe(false);
    });

    it('R-44: what has expired is forgotten, and no earlier', async () => {
      current.store.claim('a', inSeconds(300));
      current.store.claim('b', inSeconds(600));
      clock.advance(300_000);
      await current.reopen();
      expect(current.store.claim('a', inSeconds(300))).toBe(false);
      clock.advance(1);
      expect(current.store.claim('a', inSeconds(300))).toBe(true);
      expect(current.store.claim('b', inSeconds(300))).toBe(false);
    });
  });
}
