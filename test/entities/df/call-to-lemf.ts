/**
 * A call by the whole of its way: a point of interception reports it over X2 and X3 to a DF, whatever that consists of, and
 * a LEMF has it in files. So much must hold however often parts of the DF are killed: numbers are 0…n−1, and n is what X2
 * and X3 carried.
 */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { startLemf } from '../../../src/entities/lemf/start.ts';
import { systemClock, systemRandom } from '../../../src/host/runtime.ts';
import { fromHex, toHex } from '../../../src/bytes/octets.ts';
import type { PsPdu } from '../../../src/wire/hi/ps-pdu.ts';
import { DIRECTION } from '../../../src/wire/x2x3/pdu.ts';
import { STREAM_LIMITS } from '../../../src/net/connections.ts';
import { loadTls } from '../../../src/net/tls.ts';
import type { TlsFiles } from '../../../src/net/tls.ts';
import type { TaskStore } from '../../../src/x1/task-changes.ts';
import { deliveredOf } from '../../support/handed-over.ts';
import { roleCertificates } from '../../support/role-certificates.ts';
import { silent } from '../../support/silent.ts';
import { interceptionPoint } from './interception-point.ts';
import { provisionApart, provisionDf, provisionStore, startKeySource } from './provisioned.ts';
import { call, LEG, vector } from './support.ts';

const clock = systemClock();
const runtime = { clock, random: systemRandom(), logger: silent };

export interface CallToLemf {
  /** Of a DF whose stores are files; its task is in them. */
  readonly settings: {
    readonly store: string;
    readonly x1: Readonly<Record<string, unknown>>;
    readonly [name: string]: unknown;
  };
  /** The same task in another store. */
  provision(store: Pick<TaskStore, 'commit'>): Promise<void>;
  /**
   * Reports a call of so many packets.
   * @param port where the DF listens
   * @param after called after each packet; what it gives is waited for
   * @param calls that are reported side by side; default one
   */
  report(port: number, packets: number, after: (n: number) => unknown, calls?: number): Promise<void>;
  /** Waits until all of it is there, and looks whether it is. */
  arrived(packets: number): Promise<void>;
  /** The same of so many calls, whatever CINs they have. */
  allArrived(packets: number, calls: number): Promise<void>;
  /** PDUs of HI3 that the LEMF has now. */
  received(): number;
  stop(): Promise<void>;
}

/** Packets after which each of the call's messages is sent. */
const STEPS: readonly number[] = [50, 100, 200, 350];

/** @param apart HI2 and HI3 have a destination each */
export async function callToLemf(folder: string, { apart = false } = {}): Promise<CallToLemf> {
  const files = await roleCertificates(folder, clock.now(), ['df', 'kms', 'cscf', 'lemf']);
  const kms = await startKeySource(files.kms, runtime);
  const anyPort = { address: '127.0.0.1', port: 0, connections: STREAM_LIMITS };
  const lemf = await startLemf(
    {
      hi2: anyPort,
      hi3: anyPort,
      tls: files.lemf,
      folder: path.join(folder, 'lemf'),
      recoverAfter: 1,
    },
    runtime,
  );
  const tasks = path.join(folder, 'tasks.sqlite');
  if (apart) await provisionApart(tasks, { hi2: lemf.hi2.port, hi3: lemf.hi3.port }, 'LIID-1');
  else await provisionDf(tasks, lemf.hi2.port, 'LIID-1');
  const settings = {
    x1: {
      identifier: 'df.home1.example',
      listen: {},
      admf: { identifier: 'admf.home1.example', url: 'https://admf.home1.example:1/X1/ADMF' },
      store: tasks,
    },
    x2x3: { port: 0 },
    tls: files.df,
    hosts: { 'kms.home1.example': '127.0.0.1', 'admf.home1.example': '127.0.0.1' },
    store: path.join(folder, 'df.sqlite'),
    audit: path.join(folder, 'audit.log'),
    name: { countryCode: 'DE', operator: 'home1', element: 'df.home1' },
    xk: { url: `https://kms.home1.example:${kms.port}` },
    handover: { acknowledgeDelay: 20, retryFirst: 20, retryMost: 50 },
  };
  return {
    settings,
    provision: (store) => provisionStore(store, lemf.hi2.port, 'LIID-1'),
    report: (port, packets, after, calls = 1) => report(files.cscf, port, packets, after, calls),
    arrived: (packets) => arrived(folder, packets),
    allArrived: (packets, calls) => allArrived(folder, packets, calls),
    received: () => deliveredOf(path.join(folder, 'lemf', 'hi3.ber')).length,
    stop: async () => {
      await lemf.stop();
      await kms.close();
    },
  };
}

