import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect, createServer } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/host/runtime.ts';
import type { Clock } from '../../src/bytes/ports.ts';
import { LabPki } from '../../src/lab/network/pki.ts';
import { ATTRIBUTE } from '../../src/wire/x2x3/attributes.ts';
import { Deframer } from '../../src/wire/x2x3/deframer.ts';
import {
  decodePdu,
  encodePdu,
  keepalivePdu,
  numberAttribute,
  PAYLOAD_FORMAT,
  PDU_TYPE,
} from '../../src/wire/x2x3/pdu.ts';
import type { Pdu } from '../../src/wire/x2x3/pdu.ts';
import type { TlsMaterial } from '../../src/net/tls.ts';
import { loadTls, mutualServer, secureContext } from '../../src/net/tls.ts';
import type { X2X3Timing } from '../../src/poi/x2x3-client.ts';
import type { ReceivedPdu, X2X3Consumer } from '../../src/entities/df/listeners/x2x3-server.ts';
import { X2X3Server } from '../../src/entities/df/listeners/x2x3-server.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { silent } from '../support/silent.ts';
import { samplePdu } from '../wire/x2x3/support.ts';
import { deliveringPoi, DID, elements, TASK } from './delivery.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-x2x3-'));
const clock = systemClock();

/** Keeps what it accepts; `gate` holds it up, `failing` makes it fail. */
class Consumer implements X2X3Consumer {
  readonly accepted: ReceivedPdu[] = [];
  readonly refusals: string[] = [];
  gate: Promise<void> | null = null;
  failing = false;

  async accept(batch: readonly ReceivedPdu[]): Promise<void> {
    if (this.gate !== null) await this.gate;
    if (this.failing) throw new Error('disk is full');
    this.accepted.push(...batch);
  }

  refused(_octets: Uint8Array, reason: string): void {
    this.refusals.push(reason);
  }

  get numbers(): (number | null)[] {
    return this.accepted.map(({ pdu }) => numberAttribute(pdu, ATTRIBUTE.sequenceNumber));
  }
}

