/** A delivery function's store killed by SIGKILL while it commits, again and again. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { bundle, run } from '../../../support/process.ts';
import type { FoundInStore } from './spool-process.ts';
import { tear } from './torn.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-df-killed-spool-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** 200 of them take minutes. */
const isSlow = process.env['CLAVIGER_SLOW'] !== undefined;
const KILLS = isSlow ? 200 : 4;

const passed = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const upTo = (end: number, from = 0): number[] => Array.from({ length: end - from }, (_, n) => from + n);

it(
  'R-23: what was committed is there after each kill, once, with numbers 0…n−1; what was not is there whole or not at all',
  { timeout: isSlow ? 1_800_000 : 60_000 },
  async () => {
    const file = path.join(folder, 'df.sqlite');
    const script = await bundle('test/entities/df/store/spool-process.ts');
    writeFileSync(`${file}.committed`, '');
    let kills = 0;
    let committed = { hi2: 0, hi3: 0 };
    for (; kills < KILLS; kills++) {
      const before = statSync(`${file}.committed`).size;
      const writer = await run<FoundInStore>(script, file);
      const { nextHi2, nextHi3, streamNext, hi2, lemf, other, damage } = writer.ready;
      expect(damage, `after ${kills} kills`).toEqual([]);
      expect(other).toEqual(upTo(nextHi3));
      expect(lemf).toEqual(upTo(nextHi3, lemf[0] ?? nextHi3));
      expect(hi2).toEqual(upTo(nextHi2, hi2[0] ?? nextHi2));
      expect(streamNext).toBe(nextHi3);
      // At most the commit that was under way is there beside those that were told of.
      expect(nextHi3 - committed.hi3).toBeGreaterThanOrEqual(0);
      expect(nextHi3 - committed.hi3).toBeLessThanOrEqual(4);
      expect(nextHi2 - committed.hi2).toBeGreaterThanOrEqual(0);
      for (let waits = 0; statSync(`${file}.committed`).size === before && waits < 2_000; waits++)
        await passed(5);
      await passed((kills * 37) % 60);
      await writer.kill();
      const [, last = ''] = /(?:^|\n)(\d+ \d+)\n$/.exec(readFileSync(`${file}.committed`, 'utf8')) ?? [];
      // Where it was killed before its first commit, what it has found counts.
      const [records = nextHi2, content = nextHi3] = last === '' ? [] : last.split(' ').map(Number);
      committed = { hi2: records, hi3: content };
      tear(file, kills);
    }
    expect(committed.hi3).toBeGreaterThan(KILLS);
  },
);