async function report(
  files: TlsFiles,
  port: number,
  packets: number,
  after: (n: number) => unknown,
  calls: number,
): Promise<void> {
  const timing = { busyKeepaliveMs: 30, firstPauseMs: 20, longestPauseMs: 50 };
  const point = interceptionPoint({ tls: loadTls(files, clock.now()), port, timing });
  const legs = [...Array(calls).keys()].map((c) => ({ ...LEG, callId: c === 0 ? LEG.callId : `call ${c}` }));
  const steps = new Map(STEPS.map((packet, i) => [packet, i]));
  for (let n = 0; n < packets; n++) {
    const step = steps.get(n);
    for (const [c, leg] of legs.entries()) {
      if (step !== undefined) point.report('x2', ...call(leg)[step]!, leg.callId);
      const payload = fromHex(`8008${hex(n)}${hex(c)}${'00'.repeat(166)}`);
      point.report('x3', payload, DIRECTION.toTarget, leg.callId);
    }
    await sleep(4);
    await after(n);
  }
  expect(await point.delivery.drain(20_000)).toBe(true);
  point.delivery.stop();
}

async function arrived(folder: string, packets: number): Promise<void> {
  const received = (kind: 'hi2' | 'hi3'): PsPdu[] => deliveredOf(path.join(folder, 'lemf', `${kind}.ber`));
  const iri = STEPS.length + vector().keys.cryptoSessions.length;
  for (let i = 0; i < 200 && (received('hi2').length < iri || received('hi3').length < packets); i++)
    await sleep(50);
  const numbers = (kind: 'hi2' | 'hi3') => received(kind).map(({ header }) => header.sequenceNumber);
  expect(numbers('hi3')).toEqual([...Array(packets).keys()]);
  expect(numbers('hi2')).toEqual([...Array(iri).keys()]);
  const all = [...received('hi2'), ...received('hi3')];
  expect(new Set(all.map(({ header }) => header.cin))).toEqual(new Set([1]));
  const payloads = received('hi3').map(({ payload }) => textOf(payload));
  payloads.forEach((payload, n) => expect(payload).toContain(`8008${hex(n)}`));
}

async function allArrived(folder: string, packets: number, calls: number): Promise<void> {
  const received = (kind: 'hi2' | 'hi3'): PsPdu[] => deliveredOf(path.join(folder, 'lemf', `${kind}.ber`));
  const iri = STEPS.length + vector().keys.cryptoSessions.length;
  for (let i = 0; i < 1_800; i++) {
    const isThere = received('hi2').length >= iri * calls && received('hi3').length >= packets * calls;
    if (isThere) break;
    await sleep(50);
  }
  const byCin = (kind: 'hi2' | 'hi3'): Map<number | undefined, PsPdu[]> => {
    const calls = new Map<number | undefined, PsPdu[]>();
    for (const pdu of received(kind)) calls.set(pdu.header.cin, [...(calls.get(pdu.header.cin) ?? []), pdu]);
    return calls;
  };
  const numbers = (pdus: readonly PsPdu[]) =>
    pdus.map(({ header }) => header.sequenceNumber).sort((a, b) => a - b);
  expect([byCin('hi2').size, byCin('hi3').size]).toEqual([calls, calls]);
  for (const [kind, count] of [
    ['hi2', iri],
    ['hi3', packets],
  ] as const) {
    const all = byCin(kind);
    for (const pdus of all.values()) expect(numbers(pdus)).toEqual([...Array(count).keys()]);
  }
  const which = [...byCin('hi3').values()].map((pdus) => {
    const texts = pdus
      .toSorted((a, b) => a.header.sequenceNumber - b.header.sequenceNumber)
      .map(({ payload }) => textOf(payload));
    const [, c = ''] = /80080000(.{4})/.exec(texts[0] ?? '') ?? [];
    texts.forEach((text, n) => expect(text).toContain(`8008${hex(n)}${c}`));
    return c;
  });
  expect(new Set(which).size).toBe(calls);
}

function textOf(payload: PsPdu['payload']): string {
  return JSON.stringify(payload, (_key, value: unknown) =>
    value instanceof Uint8Array ? toHex(value) : value,
  );
}

function hex(n: number): string {
  return n.toString(16).padStart(4, '0');
}
