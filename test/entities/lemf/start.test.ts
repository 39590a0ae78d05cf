import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { lemfConfig } from '../../../src/entities/lemf/config.ts';
import { HandoverServer } from '../../../src/entities/lemf/listeners/handover-server.ts';
import { startLemf } from '../../../src/entities/lemf/start.ts';
import { recoverFolder } from '../../../src/entities/lemf/store/recovery.ts';
import type { LemfConfig } from '../../../src/entities/lemf/config.ts';
import type { RunningLemf } from '../../../src/entities/lemf/start.ts';
import { systemClock, systemRandom } from '../../../src/host/runtime.ts';
import { LabPki } from '../../../src/lab/network/pki.ts';
import type { LemfEvent } from '../../../src/entities/lemf/ports.ts';
import { LiveTls } from '../../../src/net/live-tls.ts';
import { loadTls, secureContext } from '../../../src/net/tls.ts';
import type { TlsFiles } from '../../../src/net/tls.ts';
import { deliveredOf, transportOf } from '../../support/handed-over.ts';
import { delivered, InterceptedCall, LIID } from './call.ts';
import { DeliveringDf, LEMF_HOST } from './delivering-df.ts';
import { askableKms } from './kms.ts';
import { bundle } from '../../support/bundle.ts';
import type { Bundle } from '../../support/bundle.ts';
import { askOracle, compileOracle, TIME_TO_COMPILE, withoutOracle } from '../../support/asn1-oracle.ts';
import { silent } from '../../support/silent.ts';

const root = mkdtempSync(path.join(tmpdir(), 'claviger-lemf-'));
const clock = systemClock();
const runtime = { clock, random: systemRandom(), logger: silent };

let files: Record<'df' | 'lemf' | 'cscf' | 'kms' | 'stranger', TlsFiles>;
const cleanups: (() => Promise<void> | void)[] = [];
let folders = 0;

