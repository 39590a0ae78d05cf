/** Two KMSs of one district on one database, over their real interfaces; and what becomes of one whose database is away. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../../src/bytes/octets.ts';
import { kmsConfig } from '../../../src/entities/kms/config.ts';
import { startKms } from '../../../src/entities/kms/start.ts';
import type { RunningKms } from '../../../src/entities/kms/start.ts';
import { verifyChain } from '../../../src/evidence/log.ts';
import { databaseAccess } from '../../../src/host/database-config.ts';
import type { DatabaseConfig } from '../../../src/host/database-config.ts';
import type { TlsFiles } from '../../../src/net/tls.ts';
import { decodeGetKeysResponse, encodeGetKeysRequest } from '../../../src/wire/xk/get-keys.ts';
import { MIKEY_MEDIA_TYPE } from '../../../src/wire/request-key/transport.ts';
import { claviger } from '../../cli/in-process.ts';
import { exampleFile } from '../../support/shared.ts';
import { ElementHome, elementRuntime as runtime } from '../../support/elements.ts';
import { missingPostgresql, query, testDatabase } from '../../support/postgresql.ts';
import { PostgresqlServer } from '../../support/postgresql-server.ts';
import { spelt } from './get-keys/support/kms.ts';
import { ALICE, DISTRICT, keyRequest, PSK, question, taskAt } from './support/alice.ts';
import { errorOf, INVALID_TS, open } from './support/client.ts';
import { exampleHome, exampleTime } from './support/home.ts';

const { clock } = runtime;
const NAME = 'kms.home1.example';
const DAY_MS = 86_400_000;

let folder: string;
let home: ElementHome;
let tls: TlsFiles;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'claviger-shared-'));
  // In force now, and when the exchange of the question was.
  const times = [clock.now(), exampleTime() * 1000];
  const validity = { from: Math.min(...times) - DAY_MS, to: Math.max(...times) + DAY_MS };
  home = await ElementHome.create(folder, validity);
  tls = await home.issue('kms');
});

afterAll(async () => {
  await home.close();
  rmSync(folder, { recursive: true });
});

/** @param district where its parameters are from */
function settings(
  database: DatabaseConfig,
  district: object = { demoGroup: 'home1' },
): Record<string, unknown> {
  return {
    ...{ name: NAME, tls, database },
    admf: { identifier: 'admf.home1.example', url: 'https://admf.home1.example/X1/ADMF' },
    state: path.join(folder, database.instance),
    district: { name: DISTRICT, ...district },
    subscribers: [
      {
        id: 'alice',
        publicIdentities: [ALICE],
        devices: [{ credential: 'alice-1', psk: PSK, identity: ALICE }],
      },
    ],
    ...{ workers: 0, interception: { workers: 0 } },
  };
}

const task = taskAt(clock.now());

/** Those who use a KMS, each with connections of its own. */
async function clientsOf(kms: RunningKms, instance: string) {
  const at = (known: number, port: number) => home.hosts.set(`${NAME}:${known}`, `127.0.0.1:${port}`);
  at(443, kms.users.port);
  at(8443, kms.xk.port);
  const [ue, df] = [await home.client('ue', 'anybody'), await home.client('df')];
  const x1 = await home.admf('kms', kms.x1.port, 8444);
  const body = { type: 'application/json', octets: utf8(encodeGetKeysRequest(question)) };
  const records = () => {
    const lines = readFileSync(path.join(folder, instance, 'audit.jsonl'), 'utf8')
      .trimEnd()
      .split('\n');
    return [...verifyChain(lines)].map(({ event }) => event);
  };
  // The first request makes the connection, while the name leads to this one.
  await ue.request('GET', DISTRICT);
  await df.request('POST', `https://${NAME}:8443/xk/v1/get-keys`, body);
  await x1.request({ type: 'Ping' });
  return {
    x1,
    keys: (octets: Uint8Array) =>
      ue.request('POST', `https://${NAME}/mikey`, { type: MIKEY_MEDIA_TYPE, octets }),
    ask: async () => {
      const { status, body: answer } = await df.request('POST', `https://${NAME}:8443/xk/v1/get-keys`, body);
      return { status, response: spelt(decodeGetKeysResponse(fromUtf8(answer))) };
    },
    lastReason: () => records().findLast(({ kind }) => kind === 'get-keys')?.['reason'],
    records,
  };
}

