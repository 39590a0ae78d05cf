/** The door for agencies: HTTPS with certificates on both sides, and `claviger hi1 send` in front of it. */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CliError } from '../../../../src/cli/failure.ts';
import { hi1Command } from '../../../../src/cli/commands/hi1.ts';
import { hi1Server } from '../../../../src/entities/admf/http/hi1.ts';
import { admfConfig } from '../../../../src/entities/admf/config.ts';
import { startAdmf } from '../../../../src/entities/admf/start.ts';
import { ConfigError } from '../../../../src/host/config.ts';
import { EvidenceError } from '../../../../src/evidence/log.ts';
import { systemClock, systemRandom } from '../../../../src/host/runtime.ts';
import { LabPki } from '../../../../src/lab/network/pki.ts';
import { HostMap } from '../../../../src/net/hosts.ts';
import { HttpsClient, listen } from '../../../../src/net/https.ts';
import { loadTls } from '../../../../src/net/tls.ts';
import type { TlsFiles } from '../../../../src/net/tls.ts';
import { decodeHi1Message, encodeHi1Message } from '../../../../src/wire/hi1/messages.ts';
import { HI1_SIZE_LIMIT } from '../../../../src/wire/hi1/names.ts';
import { askedBothWays } from '../../../support/http-versions.ts';
import { silent } from '../../../support/silent.ts';
import { HOUR } from '../support.ts';
import {
  at,
  authorisation,
  create,
  CUSTOMS,
  get,
  list,
  objectOf,
  openHi1,
  POLICE,
  task,
  uuid,
} from './support.ts';

const NAME = 'admf.home1.example';
const DELIVERED = { DeliveryDetails: [{ DeliveryAddress: { kind: 'FQDN', value: 'lemf.example:8002' } }] };
const folder = mkdtempSync(path.join(tmpdir(), 'claviger-hi1-'));
const clock = systemClock();
const clients: HttpsClient[] = [];
let pki: LabPki;
let server: FastifyInstance;
let port: number;
let lab: Awaited<ReturnType<typeof openHi1>>;
let police: TlsFiles;
let admf: TlsFiles;
let isRecorded = true;

const issue = (commonName: string, roles: 'admf'[] = []) =>
  pki.issue({ commonName, dnsNames: [commonName], roles });

