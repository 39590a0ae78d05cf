import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { IQ_SDP_OCTETS } from '../../../../src/wire/iq/sessions.ts';
import type { WantedSession } from '../../../../src/wire/iq/sessions.ts';
import { AnchoredCall, refusalOf } from '../../../../src/entities/cscf/anchoring.ts';
import type { MediaGateway } from '../../../../src/entities/gateway/gateway.ts';
import { LabPki } from '../../../../src/lab/network/pki.ts';
import { udpDatagrams } from '../../../../src/net/datagrams.ts';
import { HostMap } from '../../../../src/net/hosts.ts';
import { HttpsClient, listen } from '../../../../src/net/https.ts';
import { IqClient } from '../../../../src/entities/cscf/http/iq-client.ts';
import { iqServer } from '../../../../src/entities/gateway/http/iq-server.ts';
import { loadTls } from '../../../../src/net/tls.ts';
import type { Role } from '../../../../src/net/tls.ts';
import { SDP_TYPE } from '../../../../src/sip/sdp.ts';
import { toOctets } from '../../../../src/sip/text.ts';
import { request } from '../../../sip/support.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { silent } from '../../../support/silent.ts';
import { localGateway } from '../local-gateway.ts';

const now = Date.now();
const hosts = new HostMap();
const BASE = 'https://gateway.home1.example';

const wanted: WantedSession = {
  correlation: new Uint8Array(8),
  parties: { a: ['sip:alice@home1.example'], b: ['sip:bob@home2.example'] },
  sdps: { a: 'v=0\r\n', b: null },
  streams: [{ a: { address: '127.0.0.1', port: 4000 }, b: null }, null],
};