describe.skipIf(missingPostgresql())('two KMSs of one district on one database', () => {
  const running: RunningKms[] = [];
  let database: DatabaseConfig;
  let a: Awaited<ReturnType<typeof clientsOf>>;
  let b: typeof a;

  beforeAll(async () => {
    database = await testDatabase('a');
    // At once, on a database that has nothing yet.
    running.push(
      ...(await Promise.all(
        [database, { ...database, instance: 'b' }].map((each) =>
          startKms(kmsConfig(settings(each)), runtime),
        ),
      )),
    );
    a = await clientsOf(running[0]!, 'a');
    b = await clientsOf(running[1]!, 'b');
  });
  afterAll(async () => {
    await Promise.all(running.map((kms) => kms.stop()));
  });

  it('are one district: the same keys, by the same parameters', async () => {
    const [first, second] = [keyRequest(runtime), keyRequest(runtime)];
    const keys = [
      open((await a.keys(first.octets)).body, first.options),
      open((await b.keys(second.octets)).body, second.options),
    ].map((issued) => issued.map(({ key }) => key.toString('hex')));
    expect(keys[0]).toHaveLength(4);
    expect(keys[1]).toEqual(keys[0]);
  });

  it('R-44: answer a REQUEST_KEY once, whichever of them it reaches, and when', async () => {
    const { octets } = keyRequest(runtime);
    const answers = await Promise.all([a.keys(octets), b.keys(octets), a.keys(octets), b.keys(octets)]);
    const errors = answers.map(({ body }) => errorOf(body));
    expect(errors.filter((error) => error === null)).toHaveLength(1);
    expect(errors.filter((error) => error === INVALID_TS)).toHaveLength(3);
  });

  it('R-10: a task that one has acknowledged holds at the other, and ends there, at once', async () => {
    expect((await b.ask()).response).toBe('not-authorised');
    expect(b.lastReason()).toBe('unknown-task');
    await a.x1.request({ type: 'ActivateTask', task });
    expect((await b.ask()).response).toBe('not-authorised');
    // The vectors are of another time.
    expect(b.lastReason()).toBe('outside-validity');
    expect(await b.x1.request({ type: 'GetTaskDetails', xid: task.xid })).toMatchObject({
      report: { task: { xid: task.xid } },
    });
    await expect(b.x1.request({ type: 'ActivateTask', task })).rejects.toThrow(/2010/);
    await b.x1.request({ type: 'DeactivateTask', xid: task.xid });
    await expect(a.x1.request({ type: 'DeactivateTask', xid: task.xid })).rejects.toThrow(/2020/);
  });

  it('R-27: each has an audit log of its own, whole', () => {
    for (const { records } of [a, b]) expect(records().map(({ kind }) => kind)).toContain('keys-issued');
    const drawn = [...a.records(), ...b.records()].filter(({ kind }) => kind === 'li-root-created');
    expect(new Set(drawn.map(({ epoch }) => epoch)).size).toBe(drawn.length);
  });

  it('R-78: a third one under the name of one of them does not start', async () => {
    const taken = kmsConfig({
      ...settings({ ...database, timeoutMs: 2_000 }),
      state: path.join(folder, 'third'),
    });
    await expect(startKms(taken, runtime)).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining('with the instance a') as unknown,
    });
  });
});