beforeAll(async () => {
  const pki = await LabPki.create(path.join(root, 'pki'), clock.now());
  const issue = (role: 'df' | 'lemf' | 'cscf' | 'kms') =>
    pki.issue({
      commonName: `${role}.home1.example`,
      dnsNames: [`${role}.home1.example`],
      roles: [role],
    });
  const other = await LabPki.create(path.join(root, 'other'), clock.now());
  files = {
    df: await issue('df'),
    lemf: await issue('lemf'),
    cscf: await issue('cscf'),
    kms: await issue('kms'),
    stranger: await other.issue({ commonName: 'df.home1.example', dnsNames: [], roles: ['df'] }),
  };
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => rmSync(root, { recursive: true }));

function newConfig(extra: object = {}): LemfConfig {
  const folder = path.join(root, `lemf-${folders++}`);
  return lemfConfig({ tls: files.lemf, folder, ...extra });
}

function pathsOf(folder: string): { hi2: string; hi3: string } {
  return { hi2: path.join(folder, 'hi2.ber'), hi3: path.join(folder, 'hi3.ber') };
}

async function lemfOf(config: LemfConfig): Promise<{ lemf: RunningLemf; events: LemfEvent[] }> {
  const events: LemfEvent[] = [];
  const lemf = await startLemf(config, runtime, (event) => events.push(event));
  cleanups.push(() => lemf.stop());
  return { lemf, events };
}

async function openDf(connectMs?: number): Promise<DeliveringDf> {
  const df = await DeliveringDf.open(files.df, connectMs);
  cleanups.push(() => df.close());
  return df;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const limit = clock.now() + 30_000;
  while (!(await condition())) {
    if (clock.now() > limit) throw new Error('it did not happen within 30 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function stored(folder: string, kind: 'hi2' | 'hi3'): number[] {
  return deliveredOf(path.join(folder, `${kind}.ber`)).map(({ header }) => header.sequenceNumber);
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
const ports = (lemf: RunningLemf) => ({ hi2: lemf.hi2.port, hi3: lemf.hi3.port });

describe('HI2 and HI3 over mutual TLS', () => {
  it('a call is delivered, stored once, acknowledged, told of, and recovered live as from the files (R-7, R-13)', async () => {
    const out = path.join(root, 'live');
    const config = newConfig({ recoverInto: out, recoverAfter: 200 });
    const { lemf, events } = await lemfOf(config);
    const df = (await openDf()).at(ports(lemf));
    df.manager.start();
    const call = new InterceptedCall();
    await df.append([...call.signalling, ...call.keys, ...call.content]);
    await until(() => df.empty());
    expect(stored(config.folder, 'hi2')).toEqual(numbers(8));
    expect(stored(config.folder, 'hi3')).toEqual(numbers(call.content.length));
    expect(statSync(path.join(config.folder, 'hi2.ber')).mode & 0o777).toBe(0o600);
    const keyEvents = events.filter(
      (event) => event.type === 'record' && event.event === 'decryptionKeysAvailable',
    );
    expect(keyEvents.map((event) => event.type === 'record' && event.csIds)).toEqual([[1], [2]]);
    expect(events.filter(({ type }) => type === 'content')).toHaveLength(2);

    await until(() => events.some(({ type }) => type === 'recovered'));
    const later = path.join(root, 'later');
    const report = recoverFolder(pathsOf(config.folder), later);
    expect(report.calls[0]?.recovered).toBe(true);
    const names = ['recover.json', ...(report.calls[0]?.streams ?? []).map(({ file }) => file ?? '')];
    expect(names).toHaveLength(3);
    for (const name of names) {
      expect(readFileSync(path.join(later, name))).toEqual(readFileSync(path.join(out, name)));
      expect(statSync(path.join(out, name)).mode & 0o777).toBe(0o600);
    }
  });

  it('R-73: a call that comes later is recovered by itself; what was recovered before stays as it is', async () => {
    const out = path.join(root, 'one-by-one');
    const config = newConfig({ recoverInto: out, recoverAfter: 100 });
    const { lemf, events } = await lemfOf(config);
    const df = (await openDf()).at(ports(lemf));
    df.manager.start();
    const recoveredFiles = () =>
      events.flatMap((event) => (event.type === 'recovered' && event.files.length > 0 ? [event] : []));
    const made = (name: string) => statSync(path.join(out, name)).ino;
    const [first, second] = [1, 2].map((cin) => new InterceptedCall('exchange-1.json', { cin, packets: 10 }));
    // The keys come after the content, and in a look of their own.
    await df.append([...first!.signalling, ...first!.content]);
    await until(() => events.some(({ type }) => type === 'recovered'));
    expect(recoveredFiles()).toEqual([]);
    await df.append(first!.keys);
    await until(() => recoveredFiles().length > 0);
    const [before] = recoveredFiles();
    expect(before).toMatchObject({ calls: 1, recoveredCalls: 1 });
    const places = before!.files.map(made);
    await df.append([...second!.signalling, ...second!.keys, ...second!.content]);
    await until(() => recoveredFiles().at(-1)?.recoveredCalls === 2);
    expect(before!.files.map(made)).toEqual(places);
    for (const event of recoveredFiles().slice(1)) {
      for (const file of event.files) expect(file).toContain('-cin2-');
    }
    const { calls } = recoverFolder(pathsOf(config.folder), path.join(root, 'both'));
    const text = readFileSync(path.join(out, 'recover.json'), 'utf8');
    expect((JSON.parse(text) as unknown as { calls: unknown }).calls).toEqual(calls);
  });

  it('R-14: a running LEMF asks the KMS for keys that do not come, and recovers the call with them', async () => {
    const kms = await askableKms(files.kms, [LEMF_HOST]);
    cleanups.push(() => kms.close());
    await kms.allow(LEMF_HOST, LIID);
    const out = path.join(root, 'asked');
    const xk = { url: kms.url, hosts: kms.hosts };
    const config = newConfig({ recoverInto: out, recoverAfter: 100, xk });
    const { lemf, events } = await lemfOf(config);
    const df = (await openDf()).at(ports(lemf));
    df.manager.start();
    const call = new InterceptedCall();
    await df.append([...call.signalling, call.failure, ...call.content]);
    await until(() => events.some((event) => event.type === 'recovered' && event.recoveredCalls === 1));
    expect(kms.audit.of('get-keys')).toMatchObject([{ outcome: 'answered', lemf: LEMF_HOST, liid: LIID }]);
    const { calls } = recoverFolder(pathsOf(config.folder), path.join(root, 'asked-later'));
    expect(calls[0]).toMatchObject({ recovered: true, keysAsked: 2 });
    const told = JSON.parse(readFileSync(path.join(out, 'recover.json'), 'utf8')) as { calls: unknown };
    expect(told.calls).toEqual(calls);
  });

  it('R-73: where recovery cannot write, the LEMF receives as ever', async () => {
    const out = path.join(root, 'not-a-folder');
    writeFileSync(out, '');
    const config = newConfig({ recoverInto: out, recoverAfter: 1 });
    const { lemf } = await lemfOf(config);
    const df = (await openDf()).at(ports(lemf));
    df.manager.start();
    const call = new InterceptedCall('exchange-1.json', { packets: 10 });
    for (const record of call.content) {
      await df.append([record]);
      await until(() => df.empty());
    }
    expect(stored(config.folder, 'hi3')).toEqual(numbers(call.content.length));
  });

  it.skipIf(withoutOracle())(
    'an independent ASN.1 compiler accepts all that a LEMF has stored',
    async () => {
      await compileOracle();
      const config = newConfig();
      const { lemf } = await lemfOf(config);
      const df = (await openDf()).at(ports(lemf));
      df.manager.start();
      const call = new InterceptedCall('exchange-1.json', { packets: 10 });
      await df.append([...call.signalling, ...call.keys, call.failure, ...call.content]);
      await until(() => df.empty());
      for (const [kind, count] of [
        ['hi2', 9],
        ['hi3', 20],
      ] as const) {
        const file = path.join(config.folder, `${kind}.ber`);
        const { status, stderr, pdus } = askOracle(file);
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
        expect(pdus).toHaveLength(count + transportOf(file).length);
        expect(transportOf(file).slice(0, 2)).toEqual(['optionRequest', 'optionComplete']);
        expect(deliveredOf(file)).toHaveLength(count);
      }
    },
    TIME_TO_COMPILE,
  );

  it('a destination that is not a LEMF, or bears another name, gets nothing', async () => {
    const impostor = lemfConfig({ tls: files.cscf, folder: path.join(root, 'impostor') });
    const { lemf } = await lemfOf(impostor);
    const df = (await openDf()).at(ports(lemf));
    df.manager.start();
    await df.append([new InterceptedCall().failure]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(df.manager.ready('hi2')).toBe(false);
    expect(stored(impostor.folder, 'hi2')).toEqual([]);
    expect(df.empty()).toBe(false);
  });

  it.each(['cscf', 'stranger'] as const)(
    'a client that is no delivery function of ours is refused: %s',
    async (who) => {
      const { lemf, events } = await lemfOf(newConfig());
      const tls = {
        ...loadTls(files[who], clock.now()),
        authorities: loadTls(files.df, clock.now()).authorities,
      };
      const socket = connect({
        ...secureContext(tls, 'TLSv1.2'),
        port: lemf.hi2.port,
        host: '127.0.0.1',
        servername: LEMF_HOST,
      });
      socket.on('error', () => undefined);
      const [pdu] = delivered([new InterceptedCall().failure]);
      socket.on('secureConnect', () => socket.write(pdu!));
      await once(socket, 'close');
      expect(events).toEqual([]);
    },
  );

  it('R-73: a peer that asks and does not read the answers is closed', async () => {
    let closed = false;
    const server = new HandoverServer({
      ...{ address: '127.0.0.1', port: 0 },
      admission: { roles: ['df'], names: ['df.home1.example'] },
      kind: 'hi2',
      tls: new LiveTls(loadTls(files.lemf, clock.now())),
      // More answers at once than anybody asks for.
      acceptor: {
        accept: (channel) => ({
          received: () => channel.send(new Uint8Array(32 << 20)),
          closed: () => (closed = true),
        }),
      },
      logger: silent,
    });
    const port = await server.start();
    cleanups.push(() => server.stop());
    const tls = secureContext(loadTls(files.df, clock.now()), 'TLSv1.2');
    const socket = connect({ ...tls, port, host: '127.0.0.1', servername: LEMF_HOST });
    socket.on('error', () => undefined);
    // Nobody listens for 'data': nothing is read.
    socket.once('secureConnect', () => socket.write('?'));
    await until(() => closed);
    socket.destroy();
  });

  it('a peer that breaks the protocol is closed, and what was stored before stays', async () => {
    const config = newConfig();
    const { lemf } = await lemfOf(config);
    const socket = connect({
      ...secureContext(loadTls(files.df, clock.now()), 'TLSv1.2'),
      port: lemf.hi3.port,
      host: '127.0.0.1',
      servername: LEMF_HOST,
    });
    socket.on('error', () => undefined);
    const [pdu] = delivered([new InterceptedCall().failure]);
    socket.once('secureConnect', () =>
      socket.write(Buffer.concat([pdu!, Buffer.from('GET / HTTP/1.1\r\n\r\n')])),
    );
    socket.resume();
    await once(socket, 'close');
    expect(stored(config.folder, 'hi2')).toEqual([0]);
  });
});

describe('a LEMF that is away or dies', () => {
  it('one that takes the connection and says nothing is given up and tried again', async () => {
    let connections = 0;
    const mute = createServer((socket) => {
      connections++;
      socket.on('error', () => undefined);
      cleanups.push(() => void socket.destroy());
    });
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => void mute.close());
    const { port } = mute.address() as AddressInfo;
    const df = (await openDf(50)).at({ hi2: port, hi3: port });
    df.manager.start();
    await until(() => connections > 4);
    expect(df.manager.ready('hi2')).toBe(false);
  });

  it('what waits is delivered when it comes back, in order, without gap or copy', async () => {
    const config = newConfig();
    const first = await startLemf(config, runtime);
    const df = (await openDf()).at(ports(first));
    df.manager.start();
    const call = new InterceptedCall();
    await df.append(call.signalling);
    await until(() => df.empty());
    await first.stop();
    await df.append([...call.keys, ...call.content]);
    const { lemf } = await lemfOf(config);
    df.at(ports(lemf));
    await until(() => df.empty());
    expect(stored(config.folder, 'hi2')).toEqual(numbers(8));
    expect(stored(config.folder, 'hi3')).toEqual(numbers(call.content.length));
  });

  describe('as a process of its own, killed (SIGKILL) in mid-call, again and again', () => {
    let program: Bundle;
    beforeAll(async () => {
      program = await bundle('test/entities/lemf/process.ts');
    });
    afterAll(() => program.remove());

    async function start(config: LemfConfig): Promise<{ child: ChildProcess; hi2: number; hi3: number }> {
      const file = path.join(root, `config-${folders++}.json`);
      const { recoverInto: _none, ...json } = config;
      writeFileSync(file, JSON.stringify(json));
      const child = spawn(process.execPath, [program.file, file], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      return { child, ...(JSON.parse(line.toString()) as { hi2: number; hi3: number }) };
    }

    it('sequence numbers per LIID and CIN are 0…n−1 without gap or copy, and the call is recovered', async () => {
      const config = newConfig();
      const call = new InterceptedCall('exchange-1.json', { packets: 400 });
      const df = await openDf();
      let running = await start(config);
      df.at(running);
      df.manager.start();
      await df.append([...call.signalling.slice(0, 5), ...call.keys]);
      const content = call.content;
      for (let at = 0; at < content.length; at += 10) {
        await df.append(content.slice(at, at + 10));
        if (at % 200 === 100) {
          await until(() => statSync(path.join(config.folder, 'hi3.ber')).size > at * 100);
          running.child.kill('SIGKILL');
          await once(running.child, 'exit');
          running = await start(config);
          df.at(running);
        }
      }
      await df.append(call.signalling.slice(5));
      await until(() => df.empty());
      running.child.kill('SIGTERM');
      await once(running.child, 'exit');
      expect(stored(config.folder, 'hi2')).toEqual(numbers(8));
      expect(stored(config.folder, 'hi3')).toEqual(numbers(content.length));
      const { calls } = recoverFolder(pathsOf(config.folder), path.join(root, 'killed'));
      expect(calls.map(({ recovered, streams }) => [recovered, streams.length])).toEqual([[true, 2]]);
    });
  });
});

describe('the configuration of a LEMF', () => {
  it.each([
    [{}, /tls/],
    [{ tls: { certificate: 'a', privateKey: 'b', authorities: 'c' } }, /folder/],
    [
      { tls: { certificate: 'a', privateKey: 'b', authorities: 'c' }, folder: 'x', port: 1 },
      /port: no such setting/,
    ],
  ])('%j', (json, message) => expect(() => lemfConfig(json)).toThrow(message));
});
