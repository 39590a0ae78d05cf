import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DfChanges, OutboxAppend } from '../../../../src/entities/df/ports.ts';
import { SqliteDfStore } from '../../../../src/entities/df/store/sqlite.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-df-store-'));
afterAll(() => rmSync(folder, { recursive: true }));

const NOTHING: DfChanges = {
  streams: [],
  communications: [],
  keySessions: [],
  outbox: [],
  held: [],
  released: [],
};

function entry(sequenceNumber: number, changes: Partial<OutboxAppend> = {}): OutboxAppend {
  const octets = new Uint8Array(10).fill(sequenceNumber);
  return { did: 'lemf', interface: 'hi3', liid: 'L', cin: 1, sequenceNumber, octets, ...changes };
}

describe('Store of the delivery function', () => {
  let store: SqliteDfStore;
  let file: string;
  let files = 0;
  beforeEach(async () => {
    file = path.join(folder, `${++files}.sqlite`);
    store = await SqliteDfStore.open(file);
  });
  afterEach(() => store.close());

  it('gives back what was committed, after it was opened again', async () => {
    const changes: DfChanges = {
      streams: [{ key: 's', nextSequenceNumber: 4, lastTime: 1.5 }],
      communications: [{ correlation: 'c', liid: 'L', cin: 3, nextHi2: 1, nextHi3: 2, lastSeen: 5 }],
      keySessions: [{ xid: 'x', correlation: 'c', body: '{}', lastSeen: 5 }],
      outbox: [entry(0)],
      held: [{ id: 1, xid: 'x', octets: Uint8Array.of(1), since: 2 }],
      released: [],
    };
    await store.commit(changes);
    await store.close();
    store = await SqliteDfStore.open(file);
    const { outbox, released: _, ...state } = changes;
    expect(await store.load()).toEqual({ ...state, lastCins: new Map([['L', 3]]) });
    expect(await store.pending('lemf', 0, 10)).toEqual([{ ...outbox[0], position: 1 }]);
  });

  it('replaces what it knows', async () => {
    const stream = { key: 's', nextSequenceNumber: 4, lastTime: 1.5 };
    await store.commit({ ...NOTHING, streams: [stream] });
    await store.commit({ ...NOTHING, streams: [{ ...stream, nextSequenceNumber: 9 }] });
    expect((await store.load()).streams).toEqual([{ ...stream, nextSequenceNumber: 9 }]);
  });

  it('a change set that fails in part leaves nothing behind', async () => {
    await store.commit({ ...NOTHING, outbox: [entry(0)] });
    const broken: DfChanges = {
      ...NOTHING,
      streams: [{ key: 's', nextSequenceNumber: 1, lastTime: 1 }],
      outbox: [entry(1), entry(0)],
    };
    await expect(store.commit(broken)).rejects.toThrow();
    expect((await store.load()).streams).toEqual([]);
    expect((await store.pending('lemf', 0, 10)).map(({ sequenceNumber }) => sequenceNumber)).toEqual([0]);
  });

  it('the outbox is in order, by destination, and empties by acknowledgement', async () => {
    const many = Array.from({ length: 1200 }, (_, n) => entry(n));
    await store.commit({ ...NOTHING, outbox: [...many, entry(0, { did: 'other' })] });
    expect(await store.destinations()).toEqual(['lemf', 'other']);
    expect(await store.waiting('lemf')).toEqual({ count: 1200, octets: 12_000 });
    const first = await store.pending('lemf', 0, 700);
    expect(first.map(({ sequenceNumber }) => sequenceNumber)).toEqual([...Array(700).keys()]);
    const last = first.at(-1)!.position;
    expect((await store.pending('lemf', last, 700))[0]?.sequenceNumber).toBe(700);
    await store.acknowledge('lemf', last);
    expect((await store.waiting('lemf')).count).toBe(500);
    expect((await store.waiting('other')).count).toBe(1);
    await store.acknowledge('lemf', Number.MAX_SAFE_INTEGER);
    expect(await store.destinations()).toEqual(['other']);
    expect(await store.waiting('lemf')).toEqual({ count: 0, octets: 0 });
  });

  it('positions are not given again when the outbox has been empty', async () => {
    await store.commit({ ...NOTHING, outbox: [entry(0)] });
    await store.acknowledge('lemf', 1);
    await store.close();
    store = await SqliteDfStore.open(file);
    await store.commit({ ...NOTHING, outbox: [entry(1)] });
    expect((await store.pending('lemf', 0, 10))[0]?.position).toBe(2);
  });

  it('tells of what was appended, after the commit', async () => {
    const told: string[][] = [];
    const stop = store.onAppend((dids) => told.push([...dids]));
    await store.commit({ ...NOTHING, outbox: [entry(0), entry(1)] });
    stop();
    await store.commit({ ...NOTHING, outbox: [entry(2)] });
    expect(told).toEqual([['lemf']]);
  });

  it('forgets calls, but never the last CIN', async () => {
    const communication = { correlation: 'c', liid: 'L', cin: 3, nextHi2: 1, nextHi3: 2, lastSeen: 5 };
    await store.commit({
      ...NOTHING,
      communications: [communication, { ...communication, correlation: 'd', cin: 4, lastSeen: 50 }],
    });
    await store.expire(10);
    const state = await store.load();
    expect(state.communications.map(({ cin }) => cin)).toEqual([4]);
    await store.expire(100);
    expect((await store.load()).lastCins).toEqual(new Map([['L', 4]]));
  });

  it('releases what was held', async () => {
    const held = [1, 2, 3].map((id) => ({ id, xid: 'x', octets: Uint8Array.of(id), since: 0 }));
    await store.commit({ ...NOTHING, held });
    await store.commit({ ...NOTHING, released: [1, 3] });
    expect((await store.load()).held.map(({ id }) => id)).toEqual([2]);
  });

  it('its file is for its owner alone', () => {
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});
