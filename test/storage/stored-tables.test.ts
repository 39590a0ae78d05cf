/** What comes back from a store is of the form that was written, or refused: every column that is read, of every store. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, it } from 'vitest';
import { Secret } from '../../src/bytes/secret.ts';
import { SqliteAdmfStore } from '../../src/entities/admf/store/sqlite.ts';
import { SqliteRegistrationStore } from '../../src/entities/cscf/store/sqlite.ts';
import { newSession } from '../../src/entities/df/key-session.ts';
import { SqliteDfStore } from '../../src/entities/df/store/sqlite.ts';
import { decodeDistrictFile } from '../../src/entities/kms/district-file.ts';
import { SqliteKeyAnswers } from '../../src/entities/lemf/store/key-answers.ts';
import { SqliteKmsStore } from '../../src/entities/kms/store/sqlite.ts';
import { SetAsideFile } from '../../src/storage/set-aside.ts';
import { countColumn, tableReaders, timeColumn } from '../../src/storage/stored-tables.ts';
import { SqliteTaskStore } from '../../src/x1/task-store.ts';
import { record } from '../entities/admf/store/compliance.ts';
import { CALL, NOTHING } from '../entities/df/store/compliance-values.ts';
import { exampleHome } from '../entities/kms/support/home.ts';
import { destination, DID, task, XID } from '../poi/support.ts';

/** A store with something in every table. */
interface Filled {
  /** All that reads what is in it. */
  readAll(): Promise<unknown>;
  close(): Promise<void> | void;
}

interface Case {
  readonly store: string;
  readonly fill: (file: string) => Promise<Filled>;
  /** What is read, by table; other columns are only looked for. */
  readonly columns: Readonly<Record<string, readonly string[]>>;
}

const ALICE = 'sip:alice@home1.example';
const GROUP = Uint8Array.of(9);
const BOUND = { limit: 3, refill: 10, now: 100 };

async function filledDf(file: string): Promise<Filled> {
  const store = await SqliteDfStore.open(file);
  const row = { did: 'lemf', interface: 'hi2', liid: 'L', cin: 1, sequenceNumber: 0 } as const;
  await store.commit({
    ...NOTHING,
    streams: [{ key: 's', nextSequenceNumber: 4, lastTime: 1.5 }],
    communications: [CALL],
    keySessions: [{ session: newSession('x', 'c'), lastSeen: 5 }],
    held: [{ id: 1, xid: 'x', correlation: '', octets: Uint8Array.of(1), since: 2 }],
    outbox: [{ ...row, octets: Uint8Array.of(1) }],
  });
  const readAll = async () => {
    await store.load();
    await store.pending('lemf', -5, 10);
  };
  return { readAll, close: () => store.close() };
}

async function filledKms(file: string): Promise<Filled> {
  const store = await SqliteKmsStore.open(file);
  const name = { uri: ALICE, from: 0, until: 86_400 };
  const psk = Secret.of(new Uint8Array(32));
  const device = { credential: 'phone', psk, certified: false, identities: [name] };
  await store.putSerial(decodeDistrictFile(exampleHome()).serial);
  await store.keepLiRoot('2027-03', Secret.of(new Uint8Array(32)));
  await store.putSubscriber({ id: 'alice', publicIdentities: [ALICE], aliases: [], devices: [device] }, 10);
  await store.claimQuestion(GROUP, Uint8Array.of(1), BOUND);
  await store.issueSeed({ uri: ALICE, period: 0, serial: 1, credential: 'phone' });
  await store.putWarrant({ xid: 'x', periods: [{ targets: [ALICE], start: 1, end: 5 }] });
  const readAll = async () => {
    await store.serials();
    await store.liRoot('2027-03');
    await store.subscriber('alice');
    await store.subscriberByIdentity(ALICE);
    await store.subscriberByCredential('phone');
    await store.keyOfCredential('phone');
    await store.holdings(ALICE);
    await store.claimQuestion(GROUP, Uint8Array.of(1), BOUND);
    await store.issuedSeed(ALICE, 0);
    await store.warrant('x');
  };
  return { readAll, close: () => store.close() };
}

