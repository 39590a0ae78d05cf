/** Store files that version 0.1.0 made: all that was in them is there when they are opened today (test/vectors/stores-0.1.0). */
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes/octets.ts';
import { SqliteReplayCache } from '../../src/endpoint/replays.ts';
import { SqliteAdmfStore } from '../../src/entities/admf/store/sqlite.ts';
import { SqliteDfStore } from '../../src/entities/df/store/sqlite.ts';
import { SqliteKmsStore } from '../../src/entities/kms/store/sqlite.ts';
import { WarrantKeepingStore } from '../../src/entities/kms/warrants.ts';
import { AuditFile } from '../../src/evidence/audit-file.ts';
import { verifyChain } from '../../src/evidence/log.ts';
import { encodeBfPublicParameters } from '../../src/ibe/parameters.ts';
import { SqliteTaskStore } from '../../src/x1/task-store.ts';
import { targetKeys } from '../../src/x1/target-keys.ts';
import { ManualClock } from '../support/manual-clock.ts';

type Row = Readonly<Record<string, string | number | null>>;
type Contents = Readonly<Record<string, Readonly<Record<string, readonly Row[]>>>>;

const vectors = path.resolve(import.meta.dirname, '../vectors/stores-0.1.0');
const contents = JSON.parse(readFileSync(path.join(vectors, 'contents.json'), 'utf8')) as Contents;
const folder = mkdtempSync(path.join(tmpdir(), 'claviger-0.1.0-'));
cpSync(path.join(vectors, 'home1'), folder, { recursive: true });
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string) => path.join(folder, name);

function rowsOf(database: string, table: string): readonly Row[] {
  const rows = contents[database]?.[table];
  if (rows === undefined) throw new Error(`${database} has no ${table}`);
  return rows;
}

function text(row: Row | undefined, name: string): string {
  const cell = row?.[name];
  if (typeof cell !== 'string') throw new Error(`${name} is not a text`);
  return cell;
}

function json(row: Row, name: string): unknown {
  return JSON.parse(text(row, name));
}

