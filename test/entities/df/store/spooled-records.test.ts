/** Records in the spool: those of commits that change nothing but how far streams and calls are. */
import { readFileSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { expect, it, vi } from 'vitest';
import { NO_CIN } from '../../../../src/entities/df/ports.ts';
import type { DfChanges, OutboxEntry } from '../../../../src/entities/df/ports.ts';
import type { KeySession } from '../../../../src/entities/df/session-state.ts';
import { makeBackup } from '../../../../src/host/backup.ts';
import type { KeptState } from '../../../../src/host/backup.ts';
import { StorageError } from '../../../../src/storage/errors.ts';
import { UnitsAtOnce } from '../../../../src/storage/group-commit.ts';
import { SqliteDfStore } from '../../../../src/entities/df/store/sqlite.ts';
import { CALL, NOTHING } from './compliance-values.ts';
import { content, forTheDatabase, killedCopy, newPlace, segmentsOf, spoolOf } from './spooled.ts';

const RECORD = { did: 'lemf', interface: 'hi2', liid: 'L', cin: CALL.cin } as const;

/** Records with numbers from one on, and how far their call is then. */
function records(first: number, count: number): DfChanges {
  return {
    ...NOTHING,
    communications: [{ ...CALL, nextHi2: first + count, nextHi3: 0 }],
    outbox: Array.from({ length: count }, (_, n) => ({
      ...RECORD,
      ...{ sequenceNumber: first + n, octets: new Uint8Array(20).fill(first + n + 1) },
    })),
  };
}

const shown = (entries: readonly OutboxEntry[]): string[] =>
  entries.map(({ interface: reference, sequenceNumber }) => `${reference} ${sequenceNumber}`);

function rowsIn(file: string): number {
  const database = new Database(file, { readonly: true });
  const [row] = database.prepare<[], { rows: number }>('SELECT count(*) AS rows FROM outbox').all();
  database.close();
  return row?.rows ?? NaN;
}

it('R-23: records that change nothing but streams and calls do not touch the database, and are there after a crash with their numbers', async () => {
  const file = newPlace();
  const store = await SqliteDfStore.open(file);
  await store.commit(records(0, 2));
  expect(rowsIn(file)).toBe(0);
  const copy = killedCopy(file);
  await store.close();
  const next = await SqliteDfStore.open(copy);
  expect(shown(await next.pending('lemf', 0, 10))).toEqual(['hi2 0', 'hi2 1']);
  expect((await next.pending('lemf', 0, 1))[0]).toMatchObject({
    ...RECORD,
    octets: new Uint8Array(20).fill(1),
  });
  const { communications, lastCins } = await next.load();
  expect([communications[0]?.nextHi2, lastCins.get('L')]).toEqual([2, CALL.cin]);
  expect([next.waiting('lemf'), [...next.shares('lemf')]]).toEqual([
    { count: 2, octets: 40 },
    [{ interface: 'hi2', liid: 'L', count: 2, octets: 40 }],
  ]);
  await next.close();
});

it('R-23: records and content of spool and database have one order', async () => {
  const store = await SqliteDfStore.open(newPlace());
  await store.commit(records(0, 1));
  await store.commit(content(0, 1));
  await store.commit({ ...records(1, 1), ...forTheDatabase(1) });
  await store.commit(records(2, 1));
  await store.commit(content(1, 1));
  const all = await store.pending('lemf', 0, 10);
  expect(shown(all)).toEqual(['hi2 0', 'hi3 0', 'hi2 1', 'hi2 2', 'hi3 1']);
  expect(shown(await store.pending('lemf', all[1]!.position, 2))).toEqual(['hi2 1', 'hi2 2']);
  await store.acknowledge('lemf', all[3]!.position);
  expect(shown(await store.pending('lemf', 0, 10))).toEqual(['hi3 1']);
  await store.close();
});

it('R-23: who delivers records alone, or content alone, sees and takes nothing of the other, also after a restart', async () => {
  const file = newPlace();
  const store = await SqliteDfStore.open(file);
  await store.commit({ ...records(0, 2), outbox: [...records(0, 2).outbox, ...content(0, 2).outbox] });
  expect(shown(await store.pending('lemf', 0, 10, 'records'))).toEqual(['hi2 0', 'hi2 1']);
  expect(shown(await store.pending('lemf', 0, 10, 'content'))).toEqual(['hi3 0', 'hi3 1']);
  await store.acknowledge('lemf', Number.MAX_SAFE_INTEGER, 0, 'content');
  expect(shown(await store.pending('lemf', 0, 10))).toEqual(['hi2 0', 'hi2 1']);
  await store.upkeep();
  const next = await SqliteDfStore.open(killedCopy(file));
  expect(shown(await next.pending('lemf', 0, 10))).toEqual(['hi2 0', 'hi2 1']);
  await next.close();
  await store.acknowledge('lemf', Number.MAX_SAFE_INTEGER, 0, 'records');
  await store.upkeep();
  expect([store.waiting('lemf').count, segmentsOf(file)]).toEqual([0, []]);
  await store.close();
});

it('R-73: records that wait in the spool are counted as records, give way as such, and go with their warrant', async () => {
  const file = newPlace();
  const store = await SqliteDfStore.open(file);
  await store.commit({ ...records(0, 2), outbox: [...records(0, 2).outbox, ...content(0, 1).outbox] });
  await store.commit({ ...records(2, 1), ...forTheDatabase(1) });
  const newest = await store.newest('lemf', 'hi2', 'L', 2);
  expect(newest.map(({ interface: reference, sequenceNumber }) => `${reference} ${sequenceNumber}`)).toEqual([
    ...['hi2 2', 'hi2 1'],
  ]);
  await store.commit({ ...NOTHING, evicted: newest.map(({ position }) => position) });
  expect(shown(await store.pending('lemf', 0, 10))).toEqual(['hi2 0', 'hi3 0']);
  const next = await SqliteDfStore.open(killedCopy(file));
  expect(shown(await next.pending('lemf', 0, 10))).toEqual(['hi2 0', 'hi3 0']);
  await next.close();
  expect(await store.undelivered('L')).toBe(2);
  await store.commit({ ...NOTHING, retired: [{ liid: 'L', xids: [] }] });
  expect([store.waiting('lemf').count, await store.undelivered('L')]).toEqual([0, 0]);
  await store.close();
});

const SESSION: KeySession = {
  ...{ xid: 'X', correlation: CALL.correlation, observed: [], messages: [], questions: [], delivered: [] },
};
const keyed = (n: number, accepted: readonly string[]): DfChanges => ({
  ...records(n, 1),
  keySessions: [{ session: { ...SESSION, accepted }, lastSeen: n + 0.5 }],
});

/** What there is of key management after a restart. */
async function sessionsIn(file: string): Promise<unknown> {
  const store = await SqliteDfStore.open(file);
  const { keySessions } = await store.load();
  expect(store.recall.keySessions(CALL.correlation)).toEqual(keySessions);
  expect(store.recall.keyedCallsOf('X')).toEqual(keySessions.map(({ session }) => session.correlation));
  await store.close();
  return keySessions.map(({ session, lastSeen }) => [session.accepted, lastSeen]);
}

it('R-23: key management that changes with records is as it was last, after a crash too, whether the database has it or not', async () => {
  const file = newPlace();
  const store = await SqliteDfStore.open(file);
  await store.commit(keyed(0, ['one']));
  expect(rowsIn(file)).toBe(0);
  expect(store.waiting('lemf')).toEqual({ count: 1, octets: 20 });
  expect(store.destinations()).toEqual(['lemf']);
  await store.commit(keyed(1, ['one', 'other']));
  const ahead = killedCopy(file);
  expect(await sessionsIn(ahead)).toEqual([[['one', 'other'], 1.5]]);
  await store.upkeep();
  const noted = killedCopy(file);
  expect(await sessionsIn(noted)).toEqual([[['one', 'other'], 1.5]]);
  await store.commit({ ...records(2, 1), retired: [{ liid: 'M', xids: ['X'] }] });
  await store.commit(keyed(3, ['new']));
  expect(await sessionsIn(killedCopy(file))).toEqual([[['new'], 3.5]]);
  await store.commit({ ...NOTHING, retired: [{ liid: 'M', xids: ['X'] }] });
  expect(await sessionsIn(killedCopy(file))).toEqual([]);
  await store.close();
});

it('R-23: key management that changed after the database had it stays as it was last where a commit to the database fails', async () => {
  const file = newPlace();
  const store = await SqliteDfStore.open(file);
  await store.commit(keyed(0, ['before']));
  await store.upkeep();
  // In the same millisecond, or with the clock set back.
  const [{ session } = { session: null }] = keyed(1, ['after']).keySessions;
  await store.commit({ ...records(1, 1), keySessions: [{ session: session!, lastSeen: 0.5 }] });
  const twice = { ...records(2, 1).outbox[0]!, interface: 'hi1', cin: NO_CIN } as const;
  await expect(store.commit({ ...NOTHING, outbox: [twice, twice] })).rejects.toThrow('UNIQUE');
  expect(store.recall.keySessions(CALL.correlation)).toEqual([{ session, lastSeen: 0.5 }]);
  await store.upkeep();
  expect(await sessionsIn(killedCopy(file))).toEqual([[['after'], 0.5]]);
  // It fails, and is written all the same.
  await store.commit(keyed(2, ['older']));
  const run = vi.spyOn(UnitsAtOnce.prototype, 'run');
  run.mockImplementationOnce(async function (this: UnitsAtOnce, unit) {
    await this.run(unit);
    throw new StorageError('unavailable', 'the thread that commits: it has ended');
  });
  await expect(store.commit({ ...keyed(3, ['given']), ...forTheDatabase(1) })).rejects.toThrow(
    'it has ended',
  );
  run.mockRestore();
  await store.upkeep();
  expect(await sessionsIn(killedCopy(file))).toEqual([[['given'], 3.5]]);
  await store.close();
});

it('R-94: a copy of a store that is in use has the key management of all that was committed before, whatever becomes of its file', async () => {
  const file = newPlace();
  const store = await SqliteDfStore.open(file);
  await store.commit(keyed(0, ['one']));
  const folder = path.dirname(file);
  const to = path.join(folder, 'copy');
  const kept: KeptState = {
    ...{ stores: { df: file }, folders: { spool: spoolOf(file) }, audit: null, secret: false },
    ...{ place: { entity: 'df', files: [file] }, settle: () => store.upkeep() },
  };
  await makeBackup(kept, null, { entity: 'df', name: 'df', version: '0', now: 0 }, { to });
  const copy = new Database(path.join(to, 'df.db'), { readonly: true });
  expect(copy.prepare('SELECT xid, last_seen FROM key_session').all()).toEqual([
    { xid: 'X', last_seen: 0.5 },
  ]);
  copy.close();
  await store.close();
});

it('R-23: of key management some mebioctets at most are in files alone', async () => {
  const file = newPlace();
  const store = await SqliteDfStore.open(file);
  for (let n = 0; n < 8; n++) await store.commit(keyed(n, [String(n).repeat(1 << 20)]));
  const database = new Database(file, { readonly: true });
  const stored = database.prepare<[], { length: number }>('SELECT length(body) AS length FROM key_session');
  expect(stored.all()).toEqual([{ length: expect.closeTo(1 << 20, -3) as number }]);
  database.close();
  await store.close();
});

it('R-23: a commit holds with its records, its content and its key management, or not at all', async () => {
  const file = newPlace();
  const store = await SqliteDfStore.open(file);
  const changes = (n: number): DfChanges => {
    const { outbox, ...others } = keyed(n, [String(n)]);
    return { ...others, outbox: [...outbox, ...content(n, 1).outbox] };
  };
  await store.commit(changes(0));
  const sizes = segmentsOf(file).map((segment) => statSync(segment).size);
  expect(sizes).toHaveLength(3);
  await store.commit(changes(1));
  for (const which of sizes.keys()) {
    const copy = killedCopy(file);
    truncateSync(segmentsOf(copy)[which]!, sizes[which]! + 30);
    expect(await sessionsIn(copy)).toEqual([[['0'], 0.5]]);
    const next = await SqliteDfStore.open(copy);
    expect(shown(await next.pending('lemf', 0, 10))).toEqual(['hi2 0', 'hi3 0']);
    await next.close();
  }
  await store.close();
});

it('R-90: key management that was replaced, or whose warrant has ended, is in no file after the next housekeeping, whatever waits', async () => {
  const file = newPlace();
  const store = await SqliteDfStore.open(file);
  const isOnDisk = (text: string): boolean =>
    [file, `${file}-wal`, ...segmentsOf(file)].some((each) => readFileSync(each).includes(text));
  await store.commit(keyed(0, ['what was before']));
  await store.commit(keyed(1, ['what is now']));
  await store.expire(0, 1000);
  expect([isOnDisk('what was before'), isOnDisk('what is now')]).toEqual([false, true]);
  await store.commit({ ...NOTHING, retired: [{ liid: 'M', xids: ['X'] }] });
  await store.scrub();
  expect(isOnDisk('what is now')).toBe(false);
  expect(shown(await store.pending('lemf', 0, 10))).toEqual(['hi2 0', 'hi2 1']);
  expect(await sessionsIn(killedCopy(file))).toEqual([]);
  await store.close();
});

it('R-90: a key that the LEMF has is in no file after the next housekeeping, also where others wait behind it', async () => {
  const file = newPlace();
  const store = await SqliteDfStore.open(file);
  await store.commit(records(0, 2));
  const [first] = await store.pending('lemf', 0, 1);
  await store.acknowledge('lemf', first!.position);
  await store.expire(0, 1000);
  const isThere = (n: number): boolean =>
    segmentsOf(file).some((segment) => readFileSync(segment).includes(Buffer.alloc(20, n)));
  expect([isThere(1), isThere(2)]).toEqual([false, true]);
  await store.close();
});

it('R-23: what is told of a warrant itself is in the database, with what is committed with it', async () => {
  const file = newPlace();
  const store = await SqliteDfStore.open(file);
  const notice = {
    ...RECORD,
    interface: 'hi1',
    cin: NO_CIN,
    sequenceNumber: 0,
    octets: new Uint8Array(1),
  } as const;
  await store.commit({ ...records(0, 1), outbox: [...records(0, 1).outbox, notice] });
  expect(rowsIn(file)).toBe(2);
  expect(shown(await store.pending('lemf', 0, 10))).toEqual(['hi2 0', 'hi1 0']);
  await store.close();
});
