/**
 * Keys of times that no warrant covered, asked for by a DF with a good certificate: tasks over X1's table, enrolment and
 * questions at one KMS whose state is on disk, and which is restarted in between.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromBase64 } from '../../../src/bytes/octets.ts';
import { enrolAll } from '../../../src/entities/kms/enrolment.ts';
import { SqliteKmsStore } from '../../../src/entities/kms/store/sqlite.ts';
import { WarrantKeepingStore } from '../../../src/entities/kms/warrants.ts';
import { XkService } from '../../../src/entities/kms/xk.ts';
import { decodeMessage, encodeMessage } from '../../../src/mikey/message.ts';
import { ntpFromUnixMs } from '../../../src/mikey/ntp.ts';
import type { InterceptTask } from '../../../src/wire/x1/details.ts';
import type { GetKeysResponse } from '../../../src/wire/xk/get-keys.ts';
import { targetKeys } from '../../../src/x1/target-keys.ts';
import { SqliteTaskStore } from '../../../src/x1/task-store.ts';
import { TaskTable } from '../../../src/x1/tasks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { exampleFile } from '../../support/shared.ts';
import { exampleTime, home, MemoryAudit } from './support/home.ts';

const DAY = 86_400;
const KEYS: GetKeysResponse = { verified: true, cryptoSessions: [] };
const df = { commonName: 'df.home1.example', roles: ['df'], fingerprint: 'AA', admitted: true };
const nothing = () => undefined;
const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const XID = '29f28e1c-f230-486a-a860-f5a784ab9172';
const OTHER_XID = '39f28e1c-f230-486a-a860-f5a784ab9172';
const ALICE = 'sip:alice@home1.example';
const BOB = 'sip:bob@home1.example';
const NUMBER = 'tel:+15551001';
const vector = exampleFile('exchange-1.json') as { messages: Record<string, { message: string }> };
const begun = exampleTime();

/** A message of the exchange, sent at another time. */
function message(name: string, at: number): Uint8Array {
  const { header, payloads } = decodeMessage(fromBase64(vector.messages[name]!.message));
  const value = ntpFromUnixMs(at * 1000);
  return encodeMessage({
    header,
    payloads: payloads.map((each) => (each.kind === 't' ? { ...each, value } : each)),
  });
}

let folder: string;
let clock: ManualClock;
let store: SqliteKmsStore;
let tasks: SqliteTaskStore;
let table: TaskTable;
let service: XkService;

async function start(): Promise<void> {
  store = await SqliteKmsStore.open(path.join(folder, 'kms.db'));
  tasks = await SqliteTaskStore.open(path.join(folder, 'tasks.db'));
  const now = () => clock.now() / 1000;
  table = await TaskTable.open(clock, new WarrantKeepingStore(tasks, store, now, targetKeys));
  const ports = { store, compute: () => Promise.resolve(KEYS), audit: new MemoryAudit(), clock, logger };
  service = new XkService({ sessionMemory: 3600, retention: 90 * DAY }, ports);
}

async function stop(): Promise<void> {
  await tasks.close();
  await store.close();
}

async function restart(): Promise<void> {
  await stop();
  await start();
}

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'claviger-uncovered-'));
  clock = new ManualClock(begun * 1000);
  await start();
});

afterEach(async () => {
  await stop();
  rmSync(folder, { recursive: true });
});

function at(time: number): void {
  clock.advance((begun + time) * 1000 - clock.now());
}

/** As a start with this configuration does it. */
async function configured(
  numberOf: 'alice' | 'bob' | null,
  ids: readonly string[] = ['alice', 'bob'],
): Promise<void> {
  const { district } = await home();
  const enrolments = ids.map((id) => ({
    id,
    publicIdentities: [`sip:${id}@home1.example`],
    aliases: numberOf === id ? [NUMBER] : [],
    devices: [],
  }));
  await enrolAll(enrolments, { store, district, now: clock.now() / 1000 });
}

