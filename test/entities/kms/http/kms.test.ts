/** The KMS through its sockets: parameters, REQUEST_KEY, and Xk with the questions of the exchange vectors. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromBase64, fromUtf8, toBase64, toHex, utf8 } from '../../../../src/bytes/octets.ts';
import { bigIntEngine } from '../../../../src/ibe/bigint-engine.ts';
import { decodeIbeSysParams, districtParameters } from '../../../../src/ibe/system-parameters.ts';
import { EngineGenerator } from '../../../../src/entities/kms/generator.ts';
import { GetKeys } from '../../../../src/entities/kms/get-keys/get-keys.ts';
import { KmsRecords } from '../../../../src/entities/kms/records.ts';
import { XkService } from '../../../../src/entities/kms/xk.ts';
import { LabPki } from '../../../../src/lab/network/pki.ts';
import type { GetKeysRequest } from '../../../../src/wire/xk/get-keys.ts';
import { lemfTaskXid } from '../../../../src/wire/xk/lemf-task.ts';
import {
  decodeGetKeysResponse,
  encodeGetKeysRequest,
  GET_KEYS_PATH,
} from '../../../../src/wire/xk/get-keys.ts';
import { HostMap } from '../../../../src/net/hosts.ts';
import { HttpsClient, HttpsError, listen } from '../../../../src/net/https.ts';
import { kmsUserServer } from '../../../../src/entities/kms/http/users.ts';
import { MIKEY_MEDIA_TYPE, REQUEST_KEY_PATH } from '../../../../src/wire/request-key/transport.ts';
import { xkServer } from '../../../../src/entities/kms/http/xk.ts';
import type { Role } from '../../../../src/net/tls.ts';
import { loadTls } from '../../../../src/net/tls.ts';
import { loadVector } from '../../../ibake/support/vectors.ts';
import { requestOf } from '../get-keys/support/questions.ts';
import { errorOf, open, request } from '../support/client.ts';
import { home, psk, vectorHome, vectorTime } from '../support/home.ts';
import type { ExchangeVector } from '../../../mikey/vectors.ts';
import { exchange, FILES } from '../../../mikey/vectors.ts';
import { askedBothWays } from '../../../support/http-versions.ts';
import { silent } from '../../../support/silent.ts';

const HOST = 'kms.home1.example';
const real = Date.now();

let folder: string;
let pki: LabPki;
const clients: HttpsClient[] = [];

async function client(
  commonName: string,
  roles: Role[],
  hosts: HostMap,
  minVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3',
) {
  const files = await pki.issue({ commonName, dnsNames: [commonName], roles });
  const made = new HttpsClient({ hosts, tls: loadTls(files, real), minVersion, timeoutMs: 5000 });
  clients.push(made);
  return made;
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'claviger-kms-'));
  pki = await LabPki.create(folder, real);
});

afterAll(async () => {
  await Promise.all(clients.map((each) => each.close()));
  rmSync(folder, { recursive: true });
});

/** One party of an exchange, with its KMS on two sockets. */
async function served(file: string, role: 'initiator' | 'responder', changes: { liRootKey?: string } = {}) {
  const vector = exchange(file);
  const kms = await home(vectorTime(file), { ...vectorHome(file, role), ...changes });
  const device = role === 'initiator' ? vector.uri.i : vector.uri.r;
  const [address = ''] = device.split(';');
  await kms.enrol({
    id: 'target',
    publicIdentities: [address],
    aliases: [],
    devices: [{ credential: 'target-1', psk: psk(1), identity: device }],
  });
  const other = `sip:other@${address.split('@')[1] ?? ''}`;
  await kms.enrol({
    id: 'other',
    publicIdentities: [other],
    aliases: [],
    devices: [{ credential: 'other-1', psk: psk(2), identity: other }],
  });
  const { district, store, audit, clock, roots, requestKey } = kms;
  const { host } = new URL(district.name);
  const files = await pki.issue({ commonName: HOST, dnsNames: [HOST, host], roles: ['kms'] });
  const tls = loadTls(files, real);
  const getKeys = new GetKeys(new KmsRecords(district, roots, store), new EngineGenerator(bigIntEngine()));
  const service = new XkService(
    { sessionMemory: 86_400, retention: 86_400 },
    { store, compute: (question) => getKeys.answer(question), audit, clock, logger: silent },
  );
  const users = kmsUserServer({ tls, district, requestKey, clock, logger: silent });
  const xk = xkServer({
    admission: { roles: ['df'], names: ['df.home1.example'] },
    lemfs: ['lemf.agency.example'],
    tls,
    service,
    logger: silent,
  });
  const address443 = `127.0.0.1:${await listen(users, '127.0.0.1', 0)}`;
  const hosts = new HostMap({ [`${HOST}:443`]: address443, [`${host}:443`]: address443 });
  const xkPort = await listen(xk, '127.0.0.1', 0);
  hosts.set(`${HOST}:8443`, `127.0.0.1:${xkPort}`);
  const question = { ...requestOf(loadVector(file), role), targetKmsIdentity: address };
  await store.putWarrant({
    xid: question.xid,
    periods: [{ targets: [address], start: vectorTime(file) - 60, end: vectorTime(file) + 3600 }],
  });
  // The seed is on record as issued once the device has asked for it.
  const options = {
    psk: psk(1).expose(),
    uris: [device],
    district: district.name,
    time: clock.now() / 1000,
    credential: 'target-1',
  };
  expect(errorOf(await requestKey.answer(request(options)))).toBeNull();
  return {
    ...kms,
    vector,
    address,
    other,
    hosts,
    xkPort,
    question,
    servers: [users, xk] as FastifyInstance[],
  };
}

