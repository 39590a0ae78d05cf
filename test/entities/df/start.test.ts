import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { dfConfig } from '../../../src/entities/df/config.ts';
import { startDf } from '../../../src/entities/df/start.ts';
import { startLemf } from '../../../src/entities/lemf/start.ts';
import type { RunningLemf } from '../../../src/entities/lemf/start.ts';
import type { DfEvent } from '../../../src/entities/df/events.ts';
import type { X1Requester } from '../../../src/x1/requester.ts';
import { Deframer } from '../../../src/wire/x2x3/deframer.ts';
import { decodePdu, DIRECTION } from '../../../src/wire/x2x3/pdu.ts';
import { decodeGetKeysRequest, encodeGetKeysResponse } from '../../../src/wire/xk/get-keys.ts';
import { httpsServer, listen } from '../../../src/net/https.ts';
import type { Role, TlsFiles } from '../../../src/net/tls.ts';
import { loadTls } from '../../../src/net/tls.ts';
import { deliveredOf } from '../../support/handed-over.ts';
import { call, keysOf, vector, XID } from './support.ts';
import { ElementHome, elementRuntime as runtime } from '../../support/elements.ts';
import { silent } from '../../support/silent.ts';
import { STREAM_LIMITS } from '../../../src/net/connections.ts';
import { interceptionPoint } from './interception-point.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-df-app-'));
const HI2 = '00000000-0000-4000-8000-000000000002';
const HI3 = '00000000-0000-4000-8000-000000000003';

