import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isoTime } from '../../../src/bytes/iso-time.ts';
import { WarrantRetention } from '../../../src/entities/lemf/retention.ts';
import type { Erased, RetentionRecord, WarrantName } from '../../../src/entities/lemf/retention.ts';
import { SqliteWarrants } from '../../../src/entities/lemf/store/warrants.ts';
import type { Hi1Operation } from '../../../src/wire/hi/hi1.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { silent } from '../../support/silent.ts';

const DAY = 86_400_000;
const RETENTION = 30 * DAY;
const HOUR = 3_600_000;
const NAME = { liid: 'LIID-1', source: 'df.home1.example' };

let clock: ManualClock;
let warrants: SqliteWarrants;
let records: RetentionRecord[];
let erased: WarrantName[][];
let retention: WarrantRetention;
/** What happens when something is deleted. */
let onErase: () => void;
let onRecord: () => void;
let isIdle: boolean;

function begin(ms: number | null = RETENTION): void {
  retention = new WarrantRetention({
    ms,
    warrants,
    record: (event) => {
      onRecord();
      records.push(event);
    },
    erase: (due) => {
      erased.push(due.map(({ liid, source }) => ({ liid, source })));
      onErase();
      const counts = due.map(() => ({ iri: 8, cc: 100, other: 2, octets: 20_000 }));
      return Promise.resolve({ counts, audioFiles: 2 } satisfies Erased);
    },
    isIdle: () => isIdle,
    clock,
    logger: silent,
  });
  retention.start();
}

function told(kind: 'liActivated' | 'liDeactivated' | 'liModified', time: number): Hi1Operation {
  return { kind, notification: { liid: NAME.liid, time } };
}

beforeEach(async () => {
  clock = new ManualClock();
  warrants = await SqliteWarrants.open(':memory:');
  [records, erased, isIdle] = [[], [], true];
  onErase = onRecord = () => undefined;
  begin();
});
afterEach(() => {
  retention.stop();
  warrants.close();
});

describe('R-90: what a LEMF keeps of a warrant goes when its time is over', () => {
  it('after it, not before, and on record before and after', async () => {
    const endedAt = clock.now();
    retention.notified(NAME, told('liActivated', endedAt - DAY));
    retention.notified(NAME, told('liDeactivated', endedAt));
    await clock.pass(RETENTION - HOUR);
    expect([erased, records]).toEqual([[], []]);
    await clock.pass(HOUR);
    expect(erased).toEqual([[NAME]]);
    expect(records).toEqual([
      { kind: 'retention-over', ...NAME, endedAt: isoTime(endedAt), retention: 30 * 86_400 },
      {
        kind: 'warrant-erased',
        ...NAME,
        iri: 8,
        cc: 100,
        other: 2,
        octets: 20_000,
        audioFiles: 2,
        warrants: 1,
      },
    ]);
    await clock.pass(10 * DAY);
    expect(erased).toHaveLength(1);
  });

  it('nothing of one that is in force, or of another delivery function’s under its LIID', async () => {
    const other = { ...NAME, source: 'df.home2.example' };
    retention.notified(NAME, told('liActivated', clock.now()));
    retention.notified(other, told('liDeactivated', clock.now()));
    await clock.pass(2 * RETENTION);
    expect(erased).toEqual([[other]]);
  });

  it('a time in the notification that is long past deletes nothing sooner; one to come holds nothing up', async () => {
    retention.notified(NAME, told('liDeactivated', 0));
    await clock.pass(RETENTION - 1);
    expect(erased).toEqual([]);
    await clock.pass(1);
    expect(erased).toHaveLength(1);
    const other = { ...NAME, liid: 'LIID-2' };
    retention.notified(other, told('liActivated', clock.now() + 1000 * DAY));
    clock.advance(1);
    retention.notified(other, told('liDeactivated', clock.now()));
    await clock.pass(RETENTION + HOUR);
    expect(erased.at(-1)).toEqual([other]);
  });

  it('a copy of an old notification ends nothing that is in force again, and begins nothing anew', async () => {
    const ended = told('liDeactivated', clock.now());
    retention.notified(NAME, ended);
    clock.advance(DAY);
    const again = told('liActivated', clock.now());
    retention.notified(NAME, again);
    retention.notified(NAME, ended);
    await clock.pass(2 * RETENTION);
    expect(erased).toEqual([]);
    retention.notified(NAME, told('liDeactivated', clock.now()));
    retention.notified(NAME, again);
    await clock.pass(RETENTION);
    expect(erased).toHaveLength(1);
  });

  it('what cannot be put on record is not deleted, and tried again', async () => {
    retention.notified(NAME, told('liDeactivated', clock.now()));
    onRecord = () => {
      throw new Error('the disk is full');
    };
    await clock.pass(RETENTION);
    expect(erased).toEqual([]);
    expect(retention.failure).toContain('the disk is full');
    onRecord = () => undefined;
    await clock.pass(60_000);
    expect(erased).toHaveLength(1);
    expect(retention.failure).toBeNull();
  });

  it('what could not be deleted is tried again, and is on record once', async () => {
    retention.notified(NAME, told('liDeactivated', clock.now()));
    onErase = () => {
      throw new Error('input/output error');
    };
    await clock.pass(RETENTION + 5 * 60_000);
    expect(erased.length).toBeGreaterThan(3);
    onErase = () => undefined;
    await clock.pass(60_000);
    expect(records.map(({ kind }) => kind)).toEqual(['retention-over', 'warrant-erased']);
  });

  it('after a restart as well, by the time of the end', async () => {
    retention.notified(NAME, told('liDeactivated', clock.now()));
    await clock.pass(RETENTION - DAY);
    retention.stop();
    begin();
    await clock.pass(DAY);
    expect(erased).toEqual([[NAME]]);
  });

  it('what comes of it late, or while it is deleted, goes with the next look', async () => {
    retention.notified(NAME, told('liDeactivated', clock.now()));
    onErase = () => retention.stored(NAME);
    await clock.pass(RETENTION);
    onErase = () => undefined;
    await clock.pass(HOUR);
    expect(erased).toHaveLength(2);
    await clock.pass(10 * HOUR);
    expect(erased).toHaveLength(2);
    retention.stored({ ...NAME, liid: 'LIID-2' });
    retention.stored(NAME);
    await clock.pass(HOUR);
    expect(erased).toHaveLength(3);
    retention.stop();
    begin();
    retention.stored(NAME);
    await clock.pass(HOUR);
    expect(erased).toHaveLength(4);
  });

  it('one that is in force again while it is deleted is not counted as gone', async () => {
    retention.notified(NAME, told('liDeactivated', clock.now()));
    onErase = () => retention.notified(NAME, told('liActivated', clock.now()));
    await clock.pass(RETENTION);
    expect(warrants.find(NAME)).toMatchObject({ endedAt: null, erasedAt: null });
  });

  it('waits until the files are not being read', async () => {
    retention.notified(NAME, told('liDeactivated', clock.now()));
    await clock.pass(RETENTION - 1);
    isIdle = false;
    await clock.pass(HOUR);
    expect(erased).toEqual([]);
    isIdle = true;
    await clock.pass(60_000);
    expect(erased).toHaveLength(1);
  });

  it('without a retention nothing goes, and its end is known when one is set', async () => {
    retention.stop();
    begin(null);
    retention.notified(NAME, told('liDeactivated', clock.now()));
    await clock.pass(2 * RETENTION);
    expect(erased).toEqual([]);
    begin();
    await clock.pass(0);
    expect(erased).toHaveLength(1);
  });
});