type Served = Awaited<ReturnType<typeof served>>;

async function ask(from: HttpsClient, question: GetKeysRequest) {
  const body = { type: 'application/json', octets: utf8(encodeGetKeysRequest(question)) };
  const answer = await from.request('POST', `https://${HOST}:8443${GET_KEYS_PATH}`, body);
  return { status: answer.status, response: decodeGetKeysResponse(fromUtf8(answer.body)) };
}

function expectKeys(response: unknown, vector: ExchangeVector): void {
  const sessions = vector.keys.cryptoSessions.map(({ csId, ssrc, tek, salt, mki }) => ({
    csId,
    ssrc,
    tek,
    salt,
    mki,
  }));
  const answer = response as {
    verified: boolean;
    cryptoSessions: {
      csId: number;
      ssrc: number;
      sessionKey: { expose(): Uint8Array };
      salt: { expose(): Uint8Array };
      mki: Uint8Array | null;
    }[];
  };
  expect(answer.verified).toBe(true);
  expect(
    answer.cryptoSessions.map(({ csId, ssrc, sessionKey, salt, mki }) => ({
      csId,
      ssrc,
      tek: toHex(sessionKey.expose()),
      salt: toHex(salt.expose()),
      mki: mki === null ? null : toHex(mki),
    })),
  ).toEqual(sessions);
}

describe('endpoints', () => {
  let kms: Served;
  let ue: HttpsClient;

  beforeAll(async () => {
    kms = await served('exchange-1.json', 'initiator');
    const { authorities } = loadTls(await pki.issue({ commonName: 'none', dnsNames: [], roles: [] }), real);
    ue = new HttpsClient({ hosts: kms.hosts, tls: { authorities }, timeoutMs: 5000 });
    clients.push(ue);
  });
  afterAll(() => Promise.all(kms.servers.map((server) => server.close())));

  it('GET of the district gives its parameters (RFC 5408 4.1)', async () => {
    const { serial, keyLifetime } = vectorHome('exchange-1.json', 'initiator');
    const answer = await ue.request('GET', kms.district.name);
    expect([answer.status, answer.contentType]).toEqual([200, 'application/ibe-pp-data']);
    const published = districtParameters(decodeIbeSysParams(fromBase64(fromUtf8(answer.body))));
    expect(published).toMatchObject({
      district: kms.district.name,
      serial,
      keyLifetime,
    });
    expect((await ue.request('GET', `${kms.district.name}?serial=${serial}`)).body).toEqual(answer.body);
    expect((await ue.request('GET', `${kms.district.name}?serial=${serial + 1}`)).status).toBe(404);
    expect((await ue.request('GET', `${kms.district.name}?serial=x`)).status).toBe(400);
  });

  it('POST of REQUEST_KEY gives keys once', async () => {
    const options = {
      psk: psk(1).expose(),
      uris: [kms.address],
      district: kms.district.name,
      time: kms.clock.now() / 1000,
      rand: 'cd'.repeat(16),
    };
    const body = { type: MIKEY_MEDIA_TYPE, octets: request(options) };
    const answer = await ue.request('POST', `https://${HOST}${REQUEST_KEY_PATH}`, body);
    expect([answer.status, answer.contentType]).toEqual([200, MIKEY_MEDIA_TYPE]);
    // For two periods: a private key, and where the address is the device's own identity, a seed.
    const types = open(answer.body, options).map(({ type }) => type);
    expect(types).toEqual(kms.vector.uri.i === kms.address ? [7, 15, 7, 15] : [7, 7]);
    expect(errorOf((await ue.request('POST', `https://${HOST}${REQUEST_KEY_PATH}`, body)).body)).toBe(1);
  });

  it('what is no REQUEST_KEY gets problem details (RFC 9457)', async () => {
    const url = `https://${HOST}${REQUEST_KEY_PATH}`;
    const bodies = [
      [MIKEY_MEDIA_TYPE, Uint8Array.of(1, 2, 3), 400],
      ['application/json', utf8('{}'), 415],
      [MIKEY_MEDIA_TYPE, new Uint8Array(40_000), 413],
    ] as const;
    for (const [type, octets, status] of bodies) {
      const answer = await ue.request('POST', url, { type, octets });
      expect([answer.status, answer.contentType]).toEqual([status, 'application/problem+json']);
      expect(JSON.parse(fromUtf8(answer.body))).toMatchObject({ type: 'about:blank', status });
    }
    expect((await ue.request('GET', `https://${HOST}/elsewhere`)).status).toBe(404);
  });
});

