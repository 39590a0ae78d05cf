import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LiveFolder } from '../../../../src/entities/lemf/workers/live-folder.ts';
import type { Looked } from '../../../../src/entities/lemf/workers/recovery-order.ts';
import { delivered, InterceptedCall } from '../call.ts';

const root = mkdtempSync(path.join(tmpdir(), 'claviger-folder-'));
const AFTER = 1000;
const PACKETS = 256;

afterAll(() => rmSync(root, { recursive: true }));

const call = new InterceptedCall('exchange-1.json', { packets: PACKETS / 2 });
const iri = Buffer.concat(delivered([...call.signalling, ...call.keys]));
const content = delivered(call.content);

/** A call of which the LEMF gets a bit at a time. */
class GrowingCall {
  readonly folder = mkdtempSync(path.join(root, 'lemf-'));
  readonly out = path.join(this.folder, 'audio');
  readonly paths = { hi2: path.join(this.folder, 'hi2.ber'), hi3: path.join(this.folder, 'hi3.ber') };
  readonly live: LiveFolder;
  /** PDUs of the call when it was recovered. */
  readonly recoveredAt: number[] = [];
  now = 0;
  #lastAt = 0;
  #sent = 0;

  constructor() {
    writeFileSync(this.paths.hi2, iri);
    writeFileSync(this.paths.hi3, '');
    this.live = new LiveFolder({ paths: this.paths, folder: this.out, after: AFTER });
  }

  /** So many packets come, and after a pause the folder is looked at. */
  send(packets: number, pause: number): Looked {
    appendFileSync(this.paths.hi3, Buffer.concat(content.slice(this.#sent, this.#sent + packets)));
    this.#sent += packets;
    this.#lastAt = this.now;
    return this.look(pause);
  }

  look(pause: number, isFinal = false): Looked {
    this.now += pause;
    const to = { hi2: statSync(this.paths.hi2).size, hi3: statSync(this.paths.hi3).size };
    const { folder, paths } = this;
    const order = {
      paths,
      folder,
      to,
      now: this.now,
      lastAt: this.#lastAt,
      after: AFTER,
      again: [],
      isFinal,
    };
    const looked = this.live.look({ kind: 'look', ...order });
    if (looked.files.length > 0) this.recoveredAt.push(this.#sent);
    return looked;
  }

  /** Packets that were decoded in all. */
  get work(): number {
    return this.recoveredAt.reduce((sum, packets) => sum + packets, 0);
  }

  report(): unknown {
    return JSON.parse(readFileSync(path.join(this.out, 'recover.json'), 'utf8'));
  }
}

describe('R-73: the work on a call that is recovered while it goes on is linear in its length', () => {
  let growing: GrowingCall;
  beforeEach(() => (growing = new GrowingCall()));
  afterEach(() => growing.live.close());

  it.each([
    ['without a pause', 1],
    ['with a pause after every word', AFTER],
    ['with long pauses', 20 * AFTER],
  ])('%s', (_, pause) => {
    for (let sent = 0; sent < PACKETS; sent += 8) growing.send(8, pause);
    growing.look(0, true);
    expect(growing.recoveredAt.length).toBeGreaterThan(3);
    expect(growing.recoveredAt.at(-1)).toBe(PACKETS);
    expect(growing.work).toBeLessThan(4 * PACKETS);
    expect(growing.report()).toMatchObject({ calls: [{ packets: PACKETS, recovered: true }] });
  });

  it('a call that pauses is recovered after the first pause, and whole after the last', () => {
    expect(growing.send(8, AFTER - 1)).toMatchObject({ files: [], waiting: 1, wakeIn: 1 });
    expect(growing.look(1)).toMatchObject({ waiting: 0, wakeIn: null, recoveredCalls: 1 });
    expect(growing.send(4, AFTER)).toMatchObject({ files: [], waiting: 1, wakeIn: AFTER });
    expect(growing.look(AFTER)).toMatchObject({ waiting: 0, recoveredCalls: 1 });
    expect(growing.recoveredAt).toEqual([8, 12]);
  });

  it('nothing that waits is lost when the LEMF stops', () => {
    growing.send(8, 1);
    expect(growing.look(0, true)).toMatchObject({ waiting: 0, recoveredCalls: 1 });
  });
});
