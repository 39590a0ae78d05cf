/** A delivery function's store killed by SIGKILL while it commits, again and again. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** What its owner was told of, after each commit: how many HI2 and HI3, and with which HI3 its keys changed last. */
interface Told {
  readonly hi2: number;
  readonly hi3: number;
  readonly keyed: number;
}

function toldIn(file: string): Told[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => {
    const [hi2 = NaN, hi3 = NaN, keyed = NaN] = line.split(' ').map(Number);
    return { hi2, hi3, keyed };
  });
}

const passed = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const upTo = (end: number, from = 0): number[] => Array.from({ length: end - from }, (_, n) => from + n);

it(
  'R-23: what was committed is there after each kill, once, with numbers 0…n−1; what was not is there whole or not at all',
  { timeout: isSlow ? 7_200_000 : 120_000 },
  async () => {
    const file = path.join(folder, 'df.sqlite');
    const script = await bundle('test/entities/df/store/spool-process.ts');
    const told = `${file}.committed`;
    writeFileSync(told, '');
    let kills = 0;
    let committed: Told = { hi2: 0, hi3: 0, keyed: 0 };
    for (; kills < KILLS; kills++) {
      const before = toldIn(told).length;
      const writer = await run<FoundInStore>(script, file);
      const { nextHi2, nextHi3, streamNext, keyed, hi2, lemf, other, damage } = writer.ready;
      expect(damage, `after ${kills} kills`).toEqual([]);
      expect(other).toEqual(upTo(nextHi3));
      expect(lemf).toEqual(upTo(nextHi3, lemf[0] ?? nextHi3));
      expect(hi2).toEqual(upTo(nextHi2, hi2[0] ?? nextHi2));
      expect(streamNext).toBe(nextHi3);
      // At most the commit that was under way is there beside those that were told of.
      expect(nextHi3 - committed.hi3).toBeGreaterThanOrEqual(0);
      expect(nextHi3 - committed.hi3).toBeLessThanOrEqual(4);
      expect(nextHi2 - committed.hi2).toBeGreaterThanOrEqual(0);
      // Key management is as it was last: of the commit under way, where that is there.
      expect([committed.keyed, nextHi3]).toContain(keyed);
      if (nextHi3 === committed.hi3) expect(keyed).toBe(committed.keyed);
      // However slow the machine is, it has committed something in each life, and something is under way.
      await expect
        .poll(() => toldIn(told).length - before, { interval: 5, timeout: 60_000 })
        .toBeGreaterThan(kills % 4);
      await passed((kills * 37) % 60);
      await writer.kill();
      committed = toldIn(told).at(-1) ?? committed;
      tear(file, kills);
    }
    expect(committed.hi3).toBeGreaterThan(KILLS);
  },
);