describe.each(FILES)('Xk, %s', (file) => {
  describe.each(['initiator', 'responder'] as const)('target is the %s', (role) => {
    let kms: Served;
    let df: HttpsClient;

    beforeAll(async () => {
      kms = await served(file, role);
      df = await client('df.home1.example', ['df'], kms.hosts);
    });
    afterAll(() => Promise.all(kms.servers.map((server) => server.close())));

    const refused = async (from: HttpsClient, question: GetKeysRequest, failure: string, status: number) => {
      const before = kms.audit.of('get-keys').length;
      expect(await ask(from, question)).toEqual({ status, response: { failureIndication: failure } });
      expect(kms.audit.of('get-keys').slice(before)).toMatchObject([{ outcome: 'refused', failure }]);
    };

    it('the keys of every crypto session come back, and are on record (R-3, R-6, R-9, R-20)', async () => {
      const { status, response } = await ask(df, kms.question);
      expect(status).toBe(200);
      expectKeys(response, kms.vector);
      expect(kms.audit.of('get-keys').at(-1)).toMatchObject({
        outcome: 'answered',
        client: 'df.home1.example',
      });
      expect(JSON.stringify(kms.audit.events)).not.toContain(kms.vector.keys.cryptoSessions[0]!.tek);
      expect((await ask(df, kms.question)).response).toEqual(response);
    });

    it('a client without the role is refused (R-10)', async () => {
      const lemf = await client('lemf.home1.example', ['lemf', 'kms', 'admf'], kms.hosts);
      await refused(lemf, kms.question, 'not-authorised', 403);
    });

    it('R-14: a LEMF that the configuration names gets keys under a task of its own, and not under the DF’s', async () => {
      const xid = lemfTaskXid('LIID-1');
      const start = vectorTime(file) - 60;
      const lemf = { name: 'lemf.agency.example', liid: 'LIID-1' };
      const period = { targets: [kms.address], lemf, start, end: start + 3600 };
      await kms.store.putWarrant({ xid, periods: [period] });
      const asking = await client('lemf.agency.example', ['lemf'], kms.hosts);
      const { status, response } = await ask(asking, { ...kms.question, xid });
      expect(status).toBe(200);
      expectKeys(response, kms.vector);
      expect(kms.audit.of('get-keys').at(-1)).toMatchObject({ outcome: 'answered', lemf: lemf.name });
      await refused(asking, kms.question, 'not-authorised', 403);
      await refused(df, { ...kms.question, xid }, 'not-authorised', 403);
      const stranger = await client('lemf.home1.example', ['lemf'], kms.hosts);
      await refused(stranger, { ...kms.question, xid }, 'not-authorised', 403);
    });

    it('R-72: another operator’s DF, under a certificate of the same authority, is refused', async () => {
      const stranger = await client('df.home2.example', ['df'], kms.hosts);
      await refused(stranger, kms.question, 'not-authorised', 403);
      expect(kms.audit.of('get-keys').at(-1)).toMatchObject({ reason: 'client-name' });
    });

    it('a target that is not provisioned at this KMS is refused', () =>
      refused(df, { ...kms.question, xid: '11111111-2222-4333-8444-555555555555' }, 'not-authorised', 403));

    it("outside the task's validity: refused", async () => {
      const late = '99999999-2222-4333-8444-555555555555';
      const from = vectorTime(file) + 1800;
      await kms.store.putWarrant({
        xid: late,
        periods: [{ targets: [kms.address], start: from, end: from + 60 }],
      });
      await refused(df, { ...kms.question, xid: late }, 'not-authorised', 403);
    });

    it('messages of another user are refused (R-5)', async () => {
      const xid = '77777777-2222-4333-8444-555555555555';
      const start = vectorTime(file) - 60;
      await kms.store.putWarrant({ xid, periods: [{ targets: [kms.other], start, end: start + 3600 }] });
      await refused(df, { ...kms.question, xid, targetKmsIdentity: kms.other }, 'target-not-party', 422);
    });

    it('messages cut short anywhere are refused', async () => {
      for (const name of ['iMessage1', 'rMessage1', 'iMessage2', 'rMessage2'] as const) {
        const octets = kms.question[name]!;
        for (let length = 1; length < octets.length; length += 149) {
          await refused(
            df,
            { ...kms.question, [name]: octets.subarray(0, length) },
            'messages-inconsistent',
            422,
          );
        }
      }
    });

    it('an endpoint that draws from another seed is told apart (R-30)', async () => {
      const strange = await served(file, role, { liRootKey: '5a'.repeat(32) });
      const asking = await client('df.home1.example', ['df'], strange.hosts);
      expect(await ask(asking, strange.question)).toEqual({
        status: 422,
        response: { failureIndication: 'endpoint-not-compliant' },
      });
      await Promise.all(strange.servers.map((server) => server.close()));
    });

    it('what is no question is refused and recorded', async () => {
      const url = `https://${HOST}:8443${GET_KEYS_PATH}`;
      for (const text of [
        '',
        '{',
        '[]',
        JSON.stringify({ targetKmsIdentity: 'x', xid: 'y', iMessage1: toBase64(utf8('z')) }),
      ]) {
        const answer = await df.request('POST', url, { type: 'application/json', octets: utf8(text) });
        expect([answer.status, answer.contentType]).toEqual([400, 'application/problem+json']);
      }
      expect(
        kms.audit.of('get-keys').filter(({ outcome }) => outcome === 'malformed').length,
      ).toBeGreaterThan(2);
      const xml = await df.request('POST', url, { type: 'text/xml', octets: utf8('<x/>') });
      expect(xml.status).toBe(415);
    });

    it('once the LI root of its month is destroyed, nobody gets the keys (R-25)', async () => {
      await kms.roots.destroyBefore(vectorTime(file) + 40 * 86_400);
      await refused(df, kms.question, 'epoch-destroyed', 410);
    });
  });
});

