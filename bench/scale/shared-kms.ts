/**
 * KMSs of one district on one PostgreSQL: what a REQUEST_KEY and an answer to get_keys take of a KMS and of the database,
 * and how many there are a second with so many KMSs.
 *
 *     phones ──REQUEST_KEY──► KMS, so many ──► PostgreSQL
 *     DF ──────get_keys─────► KMS, so many ──► PostgreSQL
 */
import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { fromHex } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { kmsConfig } from '../../src/entities/kms/config.ts';
import { startKms } from '../../src/entities/kms/start.ts';
import { PostgresqlKmsStore } from '../../src/entities/kms/store/postgresql.ts';
import { databaseAccess } from '../../src/host/database-config.ts';
import type { LabPki } from '../../src/lab/network/pki.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { HttpsClient } from '../../src/net/https.ts';
import { loadTls } from '../../src/net/tls.ts';
import { decodeKeyResponse } from '../../src/wire/request-key/response.ts';
import { makeKeyRequest } from '../../src/wire/request-key/request.ts';
import { MIKEY_MEDIA_TYPE, REQUEST_KEY_PATH } from '../../src/wire/request-key/transport.ts';
import {
  askAsDf,
  coverTarget,
  districtSettings,
  makeQuestions,
  putQuestions,
  writeDistrict,
} from '../chain/get-keys.ts';
import { Part, ready } from '../chain/parts.ts';
import { runtime } from '../chain/runtime.ts';
import { machineSeconds, threadTimes } from '../processor.ts';
import type { ThreadTime } from '../processor.ts';
import { CoreShares } from './core-share.ts';
import { QUESTION_SHARE, QUESTIONS_AT_ONCE } from './at-once.ts';
import { workBetween } from './engines.ts';
import type { DatabaseWork, MeasuredDatabase } from './engines.ts';

const PSK = 'a1'.repeat(32);
const PHONES = Array.from({ length: 40 }, (_, n) => `phone${n}`);
/** Of a core, for each KMS where they are what limits. */
const SHARE = 0.3;
/** What is written at a time, and how often, to know how long the disk takes. */
const SYNCED = 'x'.repeat(500);
const SYNCS = 40;
/** V8 compiles what runs often by its best compiler after some use. */
const WARM_UP = 60;

export interface SharedKmsSetting {
  /** Of its own, on a disk. */
  readonly folder: string;
  readonly pki: LabPki;
  readonly database: MeasuredDatabase;
  readonly processes: number;
  /** Of either kind, at each KMS. */
  readonly questions: number;
  readonly progress: (text: string) => void;
}

/** Of one kind of question. */
export interface AnswerFigures {
  /** Answers a second of all KMSs together. */
  readonly rate: number;
  /** Microseconds of processor time of a KMS for an answer. */
  readonly kms: number;
  /** Of these, the thread that listens, and that of all others which had most; absent: of a run that did not tell. */
  readonly listener?: number;
  readonly computing?: number;
  /** What an answer takes of the database. */
  readonly database: DatabaseWork;
  /** Microseconds of the benchmark, which asks. */
  readonly source: number;
  /** Cores that were busy with what is not of this run. */
  readonly othersCores: number;
  /** Cores that were busy in all. */
  readonly busyCores: number;
  /** Octets of a question's body, in the mean. */
  readonly questionOctets: number;
}

export interface Answers {
  readonly requestKey: AnswerFigures;
  readonly getKeys: AnswerFigures;
}

export interface SharedKmsFigures extends Answers {
  readonly processes: number;
  /** Of having a little on the disk that was written to a file (fsync); absent: of a run that did not tell. */
  readonly syncSeconds?: number;
  /** The same where each KMS may have a share of a core, so that KMSs are what limits (`role-growth.ts`). */
  readonly limited: Answers & { readonly share: number };
}