/** The fingerprint of the certificate that who listens there shows. */
function shownBy(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const { certificate: cert, privateKey: key, authorities: ca } = loadTls(police, clock.now());
    const socket = connect({ host: '127.0.0.1', port, servername: NAME, cert, key, ca }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

function clientOf(files: TlsFiles): HttpsClient {
  const hosts = new HostMap({ [NAME]: `127.0.0.1:${port}` });
  const client = new HttpsClient({ hosts, tls: loadTls(files, clock.now()), timeoutMs: 30_000 });
  clients.push(client);
  return client;
}

beforeAll(async () => {
  pki = await LabPki.create(folder, clock.now());
  lab = await openHi1({}, { now: clock.now() });
  police = await issue('police.example');
  admf = await issue(NAME, ['admf']);
  server = hi1Server({
    tls: loadTls(admf, clock.now()),
    logger: silent,
    clock,
    agencies: [
      { ...POLICE, certificate: { name: 'police.example' } },
      { ...CUSTOMS, certificate: { name: 'customs.example' } },
    ],
    service: {
      answer: (...asked) => {
        if (!isRecorded) throw new EvidenceError('not-written', 'the disk is full');
        return lab.running.service.answer(...asked);
      },
      count: (outcome) => lab.running.service.count(outcome),
    },
    audit: lab.audit,
  });
  port = await listen(server, '127.0.0.1', 0);
});

afterAll(async () => {
  for (const client of clients) await client.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

describe('R-91: HI1 by HTTPS', () => {
  const post = (client: HttpsClient, octets: Uint8Array, place = '/', type = 'application/xml') =>
    client.request('POST', `https://${NAME}${place}`, { type, octets });

  it('R-91: answers agencies on all paths, and nobody else', async () => {
    const client = clientOf(police);
    const octets = encodeHi1Message(lab.messageOf(list()));
    const answer = await post(client, octets);
    expect([answer.status, answer.contentType]).toEqual([200, 'application/xml']);
    expect(decodeHi1Message(answer.body)).toMatchObject({
      payload: { actions: [{ action: 'LISTResponse' }] },
    });
    const span = { EndTime: at(clock.now() + HOUR) };
    const objects = [authorisation(1, { AuthorisationTimespan: span }), task(2)];
    const created = encodeHi1Message(lab.messageOf(create(...objects)));
    expect((await post(client, created, '/li/authorisation/new')).status).toBe(200);
    expect((await post(client, octets, '/li/else')).status).toBe(404);

    const stranger = clientOf(await issue('stranger.example'));
    expect((await post(stranger, octets)).status).toBe(403);
    // Of an agency, but not of the one that is said to send.
    const customs = clientOf(await issue('customs.example'));
    expect((await post(customs, octets)).status).toBe(403);
    expect(lab.audit.events.filter(({ kind }) => kind === 'hi1-forbidden')).toHaveLength(2);
  });

  it('R-95: answers over HTTP/1.1 and over HTTP/2', async () => {
    const tls = loadTls(police, clock.now());
    const body = encodeHi1Message(lab.messageOf(list()));
    const request = { port, name: NAME, tls, method: 'POST', path: '/', type: 'application/xml' } as const;
    expect(await askedBothWays({ ...request, body })).toEqual({ 'http/1.1': 200, h2: 200 });
  });

  it('R-91: says by HTTP what is wrong with a request of HTTP', async () => {
    const client = clientOf(police);
    const octets = encodeHi1Message(lab.messageOf(get(1)));
    expect((await post(client, octets, '/', 'application/json')).status).toBe(415);
    expect((await post(client, new Uint8Array(HI1_SIZE_LIMIT + 1))).status).toBe(413);
    expect((await client.request('GET', `https://${NAME}/`)).status).toBe(404);
    isRecorded = false;
    expect((await post(client, octets)).status).toBe(503);
    isRecorded = true;
    expect((await post(client, octets)).status).toBe(200);
  });

  it('R-91: claviger hi1 send prints the answer, and fails where something is refused', async () => {
    const file = (name: string, content: string | Uint8Array): string => {
      writeFileSync(path.join(folder, name), content);
      return path.join(folder, name);
    };
    const config = file(
      'agency.json',
      JSON.stringify({
        ...{ url: `https://${NAME}`, tls: police, hosts: { [NAME]: `127.0.0.1:${port}` } },
        sender: { country: 'XX', identifier: 'ACTOR01' },
        receiver: { country: 'XX', identifier: 'ACTOR02' },
      }),
    );
    const printed: string[] = [];
    const stdout = vi
      .spyOn(process.stdout, 'write')
      .mockImplementation((text) => printed.push(String(text)) > 0);
    const hi1 = (...args: readonly string[]): Promise<unknown> =>
      hi1Command()
        .parseAsync([...args, '--config', config], { from: 'user' })
        .then(
          () => 'done',
          (error: unknown) => (error instanceof CliError ? error.message : error),
        );
    const send = (...args: readonly string[]): Promise<unknown> => hi1('send', ...args);
    try {
      expect(await send(file('list.xml', encodeHi1Message(lab.messageOf(list('Authorisation')))))).toBe(
        'done',
      );
      expect(printed.join('')).toContain(
        '\n  Authorisation 00000000-0000-4000-8000-000000000001, generation 1',
      );
      const missing = file('get.xml', encodeHi1Message(lab.messageOf(get(99))));
      expect(await send(missing)).toBe('refused with 3014');
      expect(await send(missing, '--path', '/li/task/addition')).toBe('refused with 3001');
      expect(await hi1('list', 'Authorisation')).toBe('done');
      expect(await hi1('list', 'Planet')).toBe('refused with 3001');
      expect(await hi1('list', '--since', 'yesterday')).toContain('LastChanged');
      expect(await hi1('get', uuid(1), '--json')).toBe('done');
      expect(printed.at(-1)).toContain('"AuthorisationReference":"W1"');
      expect(await hi1('get', uuid(1), uuid(99))).toBe('refused with 3014');
      expect(await hi1('get', 'x')).toContain('Identifier');
      const header = { timestamp: clock.now() - 9 * 24 * HOUR };
      const paper = create(objectOf('DocumentObject', 7, { DocumentReference: 'D7' }));
      const old = file('old.xml', encodeHi1Message(lab.messageOf(paper, { header })));
      expect(await send(old)).toBe('refused with 3007');
      expect(await send(old, '--fresh')).toBe('done');
      expect(await send(old, '--fresh')).toBe('refused with 3010');
      expect(await send(file('odd.xml', '<a/>'))).toContain('this is not a message of HI1');
    } finally {
      stdout.mockRestore();
    }
  });

  it('R-91: an ADMF opens it where its settings say, for the agencies that they name', async () => {
    const { certificate } = police;
    const fingerprint = new X509Certificate(readFileSync(certificate)).fingerprint256;
    const endpoint = { country: 'XX', identifier: 'ACTOR02' };
    const settings = (agency: object) => ({
      identifier: NAME,
      tls: admf,
      store: path.join(folder, 'admf.sqlite'),
      audit: path.join(folder, 'audit.log'),
      elements: [],
      x2x3: { host: 'df.home1.example', port: 7001 },
      hi1: { endpoint, agencies: [agency] },
    });
    const agency = { name: 'police', endpoints: [{ country: 'XX', identifier: 'ACTOR01' }] };
    const both = { ...agency, certificate: { fingerprint, name: 'police.example' } };
    expect(() => admfConfig(settings(both))).toThrow(ConfigError);
    const config = admfConfig(settings({ ...agency, certificate: { fingerprint } }));
    const running = await startAdmf(config, { clock, random: systemRandom(), logger: silent });
    try {
      const client = new HttpsClient({
        hosts: new HostMap({ [NAME]: `127.0.0.1:${running.hi1!.port}` }),
        ...{ tls: loadTls(police, clock.now()), timeoutMs: 30_000 },
      });
      clients.push(client);
      const span = { EndTime: at(clock.now() + HOUR) };
      const asked = create(authorisation(1, { AuthorisationTimespan: span }), task(2, DELIVERED));
      const answer = await post(
        client,
        encodeHi1Message(lab.messageOf(asked, { header: { timestamp: clock.now() } })),
        '/li/authorisation/new',
      );
      expect(decodeHi1Message(answer.body).payload).toMatchObject({
        actions: [{ action: 'CREATEResponse' }, { action: 'CREATEResponse' }],
      });
      await expect.poll(() => running.desk.find('LIID2')?.state).toBe('submitted');
      const { meters, tls } = running.operation;
      const readings = Object.fromEntries(meters.map(({ name, read }) => [name, read()]));
      expect(readings).toMatchObject({ hi1_due: 0, hi1_notifications_dropped_total: 0, hi1_exchanges: 1 });
      expect(readings['hi1_requests_total']).toContainEqual({ labels: { outcome: 'done' }, value: 1 });
      expect(readings['hi1_requests_total']).toContainEqual({ labels: { outcome: 'full' }, value: 0 });
      expect(readings['connections']).toContainEqual({ labels: { listener: 'hi1' }, value: 1 });
      expect((await running.operation.state()).queues).toMatchObject([{ name: 'hi1' }]);

      // Whoever connects after a reload sees the new certificate.
      const renewed = loadTls(await issue(NAME, ['admf']), clock.now());
      tls.replace(renewed);
      const { fingerprint256 } = new X509Certificate(renewed.certificate);
      expect(await shownBy(running.hi1!.port)).toBe(fingerprint256);
    } finally {
      await running.stop();
    }
  });
});
