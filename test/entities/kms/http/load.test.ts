/** The KMS at its sockets with more to do than it can: refusals that say so, clients that go, workers that die. */
import { connect } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../../../src/bytes/octets.ts';
import { defaultEngine } from '../../../../src/ibe/default-engine.ts';
import { EngineGenerator } from '../../../../src/entities/kms/generator.ts';
import { GetKeys } from '../../../../src/entities/kms/get-keys/get-keys.ts';
import type {
  CiphertextOpener,
  PrivateKeyGenerator,
  SerialRecord,
} from '../../../../src/entities/kms/ports.ts';
import { KmsRecords } from '../../../../src/entities/kms/records.ts';
import { XkService } from '../../../../src/entities/kms/xk.ts';
import { LabPki } from '../../../../src/lab/network/pki.ts';
import {
  decodeGetKeysResponse,
  encodeGetKeysRequest,
  GET_KEYS_PATH,
} from '../../../../src/wire/xk/get-keys.ts';
import { HttpsKmsClient } from '../../../../src/endpoint/kms-client.ts';
import { systemClock } from '../../../../src/host/runtime.ts';
import { HostMap } from '../../../../src/net/hosts.ts';
import { HttpsClient, HttpsError, listen } from '../../../../src/net/https.ts';
import { kmsUserServer } from '../../../../src/entities/kms/http/users.ts';
import { MIKEY_MEDIA_TYPE, REQUEST_KEY_PATH } from '../../../../src/wire/request-key/transport.ts';
import { xkServer } from '../../../../src/entities/kms/http/xk.ts';
import { PairingPool } from '../../../../src/entities/kms/workers/pairing-pool.ts';
import { QuestionPool } from '../../../../src/entities/kms/workers/question-pool.ts';
import type { TlsMaterial } from '../../../../src/net/tls.ts';
import { loadTls } from '../../../../src/net/tls.ts';
import { spelt } from '../get-keys/support/kms.ts';
import { requestOf } from '../get-keys/support/questions.ts';
import { INVALID_TS, errorOf, open, request } from '../support/client.ts';
import { home, psk, exampleHome, exampleTime } from '../support/home.ts';
import type { Vector } from '../../../ibake/support/vectors.ts';
import { exampleFile } from '../../../support/shared.ts';
import type { Bundle } from '../../../support/bundle.ts';
import { bundle } from '../../../support/bundle.ts';

const HOST = 'kms.home1.example';
const DAY = 86_400;
const alice = exampleHome().user.uri;
const now = exampleTime();
const period = Math.floor(now / DAY) * DAY;
const ignore = (): void => undefined;
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const question = requestOf(exampleFile('exchange-1.json') as Vector, 'initiator');

let folder: string;
let worker: Bundle;
let questionWorker: Bundle;
let tls: TlsMaterial;
let dfTls: TlsMaterial;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'claviger-load-'));
  worker = await bundle('src/entities/kms/workers/pairing-worker.ts');
  questionWorker = await bundle('src/entities/kms/workers/question-worker.ts');
  const at = Date.now();
  const pki = await LabPki.create(folder, at);
  tls = loadTls(await pki.issue({ commonName: HOST, dnsNames: [HOST], roles: ['kms'] }), at);
  dfTls = loadTls(await pki.issue({ commonName: 'df', dnsNames: ['df'], roles: ['df'] }), at);
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

afterAll(() => {
  worker.remove();
  questionWorker.remove();
  rmSync(folder, { recursive: true });
});

/** A generator that begins nothing until it is let go. */
class Held implements PrivateKeyGenerator, CiphertextOpener {
  readonly #inner = new EngineGenerator(defaultEngine());
  readonly signals: (AbortSignal | undefined)[] = [];
  letGo: () => void = ignore;
  readonly #gate = new Promise<void>((resolve) => (this.letGo = resolve));

  decrypt: CiphertextOpener['decrypt'] = async (key, id, ciphertext, signal) => {
    await this.#wait(signal);
    return this.#inner.decrypt(key, id, ciphertext, signal);
  };

  extract: PrivateKeyGenerator['extract'] = async (key, id, signal) => {
    await this.#wait(signal);
    return this.#inner.extract(key, id, signal);
  };