describe.skipIf(missingPostgresql())('a question that comes to both of two KMSs', () => {
  it('R-66: has the same keys of each, takes one place of both, and is on record at each', async () => {
    const then = exampleTime() * 1000;
    let now = then - 60_000;
    const past = { ...runtime, clock: { ...clock, now: () => now } };
    const file = path.join(folder, 'district.json');
    writeFileSync(file, JSON.stringify(exampleHome()), { mode: 0o600 });
    const database = await testDatabase('c');
    const both = await Promise.all(
      ['c', 'd'].map((instance) =>
        startKms(kmsConfig(settings({ ...database, instance }, { files: [file] })), past),
      ),
    );
    try {
      const [c, d] = [await clientsOf(both[0]!, 'c'), await clientsOf(both[1]!, 'd')];
      await c.x1.request({ type: 'ActivateTask', task: taskAt(now) });
      await d.keys(keyRequest(past).octets);
      now = then;
      const answers = await Promise.all([c.ask(), d.ask()]);
      const { keys } = exampleFile('exchange-1.json') as {
        keys: { cryptoSessions: { direction: string }[] };
      };
      const cryptoSessions = keys.cryptoSessions.map(
        ({ direction: _, ...session }) => expect.objectContaining(session) as unknown,
      );
      const answer = { status: 200, response: { verified: true, cryptoSessions } };
      expect(answers).toEqual([answer, answer]);
      for (const { records } of [c, d]) {
        const last = records().findLast(({ kind }) => kind === 'get-keys');
        expect(last).toMatchObject({ outcome: 'answered', target: ALICE });
      }
      const places = "SELECT hash FROM claim WHERE kind = 'question'";
      expect(await query(databaseAccess(database), places)).toHaveLength(1);
    } finally {
      await Promise.all(both.map((kms) => kms.stop()));
    }
  });
});

describe.skipIf(missingPostgresql())('R-78: the audit log of a KMS that shares a database', () => {
  it('is missed where it lacks what the database remembers, until it is repaired on record', async () => {
    const database = await testDatabase('logged');
    const config = path.join(folder, 'logged.json');
    writeFileSync(config, JSON.stringify(settings(database)), { mode: 0o600 });
    const log = path.join(folder, 'logged', 'audit.jsonl');
    const start = () => startKms(kmsConfig(settings(database)), runtime);
    const kms = await start();
    const { keys } = await clientsOf(kms, 'logged');
    await keys(keyRequest(runtime).octets);
    const running = await claviger('audit', 'repair', '--store', config, log);
    expect([running.status, running.err]).toEqual([1, expect.stringContaining('is in use by')]);
    await kms.stop();
    expect((await claviger('audit', 'verify', '--store', config, log)).status).toBe(0);
    rmSync(`${log}.head`);
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    writeFileSync(log, `${lines.slice(0, -1).join('\n')}\n`);
    expect((await claviger('audit', 'verify', '--store', config, log)).status).toBe(1);
    await expect(start()).rejects.toMatchObject({ code: 'cut-off' });
    const repaired = await claviger('audit', 'repair', '--store', config, log);
    expect(repaired).toMatchObject({ status: 0, out: expect.stringContaining('on record') as string });
    await (await start()).stop();
  });
});

describe.skipIf(missingPostgresql())('a KMS whose database goes away', () => {
  it('R-92: is not ready, refuses for the moment and does nothing by half, until it is back', async () => {
    const server = await PostgresqlServer.own();
    const database = { ...server.database('kms', 'alone'), timeoutMs: 500 };
    const kms = await startKms(kmsConfig(settings(database)), runtime);
    try {
      const alone = await clientsOf(kms, 'alone');
      expect(await kms.operation.unready()).toEqual([]);
      await server.stop();
      const request = keyRequest(runtime);
      expect((await alone.keys(request.octets)).status).toBe(503);
      expect(await alone.ask()).toEqual({
        status: 503,
        response: 'temporarily-unavailable',
      });
      await expect(alone.x1.request({ type: 'ActivateTask', task })).rejects.toThrow();
      await expect
        .poll(async () => [...(await kms.operation.unready())].join())
        .toMatch(/the database (?:cannot be reached|is not available)/);
      expect((await kms.operation.state()).alarms).toMatchObject([
        { name: 'database', severity: 'critical' },
      ]);
      await server.start();
      await expect.poll(async () => kms.operation.unready()).toEqual([]);
      expect((await kms.operation.state()).alarms).toEqual([]);
      // What was refused was not done: it can be asked again, as it was.
      expect(errorOf((await alone.keys(request.octets)).body)).toBeNull();
      await alone.x1.request({ type: 'ActivateTask', task });
      expect((await alone.ask()).status).toBe(403);
    } finally {
      await kms.stop();
      server.remove();
    }
  });
});