export async function runSharedKms(settings: unknown): Promise<void> {
  const kms = await startKms(kmsConfig(settings), runtime);
  ready({ users: kms.users.port, xk: kms.xk.port });
}

export async function measureSharedKms(setting: SharedKmsSetting): Promise<SharedKmsFigures> {
  const { folder, pki, database, processes, questions, progress } = setting;
  const district = path.join(folder, 'district.json');
  writeDistrict(district);
  const schema = `bench_kms_${processes}`;
  const store = await PostgresqlKmsStore.open(databaseAccess(database.settings(schema, 'before')), runtime);
  await coverTarget(store);
  await store.close();
  const base = districtSettings(district);
  const { host } = new URL(base.district.name);
  const domain = base.district.hosts[0] ?? '';
  const phones = PHONES.map((name) => {
    const identity = `sip:${name}@${domain}`;
    return { id: name, publicIdentities: [identity], devices: [{ credential: name, psk: PSK, identity }] };
  });
  const dfTls = loadTls(await pki.issue({ commonName: 'df', dnsNames: ['df'], roles: ['df'] }), Date.now());
  const parts: Part[] = [];
  const clients: { readonly users: HttpsClient; readonly xk: HttpsClient }[] = [];
  try {
    for (let n = 0; n < processes; n++) {
      const state = path.join(folder, `kms-${n}`);
      mkdirSync(state, { mode: 0o700 });
      const kms = await Part.start('kms', {
        ...base,
        subscribers: [...base.subscribers, ...phones],
        tls: await pki.issue({ commonName: host, dnsNames: [host], roles: ['kms'] }),
        ...{ state, database: database.settings(schema, `kms-${n}`) },
        ...{ users: { port: 0 }, x1: { port: 0 }, xk: { port: 0, peers: ['df'] }, workers: 1 },
        interception: { share: QUESTION_SHARE },
      });
      parts.push(kms);
      const at = (port: string) => new HostMap({ [`${host}:443`]: `127.0.0.1:${kms.ports[port] ?? 0}` });
      clients.push({
        users: new HttpsClient({ hosts: at('users'), tls: { authorities: dfTls.authorities } }),
        xk: new HttpsClient({ hosts: at('xk'), tls: dfTls, minVersion: 'TLSv1.3' }),
      });
    }
    const asked = makeQuestions();
    let nextQuestion = 0;
    let octets = 0;
    const question = (): Uint8Array => {
      const body = asked[nextQuestion++ % asked.length] ?? new Uint8Array();
      octets += body.length;
      return body;
    };
    let nextPhone = 0;
    const requestKey = async (client: HttpsClient): Promise<void> => {
      const name = PHONES[nextPhone++ % PHONES.length] ?? '';
      const credential = { name, psk: Secret.of(fromHex(PSK)), district: base.district.name };
      const wanted = { from: null, to: null };
      const options = { uris: [`sip:${name}@${domain}`], time: runtime.clock.now(), wanted };
      const sent = makeKeyRequest(credential, options, runtime.random);
      octets += sent.octets.length;
      const body = { type: MIKEY_MEDIA_TYPE, octets: sent.octets };
      const { status, body: answer } = await client.request(
        'POST',
        `https://${host}${REQUEST_KEY_PATH}`,
        body,
      );
      if (status !== 200) throw new Error(`REQUEST_KEY: status ${status}`);
      if (decodeKeyResponse(sent, credential.psk, answer).length === 0) throw new Error('no keys');
    };
    const phonesAsk = (count: number) =>
      Promise.all(clients.map(({ users }) => inTurns(count, () => requestKey(users))));
    const dfsAsk = (count: number) =>
      Promise.all(
        clients.map(({ xk }) =>
          putQuestions((each) => askAsDf(xk, each), question, count, QUESTIONS_AT_ONCE),
        ),
      );
    const measured = async (
      ask: (count: number) => Promise<unknown>,
      each: number,
    ): Promise<AnswerFigures> => {
      octets = 0;
      const look = async () => ({
        ...{ at: performance.now() / 1000, machine: machineSeconds(), kms: secondsOf(parts) },
        threads: parts.map(({ pid }) => threadTimes(pid)),
        ...{ source: (process.cpuUsage().user + process.cpuUsage().system) / 1e6 },
        database: await database.work(),
      });
      const keptBefore = await database.kept();
      const before = await look();
      await ask(each);
      const after = await look();
      const kept = [keptBefore, await database.kept()] as const;
      const wall = after.at - before.at;
      const count = each * processes;
      const kms = after.kms - before.kms;
      const source = after.source - before.source;
      const own = kms + source + after.database.seconds - before.database.seconds;
      return {
        rate: count / wall,
        ...{ kms: (kms * 1e6) / count, source: (source * 1e6) / count },
        ...busiest(parts, before.threads, after.threads, count),
        database: workBetween(before.database, after.database, count, kept),
        othersCores: Math.max(0, after.machine - before.machine - own) / wall,
        busyCores: (after.machine - before.machine) / wall,
        questionOctets: octets / count,
      };
    };
    const what = `${processes} ${processes === 1 ? 'KMS' : 'KMSs'}`;
    const answers = async (each: number, by: string): Promise<Answers> => {
      progress(`${what}${by}: REQUEST_KEY`);
      const requestKey = await measured(phonesAsk, each);
      progress(`${what}${by}: get_keys`);
      return { requestKey, getKeys: await measured(dfsAsk, each) };
    };
    progress(`${what}: warming up`);
    await phonesAsk(WARM_UP);
    await dfsAsk(WARM_UP);
    const syncSeconds = syncSecondsOf(path.join(folder, 'synced'));
    const free = await answers(questions, '');
    const shares = await CoreShares.start();
    try {
      await shares.hold(parts.map(({ pid }) => ({ pid, share: SHARE })));
      const limited = await answers(Math.ceil(questions * SHARE), `, each with ${SHARE} of a core`);
      return { processes, syncSeconds, ...free, limited: { share: SHARE, ...limited } };
    } finally {
      await shares.stop();
    }
  } finally {
    for (const { users, xk } of clients) await Promise.all([users.close(), xk.close()]);
    for (const part of parts) await part.stop();
  }
}