describe('the Xk connection (R-11)', () => {
  let kms: Served;

  beforeAll(async () => {
    kms = await served('exchange-1.json', 'initiator');
  });
  afterAll(() => Promise.all(kms.servers.map((server) => server.close())));

  it('is TLS 1.3 and nothing older', async () => {
    const files = loadTls(await pki.issue({ commonName: 'old', dnsNames: ['old'], roles: ['df'] }), real);
    const options = { host: '127.0.0.1', port: kms.xkPort, servername: HOST, ca: files.authorities };
    const handshake = (maxVersion: 'TLSv1.2' | 'TLSv1.3') =>
      new Promise<string>((resolve) => {
        const socket = connect({ ...options, cert: files.certificate, key: files.privateKey, maxVersion });
        socket.once('secureConnect', () => {
          resolve(String(socket.getProtocol()));
          socket.destroy();
        });
        socket.once('error', () => resolve('refused'));
      });
    expect(await handshake('TLSv1.2')).toBe('refused');
    expect(await handshake('TLSv1.3')).toBe('TLSv1.3');
  });

  it('R-95: is HTTP/1.1 or HTTP/2, as the DF likes', async () => {
    const tls = loadTls(await pki.issue({ commonName: 'both', dnsNames: ['both'], roles: ['df'] }), real);
    const request = { port: kms.xkPort, name: HOST, tls, method: 'POST', path: GET_KEYS_PATH } as const;
    const asked = await askedBothWays({ ...request, type: 'application/json', body: '{}' });
    expect(asked).toEqual({ 'http/1.1': 400, h2: 400 });
  });

  it('needs a certificate of our authority', async () => {
    const before = kms.audit.of('get-keys').length;
    const { authorities } = loadTls(await pki.issue({ commonName: 'n', dnsNames: [], roles: [] }), real);
    const anonymous = new HttpsClient({ hosts: kms.hosts, tls: { authorities }, timeoutMs: 5000 });
    clients.push(anonymous);
    await expect(ask(anonymous, kms.question)).rejects.toThrow(HttpsError);
    const foreign = await LabPki.create(path.join(folder, 'foreign'), real, 'Somebody else');
    const files = loadTls(await foreign.issue({ commonName: 'df', dnsNames: ['df'], roles: ['df'] }), real);
    const stranger = new HttpsClient({ hosts: kms.hosts, tls: { ...files, authorities }, timeoutMs: 5000 });
    clients.push(stranger);
    await expect(ask(stranger, kms.question)).rejects.toThrow(HttpsError);
    expect(kms.audit.of('get-keys')).toHaveLength(before);
  });
});