function task(target: string, from: number, to: number, xid = XID): InterceptTask {
  const name = target.startsWith('tel:') ? ('telUri' as const) : ('sipUri' as const);
  const times = { startTime: (begun + from) * 1000, endTime: (begun + to) * 1000 };
  return {
    xid,
    targets: [{ name, value: target }],
    deliveryType: 'X2Only',
    dids: [],
    mediation: [{ liid: 'l', deliveryType: 'HI2Only', ...times, dids: [] }],
  };
}

interface Asked {
  readonly xid?: string;
  readonly midCall?: boolean;
  /** When the keys changed during the call. */
  readonly update?: number;
}

/** Whether the DF gets the keys of a call of that time. */
async function keysOf(
  target: string,
  time: number,
  { xid = XID, midCall = false, update }: Asked = {},
): Promise<boolean> {
  const of = (name: string) => message(name, begun + time);
  const later = (name: string) => message(name, begun + (update ?? 0));
  const answer = await service.answer(df, {
    targetKmsIdentity: target,
    xid,
    iMessage1: of('I_MESSAGE_1'),
    rMessage1: of('R_MESSAGE_1'),
    iMessage2: of('I_MESSAGE_2'),
    rMessage2: of('R_MESSAGE_2'),
    updates:
      update === undefined ? [] : [{ iMessage1: later('I_MESSAGE_1'), rMessage1: later('R_MESSAGE_1') }],
    midCall,
  });
  if (!('failureIndication' in answer)) return true;
  expect(answer).toEqual({ failureIndication: 'not-authorised' });
  return false;
}