describe('a store of version 0.1.0', () => {
  it('KMS: serial and master secret, roots, subscriber, claims, issued seeds, warrants', async () => {
    const rows = (table: string) => rowsOf('kms/kms.db', table);
    const store = await SqliteKmsStore.open(file('kms/kms.db'));
    const serials = await store.serials();
    expect(serials.map((one) => [one.serial, toHex(one.masterSecret.expose())])).toEqual(
      rows('serial').map((row) => [row['serial'], row['master_secret']]),
    );
    expect(serials.map(({ bf }) => toHex(encodeBfPublicParameters(bf)))).toEqual(
      rows('serial').map((row) => row['parameters']),
    );
    expect(rows('li_root')).toHaveLength(2);
    for (const row of rows('li_root')) {
      const state = await store.liRoot(text(row, 'epoch'));
      expect(state.state === 'kept' ? toHex(state.root.expose()) : null).toBe(row['root']);
    }
    const alice = await store.subscriberByCredential('alice');
    expect(alice?.publicIdentities).toEqual(['sip:alice@home1.example']);
    expect(alice?.aliases).toEqual(['tel:+15551001']);
    expect(alice?.devices.map(({ psk }) => (psk === null ? null : toHex(psk.expose())))).toEqual(
      rows('device').map((row) => row['psk']),
    );
    expect(rows('issued_seed')).toHaveLength(2);
    for (const row of rows('issued_seed')) {
      expect(await store.issuedSeed(text(row, 'uri'), Number(row['period']))).toEqual(row);
    }
    expect(rows('warrant')).toHaveLength(2);
    for (const row of rows('warrant')) {
      const { start, end } = row;
      const periods = [{ targets: json(row, 'targets'), start, end }];
      expect(await store.warrant(text(row, 'xid'))).toEqual({ xid: text(row, 'xid'), periods });
    }
    expect(await store.holdings('tel:+15551001')).toEqual([
      { uri: 'sip:alice@home1.example', subscriber: 'alice', kind: 'public', from: 0, until: Infinity },
      { uri: 'tel:+15551001', subscriber: 'alice', kind: 'alias', from: 0, until: Infinity },
    ]);
    const [request] = rows('claim').filter(({ kind }) => kind === 'request');
    expect(await store.claimRequest(fromHex(text(request, 'hash')), 9e9)).toBe(false);
    const [question] = rows('claim').filter(({ kind }) => kind === 'question');
    const [group, hash] = [fromHex(text(question, 'claim_group')), fromHex(text(question, 'hash'))];
    const bound = { limit: 1, refill: 10, now: 1_700_000_000 };
    expect(await store.claimQuestion(group, hash, bound)).toBe(true);
    expect(await store.claimQuestion(group, Uint8Array.of(1), bound)).toBe(false);
    await store.close();
  });

  it('R-76: KMS: what it let begin before the task was activated is put right when the KMS starts', async () => {
    const [row] = rowsOf('kms/tasks.db', 'task');
    const store = await SqliteKmsStore.open(file('kms/kms.db'));
    const tasks = await SqliteTaskStore.open(file('kms/tasks.db'));
    const activated = Number(row?.['activated_at']) / 1000;
    const [before] = (await store.warrant(text(row, 'xid')))?.periods ?? [];
    expect(before?.start).toBeLessThan(activated);
    await new WarrantKeepingStore(tasks, store, () => activated + 60, targetKeys).load();
    const after = await store.warrant(text(row, 'xid'));
    expect(after?.periods).toEqual([{ ...before, start: activated }]);
    await tasks.close();
    await store.close();
  });

  it('DF: streams, calls, the question that is open, the PDU that is held, PS-PDUs that nobody acknowledged', async () => {
    const rows = (table: string) => rowsOf('df.db', table);
    const store = await SqliteDfStore.open(file('df.db'));
    const state = await store.load();
    expect(state.streams.map((one) => [one.key, one.nextSequenceNumber, one.lastTime])).toEqual(
      rows('stream').map((row) => [row['key'], row['next'], row['last_time']]),
    );
    expect(state.communications.map((one) => Object.values({ ...one }))).toEqual(
      rows('communication').map((row) => [...Object.values(row), 'proven', '']),
    );
    expect([...state.lastCins]).toEqual(rows('cin').map((row) => [row['liid'], row['last']]));
    expect(state.keySessions.map(({ session, lastSeen }) => ({ session, lastSeen }))).toEqual(
      rows('key_session').map((row) => ({
        session: json(row, 'body'),
        lastSeen: row['last_seen'],
      })),
    );
    expect(
      state.keySessions.map(({ session }) => session.questions.map((one) => one.state)).toSorted(),
    ).toEqual([['answered'], ['open']]);
    expect(state.held.map((one) => [one.id, one.xid, toHex(one.octets), one.since])).toEqual(
      rows('held').map((row) => [row['id'], row['xid'], row['octets'], row['since']]),
    );
    expect(state.held).toHaveLength(1);
    expect(rows('outbox').length).toBeGreaterThan(50);
    const dids = store.destinations();
    const waiting = await Promise.all(dids.map((did) => store.pending(did, 0, 1000)));
    expect(
      waiting
        .flat()
        .toSorted((a, b) => a.position - b.position)
        .map((one) => [
          one.position,
          one.did,
          one.interface,
          one.liid,
          one.cin,
          one.sequenceNumber,
          toHex(one.octets),
        ]),
    ).toEqual(rows('outbox').map((row) => Object.values(row)));
    await store.close();
  });

  it.each(['kms/tasks.db', 'df-tasks.db', 'cscf-tasks.db', 'gateway-tasks.db'])(
    'X1, %s: the running task, and its destinations',
    async (name) => {
      const store = await SqliteTaskStore.open(file(name));
      const state = await store.load();
      expect(state.tasks.map(({ task, ...times }) => [task, ...Object.values(times)])).toEqual(
        rowsOf(name, 'task').map((row) => [
          json(row, 'body'),
          row['activated_at'],
          row['modified_at'],
          row['modifications'],
        ]),
      );
      expect(state.tasks).toHaveLength(1);
      expect(state.destinations).toEqual(rowsOf(name, 'destination').map((row) => json(row, 'body')));
      await store.close();
    },
  );

  it('ADMF: the warrant that runs, the one that has ended, and the DIDs', async () => {
    const store = await SqliteAdmfStore.open(file('admf.db'));
    const state = await store.load();
    expect(state.warrants.map(({ warrant, xid, state: stage }) => [warrant, xid, stage])).toEqual(
      rowsOf('admf.db', 'warrant').map((row) => [json(row, 'body'), row['xid'], row['state']]),
    );
    expect(state.warrants.map((one) => one.state).toSorted()).toEqual(['active', 'ended']);
    expect(new Map(state.dids)).toEqual(
      new Map(rowsOf('admf.db', 'did').map((row) => [row['key'], row['did']])),
    );
    await store.close();
  });

  it('UE: an I_MESSAGE_1 that was answered is a copy still', async () => {
    const [row] = rowsOf('alice-replays.db', 'replay');
    const cache = await SqliteReplayCache.open(file('alice-replays.db'), new ManualClock(0));
    expect(cache.claim(text(row, 'key'), 9e9)).toBe(false);
    cache.close();
  });

  it.each([
    'kms/audit.jsonl',
    'df-audit.jsonl',
    'cscf-audit.jsonl',
    'gateway-audit.jsonl',
    'admf-audit.jsonl',
  ])('audit log, %s: the chain is whole', (name) => {
    const log = new AuditFile(file(name));
    expect([...verifyChain(log.lines())].length).toBeGreaterThan(3);
    log.close();
  });

  it('has a version once it was opened', () => {
    const database = new Database(file('kms/kms.db'), { readonly: true });
    const applied = database.prepare('SELECT name FROM kysely_migration ORDER BY name').pluck().all();
    database.close();
    expect(applied[0]).toBe('kms-0001');
  });
});
