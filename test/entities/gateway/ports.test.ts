/** The port pairs of the gateway: counted by what is asked of the system, not by time. */
import { describe, expect, test } from 'vitest';
import { PortPool } from '../../../src/entities/gateway/port-pool.ts';
import { FakeSockets } from './fake-sockets.ts';

const RANGE = { address: '127.0.0.1', from: 20_001, to: 22_002 };
const noPorts = (message: RegExp) =>
  expect.objectContaining({ code: 'no-ports', message: expect.stringMatching(message) as string }) as Error;

describe('R-71: a pair of ports', () => {
  test('is found as fast with 500 calls up as with none: nothing is asked but for its own two ports', async () => {
    const sockets = new FakeSockets();
    const pool = new PortPool(sockets, RANGE);
    for (let n = 0; n < 1000; n++) {
      const pair = await pool.take();
      expect(sockets.asked.splice(0)).toEqual([pair.rtp.local.port, pair.rtcp.local.port]);
      expect([pair.rtp.local.port % 2, pair.rtcp.local.port - pair.rtp.local.port]).toEqual([0, 1]);
    }
    expect(pool.counts).toEqual({ free: 0, used: 1000, foreign: 0, refused: 0 });
  });

  test('that was just given back is the last to be used again: stragglers of its call meet no new one', async () => {
    const pool = new PortPool(new FakeSockets(), { ...RANGE, from: 20_000, to: 20_007 });
    const first = await pool.take();
    pool.give(first);
    const ports: number[] = [];
    for (let n = 0; n < 4; n++) ports.push((await pool.take()).rtp.local.port);
    expect(ports).toEqual([20_002, 20_004, 20_006, 20_000]);
  });

  test('is refused where none is free, in words and in a counter, and given when one is', async () => {
    const pool = new PortPool(new FakeSockets(), { ...RANGE, from: 20_000, to: 20_003 });
    const pairs = [await pool.take(), await pool.take()];
    await expect(pool.take()).rejects.toThrow(
      noPorts(/^no pair of ports is free: 2 are in use, 0 are taken by others$/),
    );
    expect(pool.counts).toEqual({ free: 0, used: 2, foreign: 0, refused: 1 });
    pool.give(pairs[0]!);
    expect((await pool.take()).rtp.local.port).toBe(20_000);
  });

  test('is refused where the process has no more descriptors for media, whatever the range', async () => {
    const sockets = new FakeSockets();
    const pool = new PortPool(sockets, RANGE, 2);
    const pairs = [await pool.take(), await pool.take()];
    await expect(pool.take()).rejects.toThrow(noPorts(/2 are in use/));
    expect([pool.counts, sockets.bound]).toEqual([{ free: 0, used: 2, foreign: 0, refused: 1 }, 4]);
    pool.give(pairs[0]!);
    expect(pool.counts.free).toBe(1);
    await pool.take();
  });

  test('that somebody else has is set aside, its half closed, and tried again when no other is left', async () => {
    const sockets = new FakeSockets();
    const pool = new PortPool(sockets, { ...RANGE, from: 20_000, to: 20_005 });
    sockets.foreign.add(20_001).add(20_002);
    const pair = await pool.take();
    expect([pair.rtp.local.port, sockets.bound]).toEqual([20_004, 2]);
    expect(pool.counts).toEqual({ free: 0, used: 1, foreign: 2, refused: 0 });
    await expect(pool.take()).rejects.toThrow(noPorts(/1 are in use, 2 are taken by others/));
    sockets.foreign.clear();
    expect([(await pool.take()).rtp.local.port, (await pool.take()).rtp.local.port]).toEqual([
      20_000, 20_002,
    ]);
    expect(pool.counts).toEqual({ free: 0, used: 3, foreign: 0, refused: 1 });
  });

  test('a range that is all somebody else’s costs a bounded number of questions once it is known', async () => {
    const sockets = new FakeSockets();
    const pool = new PortPool(sockets, RANGE);
    for (let port = RANGE.from; port <= RANGE.to; port++) sockets.foreign.add(port);
    await expect(pool.take()).rejects.toThrow(noPorts(/1000 are taken by others/));
    sockets.asked.length = 0;
    await expect(pool.take()).rejects.toThrow(noPorts(/1000 are taken by others/));
    expect(sockets.asked.length).toBeLessThanOrEqual(16);
  });

  test('is not lost where the system fails', async () => {
    const sockets = new FakeSockets();
    const pool = new PortPool(sockets, { ...RANGE, from: 20_000, to: 20_001 });
    sockets.failure = new Error('EMFILE');
    await expect(pool.take()).rejects.toThrow('EMFILE');
    expect(pool.counts).toEqual({ free: 1, used: 0, foreign: 0, refused: 0 });
    expect((await pool.take()).rtp.local.port).toBe(20_000);
  });
});
