import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes/octets.ts';
import { systemClock, systemRandom } from '../../src/host/runtime.ts';
import { LabPki } from '../../src/lab/network/pki.ts';
import { StorageError } from '../../src/storage/errors.ts';
import { X1Requester } from '../../src/x1/requester.ts';
import { decodeX1Response } from '../../src/wire/x1/containers.ts';
import { X1_SIZE_LIMIT } from '../../src/wire/x1/names.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { HttpsClient, httpsServer, listen } from '../../src/net/https.ts';
import { loadTls } from '../../src/net/tls.ts';
import type { Role, TlsFiles, TlsMaterial } from '../../src/net/tls.ts';
import { x1Transport } from '../../src/x1/client.ts';
import { X1Schema, X1SchemaError } from '../../src/x1/schema.ts';
import { mountX1Ne } from '../../src/x1/server.ts';
import { missingShared, sharedPath } from '../support/shared.ts';
import { SCHEMA } from '../wire/x1/support.ts';
import { ADMF, bench, destination, NE } from '../poi/support.ts';
import { silent } from '../support/silent.ts';
import type { Bench } from '../poi/support.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-x1-'));
const clock = systemClock();
const hosts = new HostMap();
const noSchema = missingShared(SCHEMA);
let pki: LabPki;
let server: FastifyInstance;
let ne: Bench;
let port: number;
let schema: X1Schema | null;
const clients: HttpsClient[] = [];

async function tlsOf(commonName: string, roles: readonly Role[]): Promise<TlsMaterial> {
  const files: TlsFiles = await pki.issue({ commonName, dnsNames: [commonName], roles });
  return loadTls(files, clock.now());
}

beforeAll(async () => {
  pki = await LabPki.create(folder, clock.now());
  schema = noSchema ? null : new X1Schema(sharedPath(SCHEMA));
  ne = await bench(clock, schema === null ? {} : { judge: schema });
  server = httpsServer({
    name: 'test',
    logger: silent,
    tls: await tlsOf(NE, ['cscf']),
    authentication: 'mutual',
  });
  mountX1Ne(server, ne.handler);
  port = await listen(server, '127.0.0.1', 0);
  hosts.set(NE, `127.0.0.1:${port}`);
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await server.close();
  schema?.close();
  rmSync(folder, { recursive: true });
});

function client(tls: ConstructorParameters<typeof HttpsClient>[0]['tls']): HttpsClient {
  const made = new HttpsClient({ hosts, tls });
  clients.push(made);
  return made;
}

const URL = `https://${NE}/X1/NE`;

async function requester(): Promise<X1Requester> {
  return new X1Requester({
    side: 'admf',
    admfIdentifier: ADMF,
    neIdentifier: NE,
    clock,
    random: systemRandom(),
    transport: x1Transport(client(await tlsOf(ADMF, ['admf'])), URL),
    ...(schema === null ? {} : { judge: schema }),
  });
}