async function filledAdmf(file: string): Promise<Filled> {
  const store = await SqliteAdmfStore.open(file);
  const { warrant, xid, state } = record;
  const { liid } = warrant;
  const entry = { liid, xid, at: 1.5, by: 'anna', act: 'approved', state, version: 1 };
  await store.saveWarrants([record], [{ ...entry, reason: 'why', detail: '{}' }]);
  await store.saveDid('LEMF HI2 lemf:1', DID);
  const wish = { warrant, desired: 'Active', emergency: false } as const;
  const object = { kind: 'LITaskObject', identifier: XID, members: {}, unknown: [] } as const;
  const ours = { agency: 'police', generation: 1, lastChanged: 1.5, status: 'Active' } as const;
  const reason = { ErrorCode: 3012, ErrorDescription: 'a member is missing' };
  const task = { authorisation: DID, wish, due: 'all' } as const;
  const exchange = { agency: 'police', transaction: XID, digest: 'd', answer: Uint8Array.of(1), at: 1.5 };
  await store.hi1.save([{ ...ours, object, reason, task }], { ...exchange, objects: [XID] });
  const readAll = async () => {
    await store.load();
    await store.history(liid);
    await store.hi1.openTasks();
    await store.hi1.exchange('police', XID);
  };
  return { readAll, close: () => store.close() };
}

async function filledTasks(file: string): Promise<Filled> {
  const store = await SqliteTaskStore.open(file);
  const kept = { task, activatedAt: 1.5, modifiedAt: 2.25, modifications: 3 };
  await store.commit({ tasks: new Map([[XID, kept]]), destinations: new Map([[DID, destination]]) });
  await store.auditHead.save({ sequence: 5, hash: 'a'.repeat(64) });
  return {
    readAll: async () => [await store.load(), await store.auditHead.load()],
    close: () => store.close(),
  };
}

async function filledCscf(file: string): Promise<Filled> {
  const store = await SqliteRegistrationStore.open(file);
  const address = { address: '127.0.0.1', port: 5060 };
  const binding = { contact: `<${ALICE}>`, protocol: 'TCP' as const, local: address, remote: address };
  const rest = { source: null, reachable: true, callId: 'c', cseq: 7, expires: 2000 };
  store.save(ALICE, [{ ...binding, ...rest }], 1000);
  return { readAll: () => Promise.resolve().then(() => store.load(1000)), close: () => store.close() };
}

async function filledKeys(file: string): Promise<Filled> {
  const store = await SqliteKeyAnswers.open(file);
  const key = {
    csId: Uint8Array.of(1),
    key: Secret.of(new Uint8Array(16)),
    salt: Secret.of(new Uint8Array(14)),
  };
  store.put({ id: 'a', liid: 'LIID-1', at: 1.5, failure: null, verified: true, keys: [key] });
  return {
    readAll: () => Promise.resolve().then(() => store.answer('a')),
    close: () => Promise.resolve().then(() => store.close()),
  };
}

async function filledSetAside(file: string): Promise<Filled> {
  const store = new SetAsideFile(file);
  const octets = Uint8Array.of(1);
  await store.keep({ reference: 'x2', did: DID, subject: XID, reason: 'refused', octets }, 1000);
  return { readAll: () => store.list(), close: () => store.close() };
}

const CASES: readonly Case[] = [
  {
    store: 'DF',
    fill: filledDf,
    columns: {
      stream: ['key', 'next', 'last_time'],
      communication: ['correlation', 'liid', 'cin', 'next_hi2', 'next_hi3', 'last_seen'],
      cin: ['liid', 'last'],
      key_session: ['xid', 'correlation', 'body', 'last_seen'],
      held: ['id', 'xid', 'octets', 'since'],
      outbox: ['position', 'interface', 'liid', 'cin', 'sequence_number', 'octets'],
    },
  },
  {
    store: 'KMS',
    fill: filledKms,
    columns: {
      serial: ['serial', 'not_before', 'not_after', 'parameters', 'master_secret'],
      li_root: ['root'],
      identity: ['uri', 'kind'],
      device: ['psk'],
      device_identity: ['uri', 'valid_from', 'valid_until'],
      claim: ['hash', 'expires'],
      issued_seed: ['serial', 'credential'],
      holding: ['kind', 'held_from', 'held_until'],
      warrant_period: ['targets', 'start', 'end', 'lemf'],
    },
  },
  {
    store: 'ADMF',
    fill: filledAdmf,
    columns: {
      warrant: ['position', 'liid', 'xid', 'state', 'body'],
      warrant_history: ['xid', 'at', 'by', 'act', 'state', 'version', 'reason', 'detail'],
      did: ['key', 'did'],
      hi1_object: [
        ...['agency', 'kind', 'body', 'generation', 'changed'],
        ...['status', 'reason', 'authorisation', 'wish', 'due'],
      ],
      hi1_exchange: ['digest', 'answer', 'at'],
    },
  },
  {
    store: 'tasks',
    fill: filledTasks,
    columns: {
      task: ['body', 'activated_at', 'modified_at', 'modifications'],
      destination: ['body'],
      audit_head: ['sequence', 'hash'],
    },
  },
  {
    store: 'keys of a LEMF',
    fill: filledKeys,
    columns: { answer: ['liid', 'at', 'failure', 'verified', 'keys'] },
  },
  { store: 'registrations', fill: filledCscf, columns: { registration: ['identity', 'body'] } },
  {
    store: 'set aside',
    fill: filledSetAside,
    columns: { set_aside: ['number', 'time', 'interface', 'did', 'subject', 'reason', 'octets'] },
  },
];

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-tampered-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface ColumnInfo {
  readonly name: string;
  readonly type: string;
  readonly notnull: number;
  readonly pk: number;
}

