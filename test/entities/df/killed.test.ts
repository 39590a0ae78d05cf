/** The delivery function killed by SIGKILL in mid-call, again and again, as a process of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { startLemf } from '../../../src/entities/lemf/start.ts';
import { systemClock, systemRandom } from '../../../src/host/runtime.ts';
import { fromHex, toHex } from '../../../src/bytes/octets.ts';
import type { PsPdu } from '../../../src/wire/hi/ps-pdu.ts';
import { DIRECTION } from '../../../src/wire/x2x3/pdu.ts';
import { loadTls } from '../../../src/net/tls.ts';
import { deliveredOf } from '../../support/handed-over.ts';
import { provisionDf, startKeySource } from './provisioned.ts';
import { call, vector } from './support.ts';
import { bundle, run } from '../../support/process.ts';
import { roleCertificates } from '../../support/role-certificates.ts';
import { silent } from '../../support/silent.ts';
import { STREAM_LIMITS } from '../../../src/net/connections.ts';
import { interceptionPoint } from './interception-point.ts';
import { tear } from './store/torn.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-df-killed-'));
afterAll(() => rmSync(folder, { recursive: true }));
const clock = systemClock();
const runtime = { clock, random: systemRandom(), logger: silent };
/** 200 kills take minutes: they are for whoever changes how the DF keeps what it was given. */
const isSlow = process.env['CLAVIGER_SLOW'] !== undefined;
const PACKETS = isSlow ? 8_200 : 400;
/** Numbers of packets after which it is killed. */
const KILLS = isSlow ? Array.from({ length: 200 }, (_, n) => 70 + 40 * n) : [70, 103, 205];

describe('Delivery function under SIGKILL', { timeout: isSlow ? 1_800_000 : 60_000 }, () => {
  it('R-23: loses and doubles nothing: numbers are 0…n−1, and n is what X2 and X3 carried', async () => {
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
    await provisionDf(path.join(folder, 'tasks.sqlite'), lemf.hi2.port, 'LIID-1');
    const config = {
      x1: {
        identifier: 'df.home1.example',
        listen: {},
        admf: { identifier: 'admf.home1.example', url: 'https://admf.home1.example:1/X1/ADMF' },
        store: path.join(folder, 'tasks.sqlite'),
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
    const file = path.join(folder, 'df.json');
    const script = await bundle('test/entities/df/process.ts');
    const start = async () => {
      writeFileSync(file, JSON.stringify(config));
      const df = await run<{ x2x3: number }>(script, file);
      config.x2x3.port = df.ready.x2x3;
      return df;
    };
    let df = await start();

    const timing = { busyKeepaliveMs: 30, firstPauseMs: 20, longestPauseMs: 50 };
    const tls = loadTls(files.cscf, clock.now());
    const { delivery, report } = interceptionPoint({ tls, port: df.ready.x2x3, timing });
    const steps = new Map([50, 100, 200, 350].map((packet, i) => [packet, call()[i]!]));
    const kills = new Set(KILLS);
    let killing: Promise<void> = Promise.resolve();
    for (let n = 0; n < PACKETS; n++) {
      const step = steps.get(n);
      if (step !== undefined) report('x2', ...step);
      report('x3', fromHex(`8008${n.toString(16).padStart(4, '0')}${'00'.repeat(168)}`), DIRECTION.toTarget);
      if (kills.has(n)) {
        killing = killing.then(async () => {
          await df.kill();
          tear(config.store, n);
          df = await start();
        });
      }
      await new Promise((resolve) => setTimeout(resolve, 4));
      // So that there is something under way at each.
      if (isSlow) await killing;
    }
    await killing;
    expect(await delivery.drain(20_000)).toBe(true);

    const received = (kind: 'hi2' | 'hi3'): PsPdu[] => deliveredOf(path.join(folder, 'lemf', `${kind}.ber`));
    const iri = steps.size + vector().keys.cryptoSessions.length;
    for (let i = 0; i < 200 && (received('hi2').length < iri || received('hi3').length < PACKETS); i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const numbers = (kind: 'hi2' | 'hi3') => received(kind).map(({ header }) => header.sequenceNumber);
    expect(numbers('hi3')).toEqual([...Array(PACKETS).keys()]);
    expect(numbers('hi2')).toEqual([...Array(iri).keys()]);
    expect(new Set([...received('hi2'), ...received('hi3')].map(({ header }) => header.cin))).toEqual(
      new Set([1]),
    );
    const packets = received('hi3').map(({ payload }) =>
      JSON.stringify(payload, (_key, value: unknown) => (value instanceof Uint8Array ? toHex(value) : value)),
    );
    packets.forEach((packet, n) => expect(packet).toContain(`8008${n.toString(16).padStart(4, '0')}`));

    delivery.stop();
    await df.kill();
    await lemf.stop();
    await kms.close();
  });
});