  async #wait(signal: AbortSignal | undefined): Promise<void> {
    this.signals.push(signal);
    const gone = new Promise((resolve) => signal?.addEventListener('abort', resolve, { once: true }));
    await Promise.race([this.#gate, gone]);
  }
}

/** `opener`: what questions are answered with, or the worker that answers them. */
async function serve(
  generator: PrivateKeyGenerator,
  opener: CiphertextOpener | URL = new EngineGenerator(defaultEngine()),
) {
  const kms = await home(now, exampleHome(), generator);
  const { district, store, audit, clock, roots, requestKey } = kms;
  const devices = [{ credential: 'alice-1', psk: psk(1), identity: alice }];
  await kms.enrol({ id: 'alice', publicIdentities: [alice], aliases: [], devices });
  await store.putWarrant({
    xid: question.xid,
    periods: [{ targets: [alice], start: now - 60, end: now + 3600 }],
  });
  await store.issueSeed({ uri: alice, period, serial: exampleHome().serial, credential: 'alice-1' });
  const records = new KmsRecords(district, roots, store);
  const service = new XkService(
    { sessionMemory: DAY, retention: DAY },
    { store, ...answering(opener, records, district.serials), audit, clock, logger },
  );
  const users = kmsUserServer({ tls, district, requestKey, clock, logger });
  const xk = xkServer({ admission: { roles: ['df'], names: ['df'] }, lemfs: [], tls, service, logger });
  const hosts = new HostMap({
    [`${HOST}:443`]: `127.0.0.1:${await listen(users, '127.0.0.1', 0)}`,
    [`${HOST}:8443`]: `127.0.0.1:${await listen(xk, '127.0.0.1', 0)}`,
  });
  closing.push(() => Promise.all([users.close(), xk.close()]));
  const client = (timeoutMs = 20_000): HttpsClient => {
    const made = new HttpsClient({ hosts, tls: dfTls, minVersion: 'TLSv1.3', timeoutMs });
    closing.push(() => made.close());
    return made;
  };
  return { ...kms, users, xk, client, servers: [users, xk] as FastifyInstance[] };
}

function answering(opener: CiphertextOpener | URL, records: KmsRecords, serials: readonly SerialRecord[]) {
  if (!(opener instanceof URL)) {
    const getKeys = new GetKeys(records, opener);
    return { compute: getKeys.answer.bind(getKeys) };
  }
  const questions = new QuestionPool({ workers: 2, logger, records, serials, worker: opener });
  closing.push(() => questions.close());
  return { read: questions.read.bind(questions), compute: questions.answer.bind(questions) };
}

function pool(options: { workers: number; queue: number; worker?: URL }): PairingPool {
  const made = new PairingPool({ worker: pathToFileURL(worker.file), logger, ...options });
  closing.push(() => made.close());
  return made;
}

function portOf(server: FastifyInstance): number {
  const bound = server.server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : 0;
}

async function ask(client: HttpsClient) {
  const body = { type: 'application/json', octets: utf8(encodeGetKeysRequest(question)) };
  const answer = await client.request('POST', `https://${HOST}:8443${GET_KEYS_PATH}`, body);
  return { status: answer.status, response: spelt(decodeGetKeysResponse(fromUtf8(answer.body))) };
}

let nonce = 0;

function keyRequest(to = period + 2 * DAY) {
  const rand = (++nonce).toString(16).padStart(32, '0');
  const wanted = { from: period, to };
  const options = {
    psk: psk(1).expose(),
    uris: [alice],
    district: exampleHome().district,
    time: now,
    rand,
    wanted,
  };
  return { options, octets: request(options) };
}

function post(client: HttpsClient, octets: Uint8Array) {
  return client.request('POST', `https://${HOST}${REQUEST_KEY_PATH}`, { type: MIKEY_MEDIA_TYPE, octets });
}

describe('a KMS whose queue is full', () => {
  it('answers temporarily-unavailable on Xk, on record, and the same question is answered later', async () => {
    const held = new Held();
    const full = new EngineGenerator(defaultEngine(), 1);
    const kms = await serve(full, {
      decrypt: async (...of) => {
        await held.decrypt(...of);
        return full.decrypt(...of);
      },
    });
    const client = kms.client();
    const many = Array.from({ length: 6 }, () => ask(client));
    await expect.poll(() => held.signals).toHaveLength(6);
    held.letGo();
    const answers = await Promise.all(many);
    const failed = answers.filter(({ status }) => status === 503);
    expect(failed.length).toBeGreaterThan(0);
    for (const { response } of failed) expect(response).toBe('temporarily-unavailable');
    const answered = answers.filter(({ status }) => status === 200);
    expect(answered.length + failed.length).toBe(6);
    const records = kms.audit.of('get-keys');
    expect(records).toHaveLength(6);
    expect(records.filter(({ reason }) => reason === 'busy')).toHaveLength(failed.length);
    expect(new Set(records.map((record) => record['question'])).size).toBe(1);
    expect(await ask(client)).toMatchObject({ status: 200, response: { verified: true } });
  });

  it('answers REQUEST_KEY with 503 and Retry-After, issues nothing, and takes another request', async () => {
    const generator = new EngineGenerator(defaultEngine(), 1);
    const kms = await serve(generator);
    const client = kms.client();
    const { octets } = keyRequest();
    const refused = await client.request('POST', `https://${HOST}${REQUEST_KEY_PATH}`, {
      type: MIKEY_MEDIA_TYPE,
      octets,
    });
    expect([refused.status, refused.contentType]).toEqual([503, 'application/problem+json']);
    expect(refused.retryAfter).toBe('10');
    const phone = new HttpsKmsClient(client, `https://${HOST}`, systemClock());
    expect(await phone.requestKeys(keyRequest().octets)).toEqual({ kind: 'later', afterMs: 10_000 });
    expect(kms.audit.of('keys-issued')).toHaveLength(0);
    const busy = { credential: 'alice-1', reason: 'busy' };
    expect(kms.audit.of('keys-refused')).toMatchObject([busy, busy]);
    expect(errorOf((await post(client, octets)).body)).toBe(INVALID_TS);
    const one = keyRequest(period + DAY);
    expect(open((await post(client, one.octets)).body, one.options)).toHaveLength(2);
  });
});

describe('R-67: more requests than a share', () => {
  it('of one subscriber: 429 and Retry-After, and the others are answered', async () => {
    const held = new Held();
    const kms = await serve(held, held);
    const client = kms.client();
    const many = Array.from({ length: 12 }, () => post(client, keyRequest().octets));
    await expect.poll(() => kms.requestKey.refused.subscriber).toBe(4);
    held.letGo();
    const answers = await Promise.all(many);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(4);
    for (const each of refused)
      expect([each.contentType, each.retryAfter]).toEqual(['application/problem+json', '10']);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(8);
  });

  it('of one address: 429, before anything of the body is read', async () => {
    const held = new Held();
    const kms = await serve(held, held);
    const session = connect(`https://127.0.0.1:${portOf(kms.users)}`, { rejectUnauthorized: false });
    const sessions = [session];
    closing.push(() => {
      for (const each of sessions) each.destroy();
      return Promise.resolve();
    });
    const begin = (to: ClientHttp2Session): Promise<number> => {
      const headers = { ':method': 'POST', ':path': REQUEST_KEY_PATH, 'content-type': MIKEY_MEDIA_TYPE };
      const stream = to.request(headers, { endStream: false });
      stream.on('error', ignore);
      return new Promise((resolve) =>
        stream.once('response', (fields) => resolve(Number(fields[':status']))),
      );
    };
    const statuses: number[] = [];
    for (let n = 0; n < 258; n++) {
      if (n % 90 === 89) {
        sessions.push(connect(`https://127.0.0.1:${portOf(kms.users)}`, { rejectUnauthorized: false }));
      }
      void begin(sessions.at(-1) ?? session).then((status) => statuses.push(status));
    }
    await expect.poll(() => statuses).toEqual([429, 429]);
    // What has ended counts no more.
    for (const each of sessions) each.destroy();
    const client = kms.client();
    await expect.poll(async () => (await client.request('GET', exampleHome().district)).status).toBe(200);
  });
});

describe('a client that goes', () => {
  it('R-67: whose answer takes longer than it waits has it when it asks again', async () => {
    const held = new Held();
    const kms = await serve(held, held);
    await expect(ask(kms.client(300))).rejects.toThrow(HttpsError);
    const again = ask(kms.client());
    held.letGo();
    expect(await again).toMatchObject({ status: 200, response: { verified: true } });
    await expect.poll(() => kms.audit.of('get-keys')).toHaveLength(2);
  });

  it('takes its REQUEST_KEY along: nothing more is computed, nothing is issued', async () => {
    const held = new Held();
    const kms = await serve(held, held);
    await expect(post(kms.client(500), keyRequest(period + 31 * DAY).octets)).rejects.toThrow(HttpsError);
    await expect.poll(() => kms.audit.of('keys-refused')).toHaveLength(1);
    expect(kms.audit.of('keys-refused')).toMatchObject([{ reason: 'cancelled' }]);
    expect(kms.audit.of('keys-issued')).toHaveLength(0);
    expect(held.signals.length).toBeLessThanOrEqual(4);
  });

  it('that stays is not taken for one that goes', async () => {
    const held = new Held();
    const kms = await serve(held, held);
    held.letGo();
    const one = keyRequest();
    expect(open((await post(kms.client(), one.octets)).body, one.options)).toHaveLength(4);
    expect((await ask(kms.client())).status).toBe(200);
    expect(held.signals.every((signal) => signal?.aborted !== true)).toBe(true);
  });
});

describe('with workers', () => {
  it('two identical questions at once get one answer twice, and two records', async () => {
    const kms = await serve(new EngineGenerator(defaultEngine()), pathToFileURL(questionWorker.file));
    const client = kms.client();
    const [a, b] = await Promise.all([ask(client), ask(client)]);
    expect(a).toMatchObject({ status: 200, response: { verified: true } });
    expect(b).toEqual(a);
    expect(kms.audit.of('get-keys')).toMatchObject([{ outcome: 'answered' }, { outcome: 'answered' }]);
  });

  it('a question whose worker dies in the middle is answered all the same, with one record', async () => {
    const mark = path.join(folder, 'died');
    writeFileSync(
      path.join(folder, 'dies-once.mjs'),
      `import { existsSync, writeFileSync } from 'node:fs';
       import { parentPort } from 'node:worker_threads';
       if (existsSync(${JSON.stringify(mark)})) await import(${JSON.stringify(pathToFileURL(questionWorker.file).href)});
       else parentPort.on('message', ({ kind }) => {
         if (kind !== 'task') return;
         writeFileSync(${JSON.stringify(mark)}, '');
         process.exit(1);
       });`,
    );
    const mortal = pathToFileURL(path.join(folder, 'dies-once.mjs'));
    const kms = await serve(new EngineGenerator(defaultEngine()), mortal);
    expect(await ask(kms.client())).toMatchObject({ status: 200, response: { verified: true } });
    expect(kms.audit.of('get-keys')).toMatchObject([{ outcome: 'answered', verified: true }]);
  });

  it('workers that cannot start: temporarily-unavailable, and 503', async () => {
    const absent = pathToFileURL(path.join(folder, 'absent.mjs'));
    const kms = await serve(pool({ workers: 1, queue: 8, worker: absent }), absent);
    expect(await ask(kms.client())).toEqual({ status: 503, response: 'temporarily-unavailable' });
    expect(kms.audit.of('get-keys')).toMatchObject([{ outcome: 'refused', reason: 'failed' }]);
    expect((await post(kms.client(), keyRequest().octets)).status).toBe(503);
    expect(kms.audit.of('keys-refused')).toMatchObject([{ reason: 'unavailable' }]);
  });
});

describe('a month of periods in one REQUEST_KEY', () => {
  it.each([0, 1])('others are answered in the meantime, with %i workers', async (workers) => {
    const kms = await serve(
      workers === 0 ? new EngineGenerator(defaultEngine(), 16) : pool({ workers, queue: 16 }),
    );
    const client = kms.client();
    await client.request('GET', exampleHome().district);
    const month = keyRequest(period + 31 * DAY);
    const progress = { isDone: false };
    const answer = post(client, month.octets).finally(() => (progress.isDone = true));
    let meanwhile = 0;
    while (!progress.isDone) {
      expect((await client.request('GET', exampleHome().district)).status).toBe(200);
      meanwhile++;
    }
    const keys = open((await answer).body, month.options);
    expect(keys.filter(({ type }) => type === 7).map(({ from }) => (from! - period) / DAY)).toEqual(
      Array.from({ length: 31 }, (_, day) => day),
    );
    expect(kms.audit.of('keys-issued')).toHaveLength(31);
    expect(meanwhile).toBeGreaterThan(8);
  });
});

describe('a KMS that is stopped', () => {
  it('answers and records what is under way', async () => {
    const held = new Held();
    const kms = await serve(held, held);
    const asked = ask(kms.client());
    const one = keyRequest();
    const requested = post(kms.client(), one.octets);
    await expect.poll(() => held.signals).toHaveLength(3);
    const closed = Promise.all(kms.servers.map((server) => server.close()));
    held.letGo();
    expect((await asked).status).toBe(200);
    expect(open((await requested).body, one.options)).toHaveLength(4);
    await closed;
    expect(kms.audit.of('get-keys')).toHaveLength(1);
  });
});
