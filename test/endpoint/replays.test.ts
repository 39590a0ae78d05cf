import { mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { SqliteReplayCache } from '../../src/endpoint/replays.ts';
import { ManualClock } from '../support/manual-clock.ts';

describe('the replay cache of an endpoint (R-44)', () => {
  const clock = new ManualClock(1_000_000);
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'claviger-replays-')), 'replays.db');

  test('a key is claimed once, also over a restart', async () => {
    const first = await SqliteReplayCache.open(file, clock);
    expect([first.claim('a', 1300), first.claim('a', 1300), first.claim('b', 1300)]).toEqual([
      true,
      false,
      true,
    ]);
    first.close();
    const second = await SqliteReplayCache.open(file, clock);
    expect(second.claim('a', 1300)).toBe(false);
    second.close();
    expect(statSync(file).mode & 0o077).toBe(0);
  });

  test('what has expired is forgotten, and no earlier', async () => {
    const cache = await SqliteReplayCache.open(':memory:', clock);
    cache.claim('a', 1300);
    clock.advance(300_000);
    expect(cache.claim('a', 1300)).toBe(false);
    clock.advance(1);
    expect(cache.claim('a', 1700)).toBe(true);
    cache.close();
  });
});
