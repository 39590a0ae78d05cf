import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startDelivery } from '../../../src/entities/df/start-delivery.ts';
import { filesAt } from '../../../src/entities/df/start-stores.ts';
import type { RunningDelivery } from '../../../src/entities/df/start-delivery.ts';
import { startLemf } from '../../../src/entities/lemf/start.ts';
import type { RunningLemf } from '../../../src/entities/lemf/start.ts';
import { systemClock, systemRandom } from '../../../src/host/runtime.ts';
import { toHex } from '../../../src/bytes/octets.ts';
import { LabPki } from '../../../src/lab/network/pki.ts';
import { TaskTable } from '../../../src/x1/tasks.ts';
import type { PsPdu } from '../../../src/wire/hi/ps-pdu.ts';
import { DIRECTION } from '../../../src/wire/x2x3/pdu.ts';
import { HostMap } from '../../../src/net/hosts.ts';
import { LiveTls } from '../../../src/net/live-tls.ts';
import type { Role, TlsFiles, TlsMaterial } from '../../../src/net/tls.ts';
import { loadTls } from '../../../src/net/tls.ts';
import { deliveredOf } from '../../support/handed-over.ts';
import { call, Issues, TestKms, vector, XID } from './support.ts';
import { silent } from '../../support/silent.ts';
import { STREAM_LIMITS } from '../../../src/net/connections.ts';
import { interceptionPoint } from './interception-point.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-delivery-'));
const clock = systemClock();
const runtime = { clock, random: systemRandom(), logger: silent };
const HI2 = '00000000-0000-4000-8000-000000000002';
const HI3 = '00000000-0000-4000-8000-000000000003';

class AllIssues extends Issues {
  raised(did: string, description: string): void {
    this.log.push(`${did}: ${description}`);
  }
  cleared(did: string): void {
    this.log.push(`${did}: cleared`);
  }
  lostWithRemoved(did: string, description: string): void {
    this.log.push(`${did}: ${description}`);
  }
}

/** A table as X1 would have filled it, without its store. */
function tableOf(): Promise<TaskTable> {
  return TaskTable.open(clock, {
    load: () => Promise.resolve({ tasks: [], destinations: [] }),
    commit: () => Promise.resolve(),
  });
}

