import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { LemfEvent } from '../../../../src/entities/lemf/ports.ts';
import { LiveRecovery } from '../../../../src/entities/lemf/workers/live-recovery.ts';
import { ManualClock, settle } from '../../../support/manual-clock.ts';
import { silent } from '../../../support/silent.ts';
import { delivered, InterceptedCall } from '../call.ts';

const root = mkdtempSync(path.join(tmpdir(), 'claviger-live-'));
const paths = { hi2: path.join(root, 'hi2.ber'), hi3: path.join(root, 'hi3.ber') };
const AFTER = 100;
const ENDING = 6000;

afterAll(() => rmSync(root, { recursive: true }));

/** A recovery in the middle of a look at a call that is not quiet. */
class BusyRecovery {
  readonly clock = new ManualClock();
  readonly events: LemfEvent[] = [];
  readonly live: LiveRecovery;
  looks = 0;

  constructor() {
    const call = new InterceptedCall('exchange-1.json', { packets: 10 });
    writeFileSync(paths.hi2, Buffer.concat(delivered([...call.signalling, ...call.keys])));
    writeFileSync(paths.hi3, Buffer.concat(delivered(call.content)));
    this.live = new LiveRecovery({
      paths,
      folder: path.join(root, 'out'),
      after: AFTER,
      lengths: () => {
        this.looks++;
        return { hi2: statSync(paths.hi2).size, hi3: statSync(paths.hi3).size };
      },
      clock: this.clock,
      logger: silent,
      onEvent: (event) => this.events.push(event),
    });
  }

  async begin(): Promise<void> {
    while (this.looks === 0) {
      this.live.stored();
      this.clock.advance(AFTER - 1);
      await settle();
    }
  }
}

describe('R-73: a LEMF that stops in the middle of a look', () => {
  let busy: BusyRecovery;
  beforeEach(async () => {
    busy = new BusyRecovery();
    await busy.begin();
  });

  it('recovers what waited to be quiet, and begins no look after that', async () => {
    await busy.live.stop();
    expect(busy.looks).toBe(2);
    expect(busy.events.at(-1)).toMatchObject({ type: 'recovered', calls: 1, recoveredCalls: 1 });
    busy.clock.advance(10 * AFTER);
    await settle();
    expect(busy.looks).toBe(2);
  });

  it('cuts off a look that takes too long, and begins none in its place', async () => {
    busy.live.stored();
    const stopped = busy.live.stop();
    busy.clock.advance(ENDING);
    await stopped;
    await settle();
    expect(busy.looks).toBe(1);
    expect(busy.events).toEqual([]);
  });
});
