/** The delivery function killed by SIGKILL in mid-call, again and again, as a process of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { bundle, run } from '../../support/process.ts';
import { callToLemf } from './call-to-lemf.ts';
import { tear } from './store/torn.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-df-killed-'));
afterAll(() => rmSync(folder, { recursive: true }));
/** 200 kills take minutes: they are for whoever changes how the DF keeps what it was given. */
const isSlow = process.env['CLAVIGER_SLOW'] !== undefined;
const PACKETS = isSlow ? 8_200 : 400;
/** Numbers of packets after which it is killed. */
const KILLS = isSlow ? Array.from({ length: 200 }, (_, n) => 70 + 40 * n) : [70, 103, 205];

describe('Delivery function under SIGKILL', { timeout: isSlow ? 7_200_000 : 120_000 }, () => {
  it('R-23: loses and doubles nothing: numbers are 0…n−1, and n is what X2 and X3 carried', async () => {
    const chain = await callToLemf(folder);
    const file = path.join(folder, 'df.json');
    const script = await bundle('test/entities/df/process.ts');
    const start = (port: number) => {
      writeFileSync(file, JSON.stringify({ ...chain.settings, x2x3: { port } }));
      return run<{ x2x3: number }>(script, file);
    };
    let df = await start(0);
    const port = df.ready.x2x3;
    const kills = new Set(KILLS);
    let killing: Promise<void> = Promise.resolve();
    await chain.report(port, PACKETS, (n) => {
      if (kills.has(n)) {
        killing = killing.then(async () => {
          await df.kill();
          tear(chain.settings.store, n);
          df = await start(port);
        });
      }
      // So that there is something under way at each; the last one is waited for.
      return isSlow || n === PACKETS - 1 ? killing : undefined;
    });
    await chain.arrived(PACKETS);
    await df.kill();
    await chain.stop();
  });
});
