/** A DF of three processes, in whose streams is what none of them has laid there: it holds nothing up, and is told of. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { utf8 } from '../../../src/bytes/octets.ts';
import { dfProcessConfig } from '../../../src/entities/df/config.ts';
import type { DfRole } from '../../../src/entities/df/config.ts';
import { startRoles } from '../../../src/entities/df/start-roles.ts';
import { StreamServer } from '../../../src/storage/jetstream.ts';
import { deliveredOf } from '../../support/handed-over.ts';
import { elementRuntime as runtime } from '../../support/elements.ts';
import { missingNats, NatsServer } from '../../support/nats-server.ts';
import { callToLemf } from './call-to-lemf.ts';
import { TestPoi } from './support.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-df-nonsense-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** That of the task's LEMF, and one that nobody has. */
const [DID, UNKNOWN] = ['00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-0000000000ff'];
const PLACES: Readonly<Record<string, readonly string[]>> = {
  x2: ['x2.0', 'x2.1', 'x2.refused', 'x2.999', 'x2.nobody'],
  x3: ['x3.0', 'x3.1', 'x3.999'],
  lease: ['lease.mediation-0', 'lease.member-x', 'lease.nobody'],
  hi2: [`hi2.${DID}`, `hi2.${UNKNOWN}`, 'hi2.nobody'],
  hi3: [`hi3.${DID}`, `hi3.${UNKNOWN}`],
  lemf: [
    `told.${DID}`,
    `told.${UNKNOWN}`,
    `lemf.${UNKNOWN}`,
    'lemf.nobody',
    `raised.${UNKNOWN}`,
    'raised.nobody',
  ],
  delivery: [`delivery.${UNKNOWN}`, 'delivery.member-x', 'delivery.nobody'],
  refused: ['refused.pdu', 'refused.nobody'],
};
/** Of a task that nobody has. */
const pdu = new TestPoi(runtime.clock).x3(Uint8Array.of(1), undefined, UNKNOWN).octets;
const OCTETS: readonly Uint8Array[] = [
  new Uint8Array(),
  Uint8Array.of(0),
  new Uint8Array(300).fill(0xff),
  utf8('{"did":7,"host":null}'),
  utf8('null'),
  // One that is whole, and one that ends within.
  pdu,
  pdu.subarray(0, -3),
];
const HEADERS: readonly Readonly<Record<string, string>>[] = [
  {},
  {
    'Claviger-Peer': '%E0%A4%A',
    'Claviger-Reason': '%',
    'Claviger-Holder': '%',
    'Claviger-Liid': '%',
    'Claviger-Interface': 'hi9',
    'Claviger-Pdus': '-1e9',
    'Claviger-Did': '%',
    'Claviger-Writer': '1 2',
  },
  {
    'Claviger-Peer': 'x'.repeat(3_000),
    'Claviger-Holder': 'x',
    'Claviger-Liid': 'LIID-1',
    'Claviger-Interface': 'hi2',
    'Claviger-Pdus': '3',
    'Claviger-Did': UNKNOWN,
    'Claviger-Writer': '0 1 1',
  },
];

describe.skipIf(missingNats())('R-68: nonsense in the streams of a DF', () => {
  it('holds up nothing that comes before it or after it', { timeout: 120_000 }, async () => {
    const nats = await NatsServer.own();
    onTestFinished(() => nats.remove());
    const chain = await callToLemf(folder);
    onTestFinished(() => chain.stop());
    const start = async (role: DfRole) => {
      const file = (name: string): string => path.join(folder, `${role}.${name}`);
      const { store, x1, ...others } = chain.settings;
      const own =
        role === 'mediation' ? { store, x1 } : { store: file('db'), x1: { ...x1, store: file('tasks') } };
      const streams = { ...nats.settings('df1'), partitions: 2, leaseMs: 3_000 };
      const settings = { ...others, ...own, audit: file('jsonl'), roles: [role], streams };
      const running = await startRoles(dfProcessConfig(settings), runtime);
      onTestFinished(() => running.stop());
      return running;
    };
    const mediation = await start('mediation');
    const [{ x2x3 }, delivery] = [await start('intake'), await start('delivery')];
    const received = (kind: string): number => deliveredOf(path.join(folder, 'lemf', `${kind}.ber`)).length;
    await chain.report(x2x3?.port ?? 0, 20, () => undefined);
    await expect.poll(() => received('hi3')).toBe(20);

    const stranger = await StreamServer.connect(nats.access, runtime);
    onTestFinished(() => stranger.close());
    const laid = Object.entries(PLACES).flatMap(([name, subjects]) =>
      subjects.flatMap((subject) =>
        OCTETS.flatMap((octets) =>
          HEADERS.map(async (headers) => {
            await stranger.publish(`df1-${name}`, `df1.${subject}`, octets, { headers });
          }),
        ),
      ),
    );
    // Subjects to which nobody delivers take so many messages.
    for (const outcome of await Promise.allSettled(laid))
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'full' });

    await chain.report(x2x3?.port ?? 0, 60, () => undefined);
    await expect.poll(() => [received('hi2'), received('hi3')]).toEqual([1, 80]);
    expect(await mediation.operation.unready()).toEqual([]);
    expect(await delivery.operation.unready()).toEqual([]);
    const told = (await mediation.operation.state()).alarms.map(({ text }) => text);
    expect(told).toContainEqual(expect.stringContaining(' is set aside: '));
    await expect.poll(async () => (await stranger.counts('df1-hi2', `df1.hi2.${DID}`)).size).toBe(0);
  });
});