async function inTurns(count: number, ask: () => Promise<void>): Promise<void> {
  let left = count;
  const one = async (): Promise<void> => {
    while (left-- > 0) await ask();
  };
  await Promise.all(Array.from({ length: QUESTIONS_AT_ONCE }, one));
}

/** Microseconds for each of so many answers, of all processes together. */
function busiest(
  parts: readonly Part[],
  before: readonly (readonly ThreadTime[])[],
  after: readonly (readonly ThreadTime[])[],
  count: number,
): { listener: number; computing: number } {
  let [listener, computing] = [0, 0];
  for (const [n, { pid }] of parts.entries()) {
    const known = new Map(before[n]?.map(({ thread, ranMs }) => [thread, ranMs]));
    const spent = (after[n] ?? []).map(({ thread, ranMs }) => ({
      ...{ isListener: thread === pid, ms: ranMs - (known.get(thread) ?? 0) },
    }));
    listener += spent.find(({ isListener }) => isListener)?.ms ?? 0;
    computing += Math.max(0, ...spent.flatMap(({ isListener, ms }) => (isListener ? [] : [ms])));
  }
  return { listener: (listener * 1000) / count, computing: (computing * 1000) / count };
}

/** In the mean of some. */
function syncSecondsOf(file: string): number {
  const descriptor = openSync(file, 'a', 0o600);
  const begun = performance.now();
  for (let n = 0; n < SYNCS; n++) {
    writeSync(descriptor, SYNCED);
    fsyncSync(descriptor);
  }
  closeSync(descriptor);
  return (performance.now() - begun) / 1000 / SYNCS;
}

function secondsOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { seconds }) => sum + seconds, 0);
}
