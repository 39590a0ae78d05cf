/** PDUs that a LEMF refuses by closing the connection. */
import { afterEach, describe, expect, it } from 'vitest';
import { DID, LIID, Pair, settle } from './pair.ts';

const pairs: Pair[] = [];

afterEach(async () => {
  for (const made of pairs.splice(0)) {
    made.manager.stop();
    await made.store.close();
  }
});

/** A LEMF that refuses PDUs; what it took, in order. */
async function lemf(count: number, refuses: (sequenceNumber: number) => boolean) {
  const pair = await Pair.make();
  pairs.push(pair);
  await pair.append(count);
  pair.manager.start();
  const taken: number[] = [];
  const state = { pair, taken, refuses };
  /** One connection: agreed, and answered until nothing comes any more or something is refused. */
  const connection = async (): Promise<void> => {
    const { peer } = pair;
    peer.open();
    peer.agree();
    let seen = 0;
    for (let rounds = 0; rounds < 50; rounds++) {
      await settle();
      pair.clock.advance(250);
      const now = peer.delivered.slice(seen);
      seen += now.length;
      if (now.some((number) => state.refuses(number))) {
        peer.lose();
        await settle();
        return;
      }
      if (now.length === 0) return;
      taken.push(...now.filter((number) => !taken.includes(number)));
      peer.acknowledge();
    }
  };
  const connections = async (most: number): Promise<void> => {
    for (let n = 0; n < most && (await pair.waiting()) > 0; n++) {
      const before = pair.connections.length;
      await connection();
      if ((await pair.waiting()) === 0) return;
      for (let waits = 0; waits < 50 && pair.connections.length === before; waits++) {
        pair.clock.advance(10_000);
        await settle();
      }
    }
  };
  return Object.assign(state, { connections });
}

describe('R-68: a LEMF that refuses PDUs', () => {
  it('one that it refuses twice is set aside, counted, reported and kept, and the rest goes on in order', async () => {
    const { pair, taken, connections } = await lemf(12, (number) => number === 5);
    await connections(40);
    expect(taken).toEqual([0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]);
    expect(await pair.waiting()).toBe(0);
    expect(pair.manager.setAside).toBe(1);
    expect(pair.setAside).toMatchObject([{ reference: 'hi2', did: DID, subject: LIID }]);
    expect(pair.issues).toEqual([expect.stringContaining('was refused twice and is set aside')]);
  });

  it('several in a row are set aside, and those only', async () => {
    const { pair, taken, connections } = await lemf(8, (number) => number >= 1 && number <= 3);
    await connections(60);
    expect(taken).toEqual([0, 4, 5, 6, 7]);
    expect(pair.manager.setAside).toBe(3);
  });

  it('one that refuses every PDU loses nothing, raises an alarm, and gets all once it takes them', async () => {
    const state = await lemf(4, () => true);
    const { pair, taken, connections } = state;
    await connections(25);
    expect(await pair.waiting()).toBe(4);
    expect(pair.manager.setAside).toBe(0);
    expect(pair.alarms).toContain(`${DID} raised the LEMF closes the connection when it is sent PDUs`);
    state.refuses = () => false;
    await connections(10);
    expect([...taken].sort()).toEqual([0, 1, 2, 3]);
    expect(pair.setAside).toEqual([]);
    expect(pair.alarms.at(-1)).toBe(`${DID} cleared`);
  });
});