describe('X1 over mutual TLS', () => {
  it('provisions, both sides judging by the schema as well (R-11)', async () => {
    const admf = await requester();
    await admf.request({ type: 'CreateDestination', destination });
    expect(await admf.request({ type: 'ListAllDetails' })).toMatchObject({ dids: [destination.did] });
    await expect(admf.request({ type: 'CreateDestination', destination })).rejects.toMatchObject({
      code: 'refused',
      error: { code: 2030 },
    });
  });

  it('R-92: an element whose database is away does not answer, rather than refuse; that is on record', async () => {
    const admf = await requester();
    const request = {
      type: 'CreateDestination',
      destination: { ...destination, did: '00000000-0000-4000-8000-00000000d1d2' },
    } as const;
    ne.store.fails = new StorageError('unavailable', 'the database cannot be reached');
    await expect(admf.request(request)).rejects.toMatchObject({ code: 'no-answer' });
    expect(ne.audit.events.at(-1)).toMatchObject({ kind: 'x1-refused' });
    ne.store.fails = true;
    await expect(admf.request(request)).rejects.toMatchObject({ code: 'refused' });
    ne.store.fails = false;
    expect(await admf.request(request)).toMatchObject({ type: 'CreateDestination' });
  });

  it.each(['h2', 'http/1.1'])('answers over %s', async (protocol) => {
    const { certificate, privateKey, authorities } = await tlsOf(ADMF, ['admf']);
    const tls = { cert: certificate, key: privateKey, ca: authorities, servername: NE };
    const body = '<X1Request/>';
    const answer =
      protocol === 'h2'
        ? await new Promise<string>((resolve, reject) => {
            const session = http2.connect(`https://127.0.0.1:${port}`, tls);
            const stream = session.request({
              ':method': 'POST',
              ':path': '/X1/NE',
              'content-type': 'application/xml',
            });
            let text = '';
            stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
            stream.on('end', () => session.close(() => resolve(text))).on('error', reject);
            stream.end(body);
          })
        : await new Promise<string>((resolve, reject) => {
            const options = {
              ...tls,
              port,
              method: 'POST',
              path: '/X1/NE',
              headers: { 'content-type': 'text/xml; charset=utf-8' },
            };
            const request = https.request({ host: '127.0.0.1', ...options });
            request.on('error', reject).on('response', (response) => {
              let text = '';
              response.on('data', (chunk: Buffer) => (text += chunk.toString()));
              response.on('end', () => resolve(text));
            });
            request.end(body);
          });
    expect(decodeX1Response(utf8(answer)).kind).toBe('top-level-error');
  });

  it.each([
    ['df.home1.example', ['df']],
    ['cscf.home1.example', ['cscf', 'kms', 'gateway', 'lemf', 'ue']],
    [ADMF, []],
  ] as readonly (readonly [string, readonly Role[]])[])(
    'a peer without the role of an ADMF is refused and put on record: %s (R-10)',
    async (name, roles) => {
      const answer = await client(await tlsOf(name, roles)).request('POST', URL, {
        type: 'application/xml',
        octets: utf8('<X1Request/>'),
      });
      expect(answer.status).toBe(403);
      expect(ne.audit.events.at(-1)).toEqual({ kind: 'x1-forbidden', peer: name });
    },
  );

  it('a peer without certificate, or with one of somebody else, gets no connection (R-10)', async () => {
    const { authorities } = await tlsOf(ADMF, ['admf']);
    const body = { type: 'application/xml', octets: utf8('<X1Request/>') };
    await expect(client({ authorities }).request('POST', URL, body)).rejects.toMatchObject({
      code: 'unreachable',
    });
    const other = await LabPki.create(path.join(folder, 'other'), clock.now(), 'Somebody else');
    const files = await other.issue({ commonName: ADMF, dnsNames: [ADMF], roles: ['admf'] });
    const forged = { ...loadTls(files, clock.now()), authorities };
    await expect(client(forged).request('POST', URL, body)).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('HTTP’s own failures are HTTP’s', async () => {
    const admf = client(await tlsOf(ADMF, ['admf']));
    const post = async (target: string, type: string, octets: Uint8Array) =>
      (await admf.request('POST', target, { type, octets })).status;
    expect(await post(URL, 'application/json', utf8('{}'))).toBe(415);
    expect(await post(URL, 'application/xml', new Uint8Array(X1_SIZE_LIMIT + 1))).toBe(413);
    expect(await post(`https://${NE}/X1/ADMF`, 'application/xml', utf8('<x/>'))).toBe(404);
    expect((await admf.request('GET', URL)).status).toBe(404);
    const transport = x1Transport(admf, `https://${NE}/nowhere`);
    await expect(transport(utf8('<x/>'))).rejects.toMatchObject({ code: 'no-answer' });
  });

  it('the digest on record is that of the document', async () => {
    const octets = utf8('<X1Request> </X1Request>');
    await client(await tlsOf(ADMF, ['admf'])).request('POST', URL, { type: 'application/xml', octets });
    expect(ne.audit.events.at(-1)).toMatchObject({
      kind: 'x1-malformed',
      digest: createHash('sha256').update(octets).digest('hex'),
    });
  });
});

describe('the operator’s schema', () => {
  it('a setting that names no schema is said at the start', () => {
    expect(() => new X1Schema('/nonexistent/all.xsd')).toThrow(X1SchemaError);
    expect(() => new X1Schema(path.join(import.meta.dirname, 'x1.test.ts'))).toThrow(X1SchemaError);
  });

  it.skipIf(noSchema)('opens no file that a document names', () => {
    const document = `<x xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
      xsi:noNamespaceSchemaLocation="${import.meta.dirname}/any.xsd"/>`;
    expect(() => schema?.check(utf8(document))).toThrow(/not valid/);
  });
});
