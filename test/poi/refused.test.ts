/** PDUs that a destination refuses by closing the connection, over real connections. */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createServer } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { mutualServer } from '../../src/net/tls.ts';
import type { TlsMaterial } from '../../src/net/tls.ts';
import { SetAsideFile, setAsideBeside } from '../../src/storage/set-aside.ts';
import { ATTRIBUTE } from '../../src/wire/x2x3/attributes.ts';
import { Deframer } from '../../src/wire/x2x3/deframer.ts';
import type { Pdu } from '../../src/wire/x2x3/pdu.ts';
import { decodePdu, encodePdu, keepalivePdu, numberAttribute, PDU_TYPE } from '../../src/wire/x2x3/pdu.ts';
import { deliveringPoi, DID, elements, TASK } from './delivery.ts';

const OTHER_TASK = { ...TASK, xid: '11111111-0000-4000-8000-000000000002' };
const WAIT = { timeout: 30_000, interval: 10 };

describe('R-68: a destination that refuses PDUs', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-refused-'));
  const cleanups: (() => Promise<void> | void)[] = [];
  let df: TlsMaterial;
  let cscf: TlsMaterial;

  beforeAll(async () => {
    ({ df, cscf } = await elements(folder, ['df', 'cscf']));
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** A DF that closes the connection where `refuses` says so, and takes each number of a task once. */
  async function picky(refuses: (pdu: Pdu) => boolean) {
    const taken = new Map<string, string>();
    const state = { refuses, connections: 0, taken };
    const server = createServer(mutualServer(df), (socket) => {
      state.connections++;
      const deframer = new Deframer();
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => {
        for (const frame of deframer.push(chunk)) {
          if (socket.destroyed) return;
          const pdu = decodePdu(frame);
          const number = numberAttribute(pdu, ATTRIBUTE.sequenceNumber) ?? 0;
          if (state.refuses(pdu)) socket.destroy();
          else if (pdu.type === PDU_TYPE.keepalive) {
            socket.write(encodePdu(keepalivePdu(PDU_TYPE.keepaliveAck, number)));
          } else taken.set(`${pdu.xid.slice(-1)} ${number}`, pdu.xid);
        }
      });
      cleanups.push(() => void socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => void server.close());
    return Object.assign(state, { port: (server.address() as AddressInfo).port });
  }

  function interceptionPoint(port: number, name: string) {
    const file = setAsideBeside(path.join(folder, name));
    const setAside = new SetAsideFile(file);
    const point = deliveringPoi({ tls: cscf, host: '127.0.0.1', port, setAside });
    cleanups.push(async () => {
      point.delivery.stop();
      await setAside.close();
    });
    /** Payloads begin with their mark. */
    const report = (marks: readonly number[], task = TASK): void => {
      for (const mark of marks) point.report(new Uint8Array(200).fill(mark), task);
    };
    return { ...point, report, setAside, file };
  }

  const isPoison = (pdu: Pdu) => pdu.payload[0] === 66;
  const order = (taken: ReadonlyMap<string, string>, task: number) =>
    [...taken.keys()].filter((key) => key.startsWith(`${task} `)).map((key) => Number(key.slice(2)));

  it('a PDU that is refused twice is set aside, counted, reported and kept, and the rest goes on in order', async () => {
    const target = await picky(isPoison);
    const { poi, delivery, report, log, setAside, file } = interceptionPoint(target.port, 'one');
    report(Array.from({ length: 300 }, (_, n) => (n === 170 ? 66 : 0)));
    report([0, 0, 0], OTHER_TASK);
    expect(await delivery.drain(30_000)).toBe(true);
    expect(order(target.taken, 1)).toEqual([...Array(300).keys()].filter((n) => n !== 170));
    expect(order(target.taken, 2)).toEqual([0, 1, 2]);
    expect(delivery.setAside).toBe(1);
    expect(poi.lost).toBe(0);
    expect(log.filter((line) => line.includes('refused twice'))).toEqual([
      expect.stringContaining(`${TASK.xid} a PDU`),
    ]);
    expect(log.at(-1)).toBe('cleared');
    const kept = await setAside.list();
    expect(kept).toMatchObject([{ reference: 'x2', did: DID, subject: TASK.xid }]);
    expect(isPoison(decodePdu(kept[0]!.octets))).toBe(true);
    expect(statSync(file).mode & 0o077).toBe(0);
  });

  it('several in a row, at the head and at the end, are set aside, and those only', async () => {
    const target = await picky(isPoison);
    const { delivery, report } = interceptionPoint(target.port, 'several');
    report([66, 66, 66, 0, 66, 0, 66]);
    await expect.poll(() => order(target.taken, 1), WAIT).toEqual([3, 5]);
    // The last is a suspect until another PDU is taken.
    report([0]);
    expect(await delivery.drain(30_000)).toBe(true);
    expect(order(target.taken, 1)).toEqual([3, 5, 7]);
    expect(delivery.setAside).toBe(5);
  });

  it('what is refused alone while nothing else waits is kept, and taken once the destination takes it', async () => {
    const target = await picky(isPoison);
    const { delivery, report, file } = interceptionPoint(target.port, 'alone');
    report([66]);
    await expect.poll(() => target.connections, WAIT).toBeGreaterThan(6);
    expect(delivery.setAside).toBe(0);
    target.refuses = () => false;
    expect(await delivery.drain(30_000)).toBe(true);
    expect(existsSync(file)).toBe(false);
  });

  async function losesNothing(refuses: (pdu: Pdu) => boolean): Promise<void> {
    const target = await picky(refuses);
    const { poi, delivery, report } = interceptionPoint(target.port, 'dead');
    report([0, 0, 66, 0, 0]);
    await expect.poll(() => target.connections, WAIT).toBeGreaterThan(20);
    expect(delivery.setAside).toBe(0);
    expect(poi.open(DID).waiting).toBe(5);
    target.refuses = () => false;
    expect(await delivery.drain(30_000)).toBe(true);
    // One that came to itself between suspect and control gets the suspect after it.
    expect(order(target.taken, 1).sort()).toEqual([0, 1, 2, 3, 4]);
    expect(delivery.setAside).toBe(0);
  }

  it('a destination that refuses each PDU loses nothing', async () => {
    await losesNothing((pdu) => pdu.type === PDU_TYPE.x2);
  });

  it('a destination that refuses everything loses nothing', async () => {
    await losesNothing(() => true);
  });

  it('a connection that is lost once, whatever was under way, makes nobody a suspect for good', async () => {
    let once = true;
    const target = await picky((pdu) => isPoison(pdu) && once && !(once = false));
    const { delivery, report } = interceptionPoint(target.port, 'once');
    report([0, 0, 66, 0]);
    expect(await delivery.drain(30_000)).toBe(true);
    expect(order(target.taken, 1)).toEqual([0, 1, 2, 3]);
    expect(delivery.setAside).toBe(0);
  });
});

describe('PDUs that are set aside', () => {
  it('are bounded in number and octets, the oldest go first, and are there after a restart', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'claviger-set-aside-'));
    const file = path.join(folder, 'x.set-aside.db');
    const pdu = { reference: 'x3', did: DID, subject: 'x', reason: 'refused twice' } as const;
    let store = new SetAsideFile(file, { pdus: 3, octets: 1000 });
    for (let n = 0; n < 5; n++) await store.keep({ ...pdu, octets: Uint8Array.of(n) }, n);
    expect((await store.list()).map(({ octets }) => octets[0])).toEqual([2, 3, 4]);
    expect(store.forgotten).toBe(2);
    await store.close();
    store = new SetAsideFile(file, { pdus: 3, octets: 1000 });
    await store.keep({ ...pdu, octets: new Uint8Array(999) }, 5);
    expect((await store.list()).map(({ time }) => time)).toEqual([4, 5]);
    await store.close();
    rmSync(folder, { recursive: true });
  });
});
