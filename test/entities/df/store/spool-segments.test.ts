/** Segments of the spool of content: what goes of them, when, and what is left in files. */
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ContentSpool } from '../../../../src/entities/df/store/content-spool.ts';
import { SqliteDfStore } from '../../../../src/entities/df/store/sqlite.ts';
import { NOTHING } from './compliance-values.ts';
import {
  content,
  forTheDatabase,
  found,
  killedCopy,
  newPlace,
  numbersIn,
  segmentsOf,
  upTo,
} from './spooled.ts';

/** Of PDUs: eight make a segment. */
const LARGE = 1 << 20;

describe('what is to be deleted', () => {
  /** Octets of content of a warrant that ends. */
  const GOING = 0xee;
  const isInFiles = (file: string): boolean =>
    segmentsOf(file).some((segment) => readFileSync(segment).includes(Buffer.alloc(64, GOING)));

  /** A store with so many large PDUs, some of them of the warrant that ends. */
  async function filled(file: string, count: number, isGoing: (n: number) => boolean): Promise<void> {
    const store = await SqliteDfStore.open(file);
    for (let n = 0; n < count; n++) {
      const { outbox, ...changes } = content(n, 1, ['lemf'], LARGE);
      const going = { liid: 'GOES', octets: new Uint8Array(LARGE).fill(GOING) };
      await store.commit({
        ...changes,
        outbox: isGoing(n) ? outbox.map((one) => ({ ...one, ...going })) : outbox,
      });
    }
    await store.close();
  }

  it.each([
    ['in a segment with others', (n: number) => n % 8 === 3],
    ['in a segment of its own, between others', (n: number) => n >= 8 && n < 16],
  ])('R-90: of a warrant is gone from the files, also after a restart: %s', async (_, isGoing) => {
    const file = newPlace();
    await filled(file, 20, isGoing);
    expect(isInFiles(file)).toBe(true);
    const store = await SqliteDfStore.open(file);
    await store.commit({ ...NOTHING, retired: [{ liid: 'GOES', xids: [] }] });
    await store.scrub();
    expect(isInFiles(file)).toBe(false);
    const staying = upTo(20).filter((n) => !isGoing(n));
    expect(numbersIn(await store.pending('lemf', 0, 100))).toEqual(staying);
    expect(await found(killedCopy(file))).toMatchObject({ numbers: staying, damage: [] });
    await store.close();
  });

  it('R-90: is gone from the files at the next start, where the process was killed before it had overwritten it', async () => {
    const file = newPlace();
    await filled(file, 3, (n) => n === 1);
    const store = await SqliteDfStore.open(file);
    await store.commit({ ...NOTHING, retired: [{ liid: 'GOES', xids: [] }] });
    const copy = killedCopy(file);
    await store.close();
    expect(isInFiles(copy)).toBe(true);
    const next = await SqliteDfStore.open(copy);
    expect(isInFiles(copy)).toBe(false);
    expect(numbersIn(await next.pending('lemf', 0, 100))).toEqual([0, 2]);
    await next.close();
  });

  it.each([
    ['the database', forTheDatabase(1)],
    ['the spool', {}],
  ])(
    'R-90: a key that the LEMF has acknowledged is in no file any more after the next housekeeping: of %s',
    async (_, besides) => {
      const file = newPlace();
      const store = await SqliteDfStore.open(file);
      const key = Buffer.from('the key record of a call, which goes to the LEMF');
      const record = { did: 'lemf', interface: 'hi2', liid: 'L', cin: 3, sequenceNumber: 0 } as const;
      await store.commit({ ...NOTHING, ...besides, outbox: [{ ...record, octets: key }] });
      const isOnDisk = (): boolean =>
        [file, `${file}-wal`, ...segmentsOf(file)].some((each) => readFileSync(each).includes(key));
      const [waiting] = await store.pending('lemf', 0, 1);
      await store.acknowledge('lemf', waiting!.position);
      expect(isOnDisk()).toBe(true);
      await store.expire(0, 1000);
      expect(isOnDisk()).toBe(false);
      await store.close();
    },
  );

  it('R-90: is overwritten once the database knows that it waits no more, not before', async () => {
    const place = `${newPlace()}.spool`;
    mkdirSync(place);
    const ignored = (): void => undefined;
    const spool = new ContentSpool(place, 'at-once', { destinations: [], number: 0 }, ignored, ignored);
    const records = [1, 2].map((n) => ({
      ...{ liid: 'L', cin: 3, sequenceNumber: n, position: n, octets: new Uint8Array(64).fill(n) },
    }));
    const account = { needsDatabase: false, streams: [], communications: [] };
    spool.admit(await spool.append(account, new Map([['lemf', records]])));
    const [segment = ''] = readdirSync(place);
    const has = (n: number): boolean => readFileSync(path.join(place, segment)).includes(Buffer.alloc(64, n));
    spool.acknowledge('lemf', 1, 0);
    await spool.scrub(() => {
      expect([has(1), has(2)]).toEqual([true, true]);
      // Comes too late for what is being noted.
      spool.acknowledge('lemf', 2, 0);
      return Promise.resolve();
    });
    expect([has(1), has(2)]).toEqual([false, true]);
    await spool.close();
  });
});