describe('Delivery function between points of interception and a LEMF, over TLS', () => {
  const files: Partial<Record<Role, TlsFiles>> = {};
  const material = (role: Role): TlsMaterial => loadTls(files[role]!, clock.now());
  const cleanups: (() => Promise<void> | void)[] = [];
  let count = 0;

  beforeAll(async () => {
    const pki = await LabPki.create(path.join(folder, 'pki'), clock.now());
    for (const role of ['df', 'cscf', 'lemf'] as const) {
      const commonName = `${role}.home1.example`;
      files[role] = await pki.issue({ commonName, dnsNames: [commonName], roles: [role] });
    }
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function network() {
    const base = path.join(folder, String(++count));
    const hosts = new HostMap();
    const issues = new AllIssues();
    const kms = new TestKms();
    const dfTable = await tableOf();
    const tls = { df: new LiveTls(material('df')), cscf: new LiveTls(material('cscf')) };
    const state: { lemf: RunningLemf | null; df: RunningDelivery | null; ports: [number, number, number] } = {
      lemf: null,
      df: null,
      ports: [0, 0, 0],
    };
    const startL = async (): Promise<void> => {
      const listen = (port: number) => ({ address: '127.0.0.1', port, connections: STREAM_LIMITS });
      state.lemf = await startLemf(
        {
          hi2: listen(state.ports[0]),
          hi3: listen(state.ports[1]),
          tls: files.lemf!,
          folder: path.join(base, 'lemf'),
          recoverAfter: 1000,
        },
        runtime,
      );
      state.ports = [state.lemf.hi2.port, state.lemf.hi3.port, state.ports[2]];
    };
    const startD = async (): Promise<void> => {
      state.df = await startDelivery(
        {
          listen: { address: '127.0.0.1', port: state.ports[2] },
          ...filesAt(path.join(folder, `df-${count}.sqlite`), runtime.clock),
          tls: tls.df,
          hosts,
          name: { countryCode: 'DE', operator: 'home1', element: 'df.home1' },
          table: dfTable,
          keys: kms,
          issues,
          handover: { retryFirst: 30, retryMost: 60, acknowledgeDelay: 20 },
          keyTiming: { firstPauseMs: 20, longestPauseMs: 50 },
        },
        runtime,
      );
      state.ports[2] = state.df.x2x3.port;
    };
    const stopL = async (): Promise<void> => {
      await state.lemf?.stop();
      state.lemf = null;
    };
    const stopD = async (): Promise<void> => {
      await state.df?.stop();
      state.df = null;
    };
    await startL();
    await startD();
    cleanups.push(stopL, stopD);
    const tcp = (port: number) =>
      ({ kind: 'ipAddressAndPort', address: '127.0.0.1', port, transport: 'tcp' }) as const;
    await dfTable.createDestination({ did: HI2, deliveryType: 'X2Only', address: tcp(state.ports[0]) });
    await dfTable.createDestination({ did: HI3, deliveryType: 'X3Only', address: tcp(state.ports[1]) });
    const task = {
      xid: XID,
      targets: [{ name: 'sipUri', value: vector().uri.i }],
      deliveryType: 'X2andX3',
      dids: [HI2, HI3],
      mediation: [{ liid: 'LIID-1', deliveryType: 'HI2andHI3', dids: [] }],
    } as const;
    await dfTable.activate(task);
    const timing = { busyKeepaliveMs: 20, firstPauseMs: 20, longestPauseMs: 40 };
    const point = interceptionPoint({ tls: tls.cscf, port: state.ports[2], timing, issues });
    const { delivery, report: observe } = point;
    cleanups.push(() => delivery.stop());
    const received = (kind: 'hi2' | 'hi3'): PsPdu[] => deliveredOf(path.join(base, 'lemf', `${kind}.ber`));
    return { kms, observe, received, delivery, state, tls, startL, startD, stopL, stopD };
  }

  const rtp = (n: number): Uint8Array =>
    Uint8Array.of(0x80, 8, n >> 8, n & 255, 0, 0, 0, n, 1, 2, 3, 4, 0x55);

  function numbers(pdus: readonly PsPdu[]): number[] {
    return pdus.map(({ header }) => header.sequenceNumber);
  }

  it('R-1 R-7 R-13 R-20: a call arrives whole: signalling, keys and content, numbered without gap', async () => {
    const { observe, received, delivery, state } = await network();
    for (const [payload, direction] of call()) observe('x2', payload, direction);
    for (let n = 0; n < 100; n++)
      observe('x3', rtp(n), n % 2 === 0 ? DIRECTION.toTarget : DIRECTION.fromTarget);
    expect(await delivery.drain(10_000)).toBe(true);
    expect(await state.df!.settle(10_000)).toBe(true);
    const { cryptoSessions } = vector().keys;
    expect(numbers(received('hi2'))).toEqual([...Array(4 + cryptoSessions.length).keys()]);
    expect(numbers(received('hi3'))).toEqual([...Array(100).keys()]);
    const keys = received('hi2').flatMap(keysIn);
    expect(
      keys.map(({ csId, key, salt }) => [
        toHex(csId),
        toHex(key.expose()),
        toHex(salt?.expose() ?? new Uint8Array()),
      ]),
    ).toEqual(cryptoSessions.map(({ csId, tek, salt }) => [csId.toString(16).padStart(2, '0'), tek, salt]));
  });

  it('R-23: LEMF and DF away in turn, in mid-call: nothing is lost or doubled', async () => {
    const { observe, received, delivery, state, startL, startD, stopL, stopD, kms } = await network();
    const steps = call();
    let n = 0;
    const media = (packets: number): void => {
      for (let i = 0; i < packets; i++) observe('x3', rtp(n++), DIRECTION.toTarget);
    };
    observe('x2', ...steps[0]!);
    media(30);
    await stopL();
    observe('x2', ...steps[1]!);
    media(30);
    await stopD();
    observe('x2', ...steps[2]!);
    media(30);
    await startD();
    media(30);
    await startL();
    observe('x2', ...steps[3]!);
    media(30);
    expect(await delivery.drain(20_000)).toBe(true);
    expect(await state.df!.settle(20_000)).toBe(true);
    expect(kms.asked.length).toBeGreaterThanOrEqual(1);
    expect(numbers(received('hi3'))).toEqual([...Array(150).keys()]);
    expect(numbers(received('hi2'))).toEqual([...Array(4 + vector().keys.cryptoSessions.length).keys()]);
    expect(new Set(received('hi3').map(({ header }) => header.cin))).toEqual(new Set([1]));
  });

  it('R-94: certificates of a new authority in mid-call: streams stand, and later ones go under them; nothing is lost or doubled', async () => {
    const { observe, received, delivery, state, tls, startL, startD, stopL, stopD } = await network();
    const steps = call();
    const old = { ...files };
    let n = 0;
    const media = (packets: number): void => {
      for (let i = 0; i < packets; i++) observe('x3', rtp(n++), DIRECTION.toTarget);
    };
    const all = async (): Promise<void> => {
      expect(await delivery.drain(30_000)).toBe(true);
      expect(await state.df!.settle(30_000)).toBe(true);
    };
    const fingerprint = (at: TlsMaterial): string => new X509Certificate(at.certificate).fingerprint256;
    observe('x2', ...steps[0]!);
    media(20);
    await all();

    const renewed = await LabPki.create(path.join(folder, 'renewed'), clock.now(), 'New');
    const both = path.join(folder, 'both.pem');
    for (const role of ['df', 'cscf', 'lemf'] as const) {
      const commonName = `${role}.home1.example`;
      const own = await renewed.issue({ commonName, dnsNames: [commonName], roles: [role] });
      files[role] = { ...own, authorities: both };
    }
    writeFileSync(
      both,
      readFileSync(old.df!.authorities, 'utf8') + readFileSync(renewed.authorities, 'utf8'),
    );
    // All trust both authorities, then each shows the new one's certificate: as they are told, in any order.
    const live = { df: tls.df, cscf: tls.cscf, lemf: state.lemf!.operation.tls };
    for (const role of ['df', 'cscf', 'lemf'] as const)
      live[role].replace(loadTls({ ...old[role]!, authorities: both }, clock.now()));
    for (const role of ['lemf', 'cscf', 'df'] as const) {
      observe('x2', ...steps[['lemf', 'cscf', 'df'].indexOf(role) + 1]!);
      media(10);
      live[role].replace(material(role));
      media(10);
    }
    await all();
    // Only a connection that is made anew shows them.
    const connections = state.df!.parts.intake.bounds!.open;
    expect(connections).toBe(1);
    await stopL();
    media(20);
    await startL();
    await stopD();
    media(20);
    await startD();
    media(20);
    await all();
    for (const role of ['df', 'cscf'] as const)
      expect(fingerprint(tls[role])).toBe(fingerprint(material(role)));
    expect(numbers(received('hi3'))).toEqual([...Array(n).keys()]);
    expect(numbers(received('hi2'))).toEqual([...Array(4 + vector().keys.cryptoSessions.length).keys()]);
    Object.assign(files, old);
  });
});

function keysIn({ payload }: PsPdu) {
  if (payload.kind !== 'iri') return [];
  return payload.records.flatMap(({ contents }) =>
    contents.kind === 'eps' ? (contents.record.keys ?? []) : [],
  );
}
