import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/host/runtime.ts';
import { LabPki } from '../../src/lab/network/pki.ts';
import { decodeGetKeysRequest, encodeGetKeysResponse } from '../../src/wire/xk/get-keys.ts';
import type { GetKeysRequest, GetKeysResponse } from '../../src/wire/xk/get-keys.ts';
import { HostMap } from '../../src/net/hosts.ts';
import { httpsServer, listen, peerOfRequest } from '../../src/net/https.ts';
import { loadTls } from '../../src/net/tls.ts';
import type { TlsMaterial } from '../../src/net/tls.ts';
import { XkClient } from '../../src/xk/client.ts';
import type { XkExchange } from '../../src/xk/client.ts';
import { keysOf, vector } from '../entities/df/support.ts';
import { silent } from '../support/silent.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-xk-'));
const clock = systemClock();
const QUESTION: GetKeysRequest = {
  targetKmsIdentity: 'sip:alice@home1.example',
  xid: '11111111-0000-4000-8000-000000000001',
  iMessage1: Uint8Array.of(1),
  rMessage1: Uint8Array.of(2),
  iMessage2: Uint8Array.of(3),
  rMessage2: null,
  updates: [],
  midCall: false,
};

describe('Xk client', () => {
  let df: TlsMaterial;
  let kms: TlsMaterial;
  let server: FastifyInstance;
  let client: XkClient;
  let url: string;
  const hosts = new HostMap({ 'kms.home1.example': '127.0.0.1' });
  const asked: { question: GetKeysRequest; roles: readonly string[]; protocol: string | null }[] = [];
  let answer: { status: number; body: Uint8Array | string };

  beforeAll(async () => {
    const pki = await LabPki.create(folder, clock.now());
    const issue = async (role: 'df' | 'kms'): Promise<TlsMaterial> => {
      const commonName = `${role}.home1.example`;
      return loadTls(await pki.issue({ commonName, dnsNames: [commonName], roles: [role] }), clock.now());
    };
    df = await issue('df');
    kms = await issue('kms');
  });
  beforeEach(async () => {
    asked.length = 0;
    server = await serve('TLSv1.3');
    client = new XkClient({ url, hosts, tls: df, timeoutMs: 3000 });
  });
  afterEach(async () => {
    await client.close();
    await server.close();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function serve(minVersion: 'TLSv1.2' | 'TLSv1.3', maxVersion?: 'TLSv1.2'): Promise<FastifyInstance> {
    const made = httpsServer({
      name: 'test',
      logger: silent,
      tls: kms,
      authentication: 'mutual',
      minVersion,
    });
    if (maxVersion !== undefined) {
      (made.server as unknown as { setSecureContext(options: object): void }).setSecureContext({
        cert: kms.certificate,
        key: kms.privateKey,
        ca: kms.authorities,
        maxVersion,
      });
    }
    made.post('/xk/v1/get-keys', (request, reply) => {
      const raw = request.raw as unknown as {
        stream?: { session?: { socket?: TLSSocket } };
        socket: TLSSocket;
      };
      const protocol = (raw.stream?.session?.socket ?? raw.socket).getProtocol();
      asked.push({
        question: decodeGetKeysRequest(request.body),
        roles: peerOfRequest(request).roles,
        protocol,
      });
      return reply.code(answer.status).type('application/json').send(Buffer.from(answer.body));
    });
    url = `https://kms.home1.example:${await listen(made, '127.0.0.1', 0)}`;
    return made;
  }

  function answered(response: GetKeysResponse, status = 200): void {
    answer = { status, body: encodeGetKeysResponse(response).expose() };
  }

  it('R-4 R-11: puts the question over TLS 1.3 with its certificate, and reads the keys', async () => {
    answered(keysOf(vector()));
    const response = await client.getKeys(QUESTION);
    expect(asked).toEqual([{ question: QUESTION, roles: ['df'], protocol: 'TLSv1.3' }]);
    const [session] = 'cryptoSessions' in response ? response.cryptoSessions : [];
    expect(Buffer.from(session!.sessionKey.expose()).toString('hex')).toBe(
      vector().keys.cryptoSessions[0]!.tek,
    );
  });

  it('reads a failure, also as problem details', async () => {
    answer = {
      status: 403,
      body: JSON.stringify({
        type: 'about:blank',
        title: 'Forbidden',
        status: 403,
        failureIndication: 'not-authorised',
      }),
    };
    expect(await client.getKeys(QUESTION)).toEqual({ failureIndication: 'not-authorised' });
  });

  it.each([
    ['a page of a proxy', 502, '<html>Bad Gateway</html>'],
    ['an answer cut short', 200, '{"verified":true,"cryptoSess'],
    [
      'an answer with members of another version',
      200,
      '{"verified":true,"cryptoSessions":[],"privateKey":"AA=="}',
    ],
    ['octets that are no text', 200, '\u{0}'],
  ])('%s is no answer', async (_name, status, body) => {
    answer = { status, body };
    await expect(client.getKeys(QUESTION)).rejects.toMatchObject({ code: 'no-answer' });
  });

  it('a KMS that is not there is no answer', async () => {
    await server.close();
    await expect(client.getKeys(QUESTION)).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('R-11: a KMS that speaks TLS 1.2 alone is not asked', async () => {
    await server.close();
    server = await serve('TLSv1.2', 'TLSv1.2');
    const other = new XkClient({ url, hosts, tls: df, timeoutMs: 3000 });
    answered(keysOf(vector()));
    await expect(other.getKeys(QUESTION)).rejects.toMatchObject({ code: 'unreachable' });
    expect(asked).toEqual([]);
    await other.close();
  });

  it('a server under another name is not asked', async () => {
    answered(keysOf(vector()));
    const port = new URL(url).port;
    const names = new HostMap({ 'kms.home2.example': '127.0.0.1' });
    const other = new XkClient({
      url: `https://kms.home2.example:${port}`,
      hosts: names,
      tls: df,
      timeoutMs: 3000,
    });
    await expect(other.getKeys(QUESTION)).rejects.toMatchObject({ code: 'unreachable' });
    expect(asked).toEqual([]);
    await other.close();
  });

  it('tells of exchanges only where asked to', async () => {
    answered(keysOf(vector()));
    const told: XkExchange[] = [];
    const open = new XkClient({ url, hosts, tls: df, onExchange: (exchange) => told.push(exchange) });
    await open.getKeys(QUESTION);
    expect(told).toHaveLength(1);
    expect(JSON.parse(told[0]!.response)).toMatchObject({ verified: true });
    await open.close();
  });
});