describe('segments', () => {
  it('go when all of them was acknowledged, whose octets are overwritten, and the position outlives a restart', async () => {
    const file = newPlace();
    const store = await SqliteDfStore.open(file);
    for (let n = 0; n < 20; n++) await store.commit(content(n, 1, ['lemf'], LARGE));
    expect(segmentsOf(file)).toHaveLength(3);
    const entries = await store.pending('lemf', 0, 100);
    expect(numbersIn(entries)).toEqual(upTo(20));
    await store.acknowledge('lemf', entries[9]!.position);
    await store.upkeep();
    expect(segmentsOf(file)).toHaveLength(2);
    const killed = killedCopy(file);
    expect((await found(killed)).numbers).toEqual(upTo(20).slice(10));
    await store.acknowledge('lemf', entries[19]!.position);
    await store.upkeep();
    expect(segmentsOf(file)).toEqual([]);
    expect(store.spoolOctets).toBe(0);
    await store.commit(content(20, 1));
    expect(await found(killedCopy(file))).toMatchObject({ numbers: [20], damage: [] });
    await store.close();
  });

  it('what is acknowledged behind others that stay, and what gives way, does not come back', async () => {
    const file = newPlace();
    const store = await SqliteDfStore.open(file);
    for (let n = 0; n < 20; n++) await store.commit(content(n, 1, ['lemf'], LARGE));
    const positions = (await store.pending('lemf', 0, 100)).map(({ position }) => position);
    await store.acknowledge('lemf', positions[16]!, positions[1]);
    await store.commit({ ...NOTHING, evicted: [positions[18]!] });
    await store.upkeep();
    expect(store.waiting('lemf').count).toBe(4);
    // Of the one in the middle nothing is left but its name.
    expect(segmentsOf(file).map((segment) => statSync(segment).size > 100)).toEqual([true, false, true]);
    const { numbers, damage } = await found(killedCopy(file));
    expect([numbers, damage]).toEqual([[0, 1, 17, 19], []]);
    await store.close();
  });

  it('R-56: what waits is told apart by the call, the newest first, also when it is not in memory', async () => {
    const file = newPlace();
    const store = await SqliteDfStore.open(file);
    for (let n = 0; n < 40; n++) await store.commit(content(n, 1, ['lemf'], LARGE));
    const newest = await store.newest('lemf', 'hi3', 'L', 3);
    expect(newest.map(({ sequenceNumber }) => sequenceNumber)).toEqual([39, 38, 37]);
    expect(numbersIn(await store.pending('lemf', newest[0]!.position - 1, 5))).toEqual([39]);
    expect(numbersIn(await store.pending('lemf', 0, 1000))).toEqual(upTo(40));
    await store.close();
  });

  it('content that an older version has left in the database goes out before the rest', async () => {
    const file = newPlace();
    const { default: Database } = await import('better-sqlite3');
    await (await SqliteDfStore.open(file)).close();
    const database = new Database(file);
    const insert = `INSERT INTO outbox (did, interface, liid, cin, sequence_number, octets) VALUES ('lemf', 'hi3', 'L', 3, ?, ?)`;
    for (const n of upTo(3)) database.prepare(insert).run(n, new Uint8Array(10).fill(n + 1));
    database.close();
    const store = await SqliteDfStore.open(file);
    await store.commit(content(3, 2));
    const entries = await store.pending('lemf', 0, 10);
    expect(numbersIn(entries)).toEqual(upTo(5));
    expect(numbersIn(await store.pending('lemf', entries[1]!.position, 2))).toEqual([2, 3]);
    expect(await store.undelivered('L')).toBe(5);
    expect((await store.newest('lemf', 'hi3', 'L', 9)).map((each) => each.sequenceNumber)).toEqual([
      4, 3, 2, 1, 0,
    ]);
    await store.acknowledge('lemf', entries[3]!.position);
    expect(numbersIn(await store.pending('lemf', 0, 10))).toEqual([4]);
    expect(store.waiting('lemf')).toEqual({ count: 1, octets: 10 });
    await store.close();
  });
});