describe('X2 and X3 over TLS', () => {
  let tls: Record<'df' | 'cscf' | 'gateway' | 'lemf', TlsMaterial>;
  let stranger: TlsMaterial;
  const cleanups: (() => Promise<void> | void)[] = [];

  beforeAll(async () => {
    tls = await elements(folder, ['df', 'cscf', 'gateway', 'lemf']);
    const other = await LabPki.create(path.join(folder, 'other'), clock.now());
    const files = await other.issue({ commonName: 'cscf.home1.example', dnsNames: [], roles: ['cscf'] });
    stranger = loadTls(files, clock.now());
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function serve(
    consumer: X2X3Consumer,
    port = 0,
  ): Promise<{ port: number; stop: () => Promise<void> }> {
    const server = new X2X3Server({
      admission: { roles: ['cscf', 'gateway'], names: ['cscf.home1.example', 'gateway.home1.example'] },
      address: '127.0.0.1',
      port,
      tls: tls.df,
      consumer,
      clock,
      logger: silent,
    });
    const bound = await server.start();
    let stopped = false;
    const stop = async (): Promise<void> => {
      if (!stopped) await server.stop();
      stopped = true;
    };
    cleanups.push(stop);
    return { port: bound, stop };
  }

  function pointOfInterception(
    host: string,
    port: number,
    material = tls.cscf,
    timing: X2X3Timing = {},
    poiClock: Clock = clock,
  ) {
    const point = deliveringPoi({ tls: material, host, port, timing, clock: poiClock });
    cleanups.push(() => point.delivery.stop());
    const report = (count: number): void => {
      for (let i = 0; i < count; i++) point.report(new Uint8Array(1200).fill(i));
    };
    return { ...point, report };
  }

  it('PDUs arrive once and in order, and the queue empties when they are acknowledged', async () => {
    const consumer = new Consumer();
    const { port } = await serve(consumer);
    const { delivery, report, poi } = pointOfInterception('df.home1.example', port);
    report(500);
    expect(await delivery.drain(10_000)).toBe(true);
    expect(consumer.numbers).toEqual([...Array(500).keys()]);
    expect(poi.open(DID).waiting).toBe(0);
  });

  it('a destination given by address is known by its role', async () => {
    const consumer = new Consumer();
    const { port } = await serve(consumer);
    const { delivery, report } = pointOfInterception('127.0.0.1', port);
    report(3);
    expect(await delivery.drain(10_000)).toBe(true);
  });

  it('nothing is acknowledged before it is durable', async () => {
    const consumer = new Consumer();
    let open = (): void => undefined;
    consumer.gate = new Promise((resolve) => (open = resolve));
    const { port } = await serve(consumer);
    const { delivery, report, poi } = pointOfInterception('df.home1.example', port);
    report(5);
    expect(await delivery.drain(300)).toBe(false);
    expect(poi.open(DID).waiting).toBe(5);
    open();
    expect(await delivery.drain(10_000)).toBe(true);
    expect(consumer.numbers).toEqual([0, 1, 2, 3, 4]);
  });

  it('while the DF is away PDUs wait, the trouble is reported, and they come when it is back', async () => {
    const first = new Consumer();
    const { port, stop } = await serve(first);
    const { delivery, report, log } = pointOfInterception('df.home1.example', port);
    report(10);
    expect(await delivery.drain(10_000)).toBe(true);
    await stop();
    report(10);
    expect(await delivery.drain(200)).toBe(false);
    expect(log.length).toBe(1);
    const second = new Consumer();
    await serve(second, port);
    expect(await delivery.drain(10_000)).toBe(true);
    expect(second.numbers).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    expect(log[1]).toBe('cleared');
  });

  it('R-78: what waited for a destination that is removed is reported as lost, and counts as that', async () => {
    const hand = new ManualClock();
    const { poi, delivery, report, log } = pointOfInterception('127.0.0.1', 1, tls.cscf, {}, hand);
    report(3);
    delivery.close(DID);
    expect(poi.lost).toBe(0);
    await hand.pass(10_000);
    await expect.poll(() => poi.lost).toBe(3);
    expect(log.filter((line) => line.includes('3 PDUs that waited for it are lost'))).toHaveLength(1);
    // One to which no connection ever was, and one for which nothing waits.
    report(2);
    delivery.close(DID);
    delivery.close(DID);
    expect(poi.lost).toBe(5);
    expect(log.at(-1)).toContain('2 PDUs that waited for it are lost');
  });

  it('R-78: what a removed destination takes in the time that is left is not lost', async () => {
    const consumer = new Consumer();
    const { port } = await serve(consumer);
    const { poi, delivery, report, log } = pointOfInterception('df.home1.example', port);
    report(4);
    delivery.close(DID);
    await expect.poll(() => consumer.accepted.length).toBe(4);
    await expect.poll(() => log.filter((line) => line.includes('lost'))).toEqual([]);
    expect(poi.lost).toBe(0);
  });

  it('what a DF that stops did not store is sent again', async () => {
    const consumer = new Consumer();
    consumer.failing = true;
    const { port, stop } = await serve(consumer);
    const { delivery, report } = pointOfInterception('df.home1.example', port);
    report(4);
    expect(await delivery.drain(200)).toBe(false);
    await stop();
    consumer.failing = false;
    await serve(consumer, port);
    expect(await delivery.drain(10_000)).toBe(true);
    expect(consumer.numbers).toEqual([0, 1, 2, 3]);
    expect(delivery.setAside).toBe(0);
  });

  it('R-68: a DF that cannot store keeps the connection, and nobody takes that for a refusal', async () => {
    const consumer = new Consumer();
    consumer.failing = true;
    const { port } = await serve(consumer);
    const { delivery, report, log } = pointOfInterception('df.home1.example', port);
    report(4);
    expect(await delivery.drain(600)).toBe(false);
    consumer.failing = false;
    expect(await delivery.drain(30_000)).toBe(true);
    expect(consumer.numbers).toEqual([0, 1, 2, 3]);
    expect(log).toEqual([]);
  });

  it('a client without the role, and one of another authority, deliver nothing', async () => {
    const consumer = new Consumer();
    const { port } = await serve(consumer);
    for (const material of [tls.lemf, stranger]) {
      const { delivery, report, log } = pointOfInterception('127.0.0.1', port, material);
      report(1);
      expect(await delivery.drain(300)).toBe(false);
      await expect.poll(() => log.length).toBeGreaterThan(0);
    }
    expect(consumer.accepted).toEqual([]);
  });

  it('a destination that is no DF gets nothing', async () => {
    const consumer = new Consumer();
    const server = new X2X3Server({
      admission: { roles: ['cscf', 'gateway'], names: ['cscf.home1.example', 'gateway.home1.example'] },
      address: '127.0.0.1',
      port: 0,
      tls: tls.lemf,
      consumer,
      clock,
      logger: silent,
    });
    const port = await server.start();
    cleanups.push(() => server.stop());
    const { delivery, report } = pointOfInterception('127.0.0.1', port);
    report(1);
    expect(await delivery.drain(200)).toBe(false);
    expect(consumer.accepted).toEqual([]);
  });

  /** A TLS listener that notes keepalives, and answers them if it is to. */
  async function listener(answers: boolean) {
    const keepalives: (number | null)[] = [];
    let [ended, pdus] = [0, 0];
    const server = createServer(mutualServer(tls.df), (socket) => {
      const deframer = new Deframer();
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => {
        for (const frame of deframer.push(chunk)) {
          const pdu = decodePdu(frame);
          if (pdu.type !== PDU_TYPE.keepalive) {
            pdus++;
            continue;
          }
          const number = numberAttribute(pdu, ATTRIBUTE.sequenceNumber);
          keepalives.push(number);
          if (answers) socket.write(encodePdu(keepalivePdu(PDU_TYPE.keepaliveAck, number ?? 0)));
        }
      });
      socket.once('close', () => ended++);
      cleanups.push(() => void socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => void server.close());
    return { keepalives, pdus: () => pdus, ended: () => ended, port: (server.address() as AddressInfo).port };
  }

  it('a keepalive goes out with the connection, and every 60 s while nothing waits', async () => {
    const { keepalives, port } = await listener(true);
    const manual = new ManualClock();
    const { delivery } = pointOfInterception('df.home1.example', port, tls.cscf, {}, manual);
    await expect.poll(() => keepalives).toEqual([0]);
    for (const number of [1, 2, 3]) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      manual.advance(59_999);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(keepalives.at(-1)).toBe(number - 1);
      manual.advance(1);
      await expect.poll(() => keepalives.at(-1)).toBe(number);
    }
    expect(await delivery.drain(0)).toBe(true);
  });

  it('R-21: copies are gathered before they are sent, for some milliseconds or until they are many', async () => {
    const consumer = new Consumer();
    const { port } = await serve(consumer);
    const manual = new ManualClock();
    const { delivery, poi, report } = pointOfInterception('df.home1.example', port, tls.cscf, {}, manual);
    await expect.poll(() => delivery.destinations()[0]?.isUp).toBe(true);
    const queue = poi.open(DID);
    report(3);
    manual.advance(99);
    expect(queue.underWay).toBe(0);
    manual.advance(1);
    expect(queue.underWay).toBe(3);
    report(63);
    expect(queue.underWay).toBe(3);
    report(1);
    // With what else comes in the turn.
    expect(queue.underWay).toBe(3);
    await Promise.resolve();
    expect(queue.underWay).toBeGreaterThan(3);
    await expect.poll(() => consumer.numbers).toEqual([...Array(67).keys()]);
  });

  it('R-20: of many each few hundred are acknowledged at once, and need not be kept until a keepalive is due', async () => {
    const consumer = new Consumer();
    const { port } = await serve(consumer);
    const manual = new ManualClock();
    const { delivery, poi, report } = pointOfInterception('df.home1.example', port, tls.cscf, {}, manual);
    await expect.poll(() => delivery.destinations()[0]?.isUp).toBe(true);
    report(2000);
    await expect.poll(() => poi.open(DID).waiting).toBeLessThan(256 + 64);
    expect(consumer.numbers.length).toBeGreaterThan(2000 - 256 - 64);
  });

  it('R-20: who does not acknowledge is asked so often and no more, however much there is', async () => {
    const { keepalives, pdus, port } = await listener(false);
    const manual = new ManualClock();
    const { delivery, report } = pointOfInterception('df.home1.example', port, tls.cscf, {}, manual);
    await expect.poll(() => delivery.destinations().length).toBe(1);
    await expect.poll(() => keepalives).toEqual([0]);
    report(7040);
    await expect.poll(pdus).toBe(7040);
    expect(keepalives.length).toBe(16);
  });

  it('without acknowledgement for 180 s: disconnected, reported, connected again', async () => {
    const { keepalives, ended, port } = await listener(false);
    const manual = new ManualClock();
    const timing = { acknowledgementMs: 180_000, firstPauseMs: 200 };
    const { log } = pointOfInterception('df.home1.example', port, tls.cscf, timing, manual);
    await expect.poll(() => keepalives).toEqual([0]);
    manual.advance(179_999);
    expect(log).toEqual([]);
    manual.advance(1);
    expect(log).toEqual(['no acknowledgement for 180000 ms']);
    await expect.poll(() => ended()).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const before = keepalives.length;
    manual.advance(200);
    await expect.poll(() => keepalives.length).toBe(before + 1);
  });

  it('a destination that takes the connection and says nothing is given up and tried again', async () => {
    let connections = 0;
    const mute = createTcpServer((socket) => {
      connections++;
      socket.on('error', () => undefined);
      cleanups.push(() => void socket.destroy());
    });
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => void mute.close());
    const { port } = mute.address() as AddressInfo;
    const { log } = pointOfInterception('df.home1.example', port, tls.cscf, { connectMs: 50 });
    await expect.poll(() => connections).toBeGreaterThan(2);
    expect(log).toEqual(['no connection within 50 ms']);
  });

  it('a POI that is silent for 180 s is disconnected', async () => {
    const manual = new ManualClock();
    const server = new X2X3Server({
      admission: { roles: ['cscf', 'gateway'], names: ['cscf.home1.example', 'gateway.home1.example'] },
      ...{ address: '127.0.0.1', port: 0, tls: tls.df, logger: silent },
      consumer: new Consumer(),
      clock: manual,
    });
    const port = await server.start();
    cleanups.push(() => server.stop());
    const socket = connect({
      ...secureContext(tls.cscf, 'TLSv1.2'),
      host: '127.0.0.1',
      port,
      servername: 'df.home1.example',
    });
    socket.on('error', () => undefined);
    let closed = false;
    socket.once('close', () => (closed = true));
    socket.write(encodePdu(keepalivePdu(3, 0)));
    await new Promise((resolve) => socket.once('data', resolve));
    manual.advance(179_999);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(closed).toBe(false);
    manual.advance(1);
    await expect.poll(() => closed).toBe(true);
  });

  it('what ended connections have brought is taken in, within a bound, while nothing can be stored', async () => {
    const consumer = new Consumer();
    let open = (): void => undefined;
    consumer.gate = new Promise((resolve) => (open = resolve));
    const { port } = await serve(consumer);
    const pdu = samplePdu({ payload: new Uint8Array(1_000 << 10) });
    for (let connection = 0; connection < 5; connection++) {
      const socket = connect({
        ...secureContext(tls.cscf, 'TLSv1.2'),
        ...{ host: '127.0.0.1', port, servername: 'df.home1.example' },
      });
      socket.on('error', () => undefined);
      for (let count = 0; count < 10; count++) socket.write(encodePdu(pdu));
      socket.end();
      await new Promise((resolve) => socket.once('close', resolve));
    }
    open();
    await expect.poll(() => consumer.accepted.length).toBeGreaterThanOrEqual(10);
    await new Promise((resolve) => setTimeout(resolve, 200));
    // One whole, and of the others what the consumer was about to take.
    expect(consumer.accepted.length).toBeLessThan(25);
  });

  it('a frame that is no PDU is reported and passed over; what follows still counts', async () => {
    const consumer = new Consumer();
    const { port } = await serve(consumer);
    const socket = connect({
      ...secureContext(tls.gateway, 'TLSv1.2'),
      host: '127.0.0.1',
      port,
      servername: 'df.home1.example',
    });
    cleanups.push(() => void socket.destroy());
    const strange = encodePdu({ ...keepalivePdu(3, 1), version: 0x0700 });
    const broken = encodePdu({
      ...keepalivePdu(3, 1),
      attributes: [{ kind: 'octets', type: 4711, value: Uint8Array.of(1) }],
    });
    broken[43] = 9;
    socket.write(strange);
    socket.write(broken);
    socket.write(encodePdu(keepalivePdu(3, 42)));
    const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
    expect(new Uint8Array(answer)).toEqual(encodePdu(keepalivePdu(4, 42)));
    expect(consumer.refusals).toHaveLength(2);
  });

  it('a POI that writes the version’s octets swapped, and a bare target, is understood', async () => {
    const consumer = new Consumer();
    const { port } = await serve(consumer);
    const socket = connect({
      ...secureContext(tls.cscf, 'TLSv1.2'),
      host: '127.0.0.1',
      port,
      servername: 'df.home1.example',
    });
    cleanups.push(() => void socket.destroy());
    const x2: Pdu = {
      ...keepalivePdu(3, 0),
      ...{ version: 0x0500, type: PDU_TYPE.x2, payloadFormat: PAYLOAD_FORMAT.sip, xid: TASK.xid },
      attributes: [{ kind: 'text', type: ATTRIBUTE.matchedTarget, value: 'sip:alice@home1.example' }],
      payload: Uint8Array.of(1, 2, 3),
    };
    socket.write(encodePdu(x2));
    socket.write(encodePdu({ ...keepalivePdu(3, 1), version: 0x0500 }));
    const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
    expect(new Uint8Array(answer)).toEqual(encodePdu(keepalivePdu(4, 1)));
    expect(consumer.refusals).toEqual([]);
    expect(consumer.accepted).toMatchObject([{ pdu: x2, peer: 'cscf.home1.example' }]);
  });

  it('a stream that cannot be cut into PDUs is closed', async () => {
    const { port } = await serve(new Consumer());
    const socket = connect({
      ...secureContext(tls.gateway, 'TLSv1.2'),
      host: '127.0.0.1',
      port,
      servername: 'df.home1.example',
    });
    cleanups.push(() => void socket.destroy());
    socket.on('error', () => undefined);
    socket.write(new Uint8Array(100));
    await new Promise<void>((resolve) => socket.once('close', () => resolve()));
    expect(socket.destroyed).toBe(true);
  });
});