describe('R-76: keys of times that no warrant covered', () => {
  it('a warrant on a number that moved does not open the calls of who had it before, nor of who has it next', async () => {
    await configured('alice');
    await table.activate(task(NUMBER, 0, 10_000));
    at(1000);
    expect(await keysOf(ALICE, 500)).toBe(true);
    await restart();
    await configured('bob', ['bob', 'alice']);
    at(2000);
    expect(await keysOf(BOB, 1500)).toBe(true);
    expect(await keysOf(BOB, 500)).toBe(false);
    expect(await keysOf(ALICE, 1500)).toBe(false);
    expect(await keysOf(ALICE, 500)).toBe(true);
    expect(await keysOf(NUMBER, 500)).toBe(true);
    await restart();
    await configured('alice');
    at(3000);
    expect(await keysOf(ALICE, 2500)).toBe(true);
    expect(await keysOf(ALICE, 1500)).toBe(false);
    expect(await keysOf(BOB, 1500)).toBe(true);
    expect(await keysOf(BOB, 2500)).toBe(false);
  });

  it('a number whose holder has left and that is given out again later was nobody’s in between', async () => {
    await configured('alice');
    await table.activate(task(NUMBER, 0, 10_000));
    at(1000);
    await configured(null, ['bob']);
    at(2000);
    await configured('bob', ['bob']);
    at(3000);
    await restart();
    expect(await keysOf(ALICE, 500)).toBe(true);
    expect(await keysOf(ALICE, 1000)).toBe(false);
    expect(await keysOf(BOB, 1500)).toBe(false);
    expect(await keysOf(BOB, 1999.999)).toBe(false);
    expect(await keysOf(BOB, 2000)).toBe(true);
  });

  it('a start 61 days in the past opens nothing of those 61 days', async () => {
    await configured('alice');
    at(61 * DAY);
    await table.activate(task(ALICE, 0, 70 * DAY));
    for (const again of [false, true]) {
      if (again) await restart();
      expect(await keysOf(ALICE, 30 * DAY)).toBe(false);
      expect(await keysOf(ALICE, 30 * DAY, { midCall: true })).toBe(false);
      expect(await keysOf(ALICE, 61 * DAY - 0.001)).toBe(false);
      expect(await keysOf(ALICE, 61 * DAY)).toBe(true);
    }
    expect(await keysOf(ALICE, 61 * DAY - 3600, { midCall: true })).toBe(true);
  });

  it('a task prolonged after it had lapsed opens nothing of the time between', async () => {
    await configured('alice');
    await table.activate(task(ALICE, 0, 1000));
    at(5000);
    await table.modify(task(ALICE, 0, 10_000));
    at(6000);
    for (const again of [false, true]) {
      if (again) await restart();
      expect(await keysOf(ALICE, 999)).toBe(true);
      expect(await keysOf(ALICE, 1000)).toBe(false);
      expect(await keysOf(ALICE, 4999)).toBe(false);
      expect(await keysOf(ALICE, 5000)).toBe(true);
    }
  });

  it('the target was A and is B: A for its time, B for its own', async () => {
    await configured(null);
    await table.activate(task(ALICE, 0, 10_000));
    at(1000);
    await table.modify(task(BOB, 0, 10_000));
    at(2000);
    await restart();
    expect(await keysOf(ALICE, 999)).toBe(true);
    expect(await keysOf(ALICE, 1000)).toBe(false);
    expect(await keysOf(BOB, 999)).toBe(false);
    expect(await keysOf(BOB, 1000)).toBe(true);
    expect(await keysOf(ALICE, 900, { update: 1100 })).toBe(false);
  });

  it('another end told during a call changes nothing of the call', async () => {
    await configured('alice');
    await table.activate(task(ALICE, 0, 10_000));
    at(1000);
    await table.modify(task(ALICE, 0, 1500));
    at(1200);
    expect(await keysOf(ALICE, 900, { update: 1100 })).toBe(true);
    expect(await keysOf(ALICE, 900, { update: 1500 })).toBe(false);
  });

  it('deactivated and activated again under the same XID, the time between stays closed', async () => {
    await configured('alice');
    await table.activate(task(ALICE, 0, 10_000));
    at(1000);
    await table.deactivate(XID);
    at(2000);
    expect(await keysOf(ALICE, 999)).toBe(true);
    await table.activate(task(ALICE, 0, 10_000));
    at(3000);
    await restart();
    expect(await keysOf(ALICE, 999)).toBe(true);
    expect(await keysOf(ALICE, 1000)).toBe(false);
    expect(await keysOf(ALICE, 1999)).toBe(false);
    expect(await keysOf(ALICE, 2000)).toBe(true);
  });

  it('the same task told over and over, before and after its end, opens nothing more', async () => {
    await configured('alice');
    at(100);
    await table.activate(task(ALICE, 0, 1000));
    for (const time of [200, 1000, 2000]) {
      at(time);
      await table.modify(task(ALICE, 0, 1000));
      await restart();
      await configured('alice');
    }
    expect(await keysOf(ALICE, 99)).toBe(false);
    expect(await keysOf(ALICE, 100)).toBe(true);
    expect(await keysOf(ALICE, 999)).toBe(true);
    expect(await keysOf(ALICE, 1000)).toBe(false);
  });

  it('one of two warrants that overlap does not lend its time to the other', async () => {
    await configured('alice');
    await table.activate(task(ALICE, 0, 1000));
    at(500);
    await table.activate(task(ALICE, 0, 2000, OTHER_XID));
    at(1500);
    const other = { xid: OTHER_XID };
    expect([await keysOf(ALICE, 400), await keysOf(ALICE, 400, other)]).toEqual([true, false]);
    expect([await keysOf(ALICE, 700), await keysOf(ALICE, 700, other)]).toEqual([true, true]);
    expect([await keysOf(ALICE, 1200), await keysOf(ALICE, 1200, other)]).toEqual([false, true]);
  });

  it('who was a subscriber once, and is one no more, stays covered for that time alone', async () => {
    await configured('alice');
    await table.activate(task(ALICE, 0, 10_000));
    at(1000);
    await restart();
    await configured(null, ['bob']);
    at(2000);
    expect(await keysOf(ALICE, 999)).toBe(true);
    expect(await keysOf(ALICE, 1000)).toBe(false);
  });
});