const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  TEXT: [Buffer.of(0)],
  INTEGER: ['cuckoo', -1],
  REAL: ['cuckoo', -1],
  BLOB: ['cuckoo'],
};

/** What does not belong there, as far as SQLite itself lets it in. */
function wrongFor({ type, notnull, pk }: ColumnInfo, isNumbered: boolean): readonly unknown[] {
  if (isNumbered && pk > 0) return [-1];
  const wrong = WRONG[type] ?? [];
  return notnull > 0 && pk === 0 ? [null, ...wrong] : wrong;
}

/** Takes from the tables what forbids NULL: whoever may write the file may do that as well. */
function permitNull(file: string): void {
  const raw = new Database(file).unsafeMode(true);
  raw.pragma('writable_schema = ON');
  raw.exec("UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '') WHERE type = 'table'");
  raw.close();
}

describe.each(CASES)('a tampered store: $store', ({ store, fill, columns }) => {
  it('R-94: any column of another type, empty or negative is refused, by its name and unquoted', async () => {
    const file = path.join(folder, `${store}.db`);
    await (await fill(file)).close();
    const infos = new Map<string, ColumnInfo[]>();
    let raw = new Database(file);
    for (const table of Object.keys(columns)) {
      infos.set(table, raw.prepare<[], ColumnInfo>(`PRAGMA table_info(${table})`).all());
    }
    raw.close();
    for (const suffix of ['', '-wal', '-shm', '.spool'])
      rmSync(`${file}${suffix}`, { force: true, recursive: true });
    const opened = await fill(file);
    permitNull(file);
    raw = new Database(file);
    raw.pragma('synchronous = OFF');
    await opened.readAll();
    for (const [table, names] of Object.entries(columns)) {
      const info = infos.get(table) ?? [];
      const isNumbered = info.filter(({ pk }) => pk > 0).length === 1 && info[0]?.type === 'INTEGER';
      for (const name of names) {
        const column = info.find((each) => each.name === name)!;
        const { value } = raw
          .prepare<[], { value: unknown }>(`SELECT "${name}" AS value FROM ${table}`)
          .get()!;
        for (const wrong of wrongFor(column, isNumbered)) {
          raw.prepare(`UPDATE ${table} SET "${name}" = ?`).run(wrong);
          const error: unknown = await opened.readAll().then(
            () => 'it was read',
            (reason: unknown) => reason,
          );
          expect(error, `${table}.${name} = ${String(wrong)}`).toMatchObject({
            name: 'StorageError',
            code: 'damaged',
            message: expect.stringContaining(`${table}.${name} is not `) as string,
          });
          expect(String(error)).not.toContain('cuckoo');
          raw.prepare(`UPDATE ${table} SET "${name}" = ?`).run(value);
        }
      }
    }
    await opened.readAll();
    raw.close();
    await opened.close();
  });
});

it('a count is whole and exact; a time may have a fraction, and no end', () => {
  const { thing } = tableReaders({ thing: { count: countColumn, time: timeColumn } });
  expect(thing.read({ count: 7, time: 0.5 })).toEqual({ count: 7, time: 0.5 });
  expect(thing.read({ count: 0, time: Infinity })).toEqual({ count: 0, time: Infinity });
  for (const count of [0.5, 2 ** 53, NaN, '7']) {
    expect(() => thing.read({ count, time: 1 })).toThrow('thing.count is not a whole number from 0');
  }
  expect(() => thing.read({ count: 1, time: NaN })).toThrow('thing.time is not a time');
  expect(() => thing.read({ count: 1 })).toThrow('thing.time is not a time');
});