describe('Delivery function as a process', () => {
  const files: Partial<Record<Role, TlsFiles>> = {};
  const cleanups: (() => Promise<unknown>)[] = [];

  let home: ElementHome;

  beforeAll(async () => {
    home = await ElementHome.create(folder);
    for (const role of ['df', 'kms', 'cscf', 'lemf'] as const) files[role] = await home.issue(role);
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  afterAll(async () => {
    await home.close();
    rmSync(folder, { recursive: true });
  });

  const tls = (role: Role) => loadTls(files[role]!, runtime.clock.now());

  function config(changes: object = {}): Record<string, unknown> {
    return {
      x1: {
        identifier: 'df.home1.example',
        listen: {},
        admf: { identifier: 'admf.home1.example', url: 'https://admf.home1.example:1/X1/ADMF' },
        store: path.join(folder, 'tasks.sqlite'),
      },
      tls: files.df,
      hosts: { 'kms.home1.example': '127.0.0.1', 'admf.home1.example': '127.0.0.1' },
      store: path.join(folder, 'df.sqlite'),
      audit: path.join(folder, 'audit.log'),
      name: { countryCode: 'DE', operator: 'home1', element: 'df.home1' },
      xk: { url: 'https://kms.home1.example:1' },
      handover: { acknowledgeDelay: 20, retryFirst: 20, retryMost: 50 },
      recordInto: path.join(folder, 'out'),
      ...changes,
    };
  }

  async function kms(): Promise<{ port: number; asked: unknown[] }> {
    const asked: unknown[] = [];
    const server: FastifyInstance = httpsServer({
      name: 'test',
      logger: silent,
      tls: tls('kms'),
      authentication: 'mutual',
      minVersion: 'TLSv1.3',
    });
    server.post('/xk/v1/get-keys', (request, reply) => {
      asked.push(decodeGetKeysRequest(request.body));
      const answer = encodeGetKeysResponse(keysOf(vector())).expose();
      return reply.type('application/json').send(Buffer.from(answer));
    });
    const port = await listen(server, '127.0.0.1', 0);
    cleanups.push(() => server.close());
    return { port, asked };
  }

  async function lemf(): Promise<RunningLemf> {
    const anyPort = { address: '127.0.0.1', port: 0, connections: STREAM_LIMITS };
    const running = await startLemf(
      {
        hi2: anyPort,
        hi3: anyPort,
        tls: files.lemf!,
        folder: path.join(folder, 'lemf'),
        recoverAfter: 1,
      },
      runtime,
    );
    cleanups.push(() => running.stop());
    return running;
  }

  async function provision(x1: X1Requester, hi2: number, hi3: number): Promise<void> {
    const destination = (did: string, deliveryType: 'X2Only' | 'X3Only', port: number) =>
      x1.request({ type: 'CreateDestination', destination: { did, deliveryType, address: tcp(port) } });
    await destination(HI2, 'X2Only', hi2);
    await destination(HI3, 'X3Only', hi3);
    await x1.request({
      type: 'ActivateTask',
      task: {
        xid: XID,
        targets: [{ name: 'sipUri', value: vector().uri.i }],
        deliveryType: 'X2andX3',
        dids: [HI2, HI3],
        mediation: [{ liid: 'LIID-1', deliveryType: 'HI2andHI3', dids: [] }],
      },
    });
  }

  function pointOfInterception(port: number) {
    const point = interceptionPoint({ tls: tls('cscf'), port, timing: { busyKeepaliveMs: 20 } });
    cleanups.push(() => {
      point.delivery.stop();
      return Promise.resolve();
    });
    return point;
  }

  const tcp = (port: number) =>
    ({ kind: 'ipAddressAndPort', address: '127.0.0.1', port, transport: 'tcp' }) as const;

  it('provisioned over X1, asks over Xk and hands over on HI2 and HI3; a restart knows it all', async () => {
    const [monitor, keys] = [await lemf(), await kms()];
    const json = config({ xk: { url: `https://kms.home1.example:${keys.port}` }, revealSecrets: true });
    let df = await startDf(dfConfig(json), runtime);
    cleanups.push(() => df.stop());
    const x1 = await home.admf('df', df.x1.port);
    await provision(x1, monitor.hi2.port, monitor.hi3.port);
    const ports = { x1: df.x1.port, x2x3: df.x2x3.port };
    await df.stop();
    const again = structuredClone(json);
    again['x2x3'] = { port: ports.x2x3 };
    const events: DfEvent[] = [];
    df = await startDf(dfConfig(again), runtime, (event) => events.push(event));

    const { delivery, report } = pointOfInterception(ports.x2x3);
    for (const step of call()) report('x2', ...step);
    for (let n = 0; n < 20; n++) report('x3', new Uint8Array(172).fill(n), DIRECTION.toTarget);
    expect(await delivery.drain(10_000)).toBe(true);
    expect(await df.settle(10_000)).toBe(true);

    expect(keys.asked).toHaveLength(1);
    const keyRecords = vector().keys.cryptoSessions.length;
    const count = (type: DfEvent['type']) => events.filter((event) => event.type === type).length;
    expect([count('received'), count('asked'), count('keys'), count('record')]).toEqual([
      24,
      1,
      1,
      24 + keyRecords,
    ]);
    for (const { tek } of vector().keys.cryptoSessions) expect(JSON.stringify(events)).not.toContain(tek);
    const received = (kind: string) =>
      deliveredOf(path.join(folder, 'lemf', `${kind}.ber`)).map(({ header }) => header.sequenceNumber);
    expect(received('hi2')).toEqual([...Array(4 + vector().keys.cryptoSessions.length).keys()]);
    expect(received('hi3')).toEqual([...Array(20).keys()]);
    const recorded = (name: string) =>
      new Deframer().push(new Uint8Array(readFileSync(path.join(folder, 'out', name)))).map(decodePdu);
    expect(recorded('x2.bin').map((pdu) => pdu.payload)).toEqual(call().map(([payload]) => payload));
    expect(recorded('x3.bin')).toHaveLength(20);
    expect(JSON.parse(readFileSync(path.join(folder, 'out/xk/001.json'), 'utf8'))).toMatchObject({
      status: 200,
      request: { xid: XID, targetKmsIdentity: vector().uri.i },
      response: { verified: true },
    });
  });

  it('a warrant that ends while the LEMF is away: its destination stays until all is delivered', async () => {
    const paths = Object.fromEntries(
      ['store', 'audit'].map((name) => [name, path.join(folder, `away.${name}`)]),
    );
    const json = config(paths);
    json['x1'] = { ...(json['x1'] as object), store: path.join(folder, 'away-tasks.sqlite') };
    const df = await startDf(dfConfig(json), runtime);
    cleanups.push(() => df.stop());
    const x1 = await home.admf('df', df.x1.port);
    await provision(x1, 2, 3);
    const { delivery, report } = pointOfInterception(df.x2x3.port);
    for (let n = 0; n < 5; n++) report('x3', new Uint8Array(172).fill(n), DIRECTION.toTarget);
    expect(await delivery.drain(10_000)).toBe(true);
    await x1.request({ type: 'DeactivateTask', xid: XID });
    // What HI2 has to take is that the warrant began and ended.
    for (const did of [HI2, HI3]) {
      await expect(x1.request({ type: 'RemoveDestination', did })).rejects.toMatchObject({
        error: { code: 7010 },
      });
    }
    const { hi2, hi3 } = await lemf();
    for (const [did, deliveryType, port] of [
      [HI2, 'X2Only', hi2.port],
      [HI3, 'X3Only', hi3.port],
    ] as const) {
      await x1.request({ type: 'ModifyDestination', destination: { did, deliveryType, address: tcp(port) } });
    }
    expect(await df.settle(10_000)).toBe(true);
    for (const did of [HI2, HI3]) await x1.request({ type: 'RemoveDestination', did });
  });

  it('writes no keys into its records unless secrets are to be revealed', async () => {
    const out = path.join(folder, 'quiet');
    const paths = {
      x1: { ...(config()['x1'] as object), store: path.join(folder, 'quiet-tasks.sqlite') },
      store: path.join(folder, 'quiet.sqlite'),
      audit: path.join(folder, 'quiet.log'),
      recordInto: out,
    };
    const df = await startDf(dfConfig(config(paths)), runtime);
    await df.stop();
    expect(existsSync(path.join(out, 'x2.bin'))).toBe(true);
    expect(existsSync(path.join(out, 'xk'))).toBe(false);
  });

  it.each([
    [
      'a key of another certificate',
      () => ({ tls: { ...files.df, privateKey: files.lemf!.privateKey } }),
      /another certificate/,
    ],
    ['no certificate', () => ({ tls: { ...files.df, certificate: '/nonexistent' } }), /cannot read/],
  ])('R-57: with %s it does not start', async (_name, changes, message) => {
    await expect(startDf(dfConfig(config(changes())), runtime)).rejects.toThrow(message);
  });

  it.each([
    ['Xk without TLS', { xk: { url: 'http://kms.home1.example' } }, /https/],
    ['a misspelt setting', { recordINto: 'x' }, /no such setting/],
    [
      'a country of three letters',
      { name: { countryCode: 'DEU', operator: 'a', element: 'b' } },
      /countryCode/,
    ],
    ['an operator too long', { name: { countryCode: 'DE', operator: 'toolong', element: 'b' } }, /operator/],
    [
      'an element too long',
      { name: { countryCode: 'DE', operator: 'a', element: 'b'.repeat(17) } },
      /element/,
    ],
  ])('refuses a configuration with %s', (_name, changes, message) => {
    expect(() => dfConfig(config(changes))).toThrow(message);
  });
});