describe('media control over HTTPS with certificates on both sides', () => {
  let gateway: MediaGateway;
  let server: FastifyInstance;
  let pki: LabPki;
  const clients: HttpsClient[] = [];

  const clientOf = async (commonName: string, role: Role): Promise<HttpsClient> => {
    const files = await pki.issue({ commonName, dnsNames: [commonName], roles: [role] });
    const client = new HttpsClient({ hosts, tls: loadTls(files, now), timeoutMs: 3000 });
    clients.push(client);
    return client;
  };

  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-iq-'));
  beforeAll(async () => {
    pki = await LabPki.create(folder, now);
    const files = await pki.issue({
      commonName: 'gateway.home1.example',
      dnsNames: ['gateway.home1.example'],
      roles: ['gateway'],
    });
    gateway = localGateway({
      datagrams: udpDatagrams(silent),
      ports: { address: '127.0.0.1', from: 21300, to: 21311 },
      poi: { report: () => {} },
      tasks: { revision: 0, match: () => [] },
      clock: new ManualClock(),
      logger: silent,
    });
    server = iqServer({
      gateway,
      tls: loadTls(files, now),
      logger: silent,
      admission: { roles: ['cscf'], names: ['cscf.home1.example'] },
    });
    hosts.set('gateway.home1.example:443', `127.0.0.1:${await listen(server, '127.0.0.1', 0)}`);
  });

  afterAll(async () => {
    for (const client of clients) await client.close();
    await server.close();
    await gateway.stop();
    rmSync(folder, { recursive: true });
  });

  test('a session is opened, kept when asked for again, and ended', async () => {
    const iq = new IqClient(await clientOf('cscf.home1.example', 'cscf'), BASE);
    const streams = await iq.put('call/1 ü', wanted);
    expect(streams).toEqual([
      { a: { address: '127.0.0.1', port: 21300 }, b: { address: '127.0.0.1', port: 21302 } },
      null,
    ]);
    expect(await iq.put('call/1 ü', { ...wanted, sdps: { a: 'v=0\r\n', b: 'v=0\r\n' } })).toEqual(streams);
    expect(gateway.sessions).toBe(1);
    await iq.delete('call/1 ü');
    await iq.delete('call/1 ü');
    expect(gateway.sessions).toBe(0);
  });

  test('a CSCF learns which sessions there are, and which are lost', async () => {
    const client = await clientOf('cscf.home1.example', 'cscf');
    const iq = new IqClient(client, BASE);
    await iq.put('call/2', wanted);
    expect([await iq.stands('call/2'), await iq.stands('call/3')]).toEqual([true, false]);
    const known = await iq.lost(null);
    expect(known).toMatchObject({ next: 0, sessions: [], isWhole: true });
    const told = iq.lost(known);
    gateway.losses.add('call/2');
    expect(await told).toEqual({ ...known, next: 1, sessions: ['call/2'] });
    expect(await iq.lost({ run: 'another', next: 0 })).toEqual({ ...known, next: 1, isWhole: false });
    for (const wrong of ['run=x', 'from=1', 'run=x&from=-1', 'run=x&run=y&from=1'])
      expect((await client.request('GET', `${BASE}/iq/v1/losses?${wrong}`)).status).toBe(400);
    await iq.delete('call/2');
    expect(await iq.stands('call/2')).toBe(false);
  });

  test('what the gateway refuses reaches the CSCF with its reason', async () => {
    const iq = new IqClient(await clientOf('cscf.home1.example', 'cscf'), BASE);
    const all = Array.from({ length: 4 }, () => ({ a: null, b: null }));
    await expect(iq.put('big', { ...wanted, streams: all })).rejects.toMatchObject({ code: 'media' });
    const bad = { ...wanted, correlation: new Uint8Array(7) };
    await expect(iq.put('bad', bad)).rejects.toMatchObject({
      code: 'media',
      message: expect.stringContaining('correlation') as string,
    });
    expect(gateway.sessions).toBe(0);
  });

  test('R-71: a destination that is refused is told apart: the description is at fault', async () => {
    const iq = new IqClient(await clientOf('cscf.home1.example', 'cscf'), BASE);
    const own = { address: '127.0.0.1', port: 21_300 };
    await expect(iq.put('round', { ...wanted, streams: [{ a: own, b: null }] })).rejects.toMatchObject({
      code: 'destination',
      message: expect.stringContaining('127.0.0.1:21300') as string,
    });
    expect(gateway.sessions).toBe(0);
  });

  describe('R-63: descriptions as large as they may be', () => {
    const HEAD = 'v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n';
    const MEDIA = 'm=audio 4000 RTP/SAVP 0\r\na=';
    /** A description of so many octets, filled with one. */
    const sdpOf = (octets: number, filling: number) =>
      toOctets(
        HEAD + MEDIA + String.fromCharCode(filling).repeat(octets - HEAD.length - MEDIA.length - 2) + '\r\n',
      );
    const pass = async (side: 'a' | 'b', sdp: Uint8Array, call: AnchoredCall) => {
      const message = request(side === 'a' ? 'UPDATE' : 'ACK');
      message.setBody(SDP_TYPE, sdp);
      await call.onBranch(message, side, 'branch', 'b1');
      return message.body.length;
    };
    const callOf = async (identity: string, identities = 1) => {
      const party = Array.from({ length: identities }, (_, k) => identity + String(k % 10));
      return new AnchoredCall(new IqClient(await clientOf('cscf.home1.example', 'cscf'), BASE), silent, {
        correlation: new Uint8Array(8),
        parties: () => ({ a: party, b: party }),
        newId: () => 'large',
        signalling: () => false,
      });
    };

    test.each([
      ['a control character, six octets in JSON', 0x01],
      ['a quotation mark', 0x22],
      ['a backslash', 0x5c],
      ['a letter', 0x61],
    ])('both sides full of %s, and many long identities', async (_, filling) => {
      const call = await callOf('\u0001'.repeat(95), 256);
      for (const side of ['a', 'b'] as const)
        expect(await pass(side, sdpOf(IQ_SDP_OCTETS, filling), call)).toBeGreaterThan(65_000);
      expect(gateway.sessions).toBe(1);
      call.release();
      await vi.waitFor(() => expect(gateway.sessions).toBe(0), 30_000);
    });

    test.each([
      ['a description of one octet more', sdpOf(IQ_SDP_OCTETS + 1, 0x61), 'sip:a@home1.example', 1],
      ['one that grows as its octets are replaced', sdpOf(IQ_SDP_OCTETS, 0xff), 'sip:a@home1.example', 1],
      ['too many identities', sdpOf(200, 0x61), 'sip:a', 257],
      ['identities that are too long together', sdpOf(200, 0x61), `sip:${'a'.repeat(92)}`, 256],
    ])('more is refused with 488 before the gateway hears of it: %s', async (_, sdp, identity, count) => {
      const call = await callOf(identity, count);
      const problem: unknown = await pass('a', sdp, call).catch((error: unknown) => error);
      expect(problem).toMatchObject({ code: 'too-large' });
      expect(refusalOf(problem)).toBe(488);
      expect(gateway.sessions).toBe(0);
    });
  });

  test.each([
    ['a client without the role cscf', 'df.home1.example', 'df'],
    ['R-72: another operator’s CSCF', 'cscf.home2.example', 'cscf'],
  ] as const)('%s gets nothing, not even whether a session is there', async (_, name, role) => {
    const client = await clientOf(name, role);
    for (const method of ['PUT', 'DELETE'] as const) {
      const answer = await client.request(method, `${BASE}/iq/v1/sessions/x`);
      expect(answer.status).toBe(403);
    }
    for (const path of ['sessions/x', 'losses'])
      expect((await client.request('GET', `${BASE}/iq/v1/${path}`)).status).toBe(403);
    const iq = new IqClient(client, BASE);
    await expect(iq.put('x', wanted)).rejects.toMatchObject({ code: 'media' });
    expect(gateway.sessions).toBe(0);
  });

  test('a gateway that is not there is said to be so', async () => {
    const iq = new IqClient(await clientOf('cscf.home1.example', 'cscf'), 'https://127.0.0.1:9');
    await expect(iq.put('x', wanted)).rejects.toMatchObject({ code: 'media' });
  });
});
