import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { SqliteReplayCache } from '../../src/endpoint/replays.ts';
import { MemoryReplays } from '../ibake/support/network.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { replayCacheSuite } from './replay-compliance.ts';

replayCacheSuite({ name: 'SQLite', open: (place, clock) => SqliteReplayCache.open(`${place}.db`, clock) });

const kept = new Map<string, MemoryReplays>();

replayCacheSuite({
  name: 'memory',
  open: (place, clock) => {
    const cache = kept.get(place) ?? new MemoryReplays(clock);
    kept.set(place, cache);
    return Promise.resolve(Object.assign(cache, { close: () => undefined }));
  },
});

test('the replay cache in SQLite is a file for its owner alone', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-replays-'));
  const file = path.join(folder, 'replays.db');
  const cache = await SqliteReplayCache.open(file, new ManualClock(1_000_000));
  expect(statSync(file).mode & 0o077).toBe(0);
  cache.close();
  rmSync(folder, { recursive: true });
});
