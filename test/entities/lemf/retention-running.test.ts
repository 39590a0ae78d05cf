/** A running LEMF whose operator has set that what it keeps of warrants ends: over TLS, in files, on the command line. */
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lemfConfig } from '../../../src/entities/lemf/config.ts';
import type { LemfConfig } from '../../../src/entities/lemf/config.ts';
import type { LemfEvent } from '../../../src/entities/lemf/ports.ts';
import { startLemf } from '../../../src/entities/lemf/start.ts';
import type { RunningLemf } from '../../../src/entities/lemf/start.ts';
import { recoverFolder } from '../../../src/entities/lemf/store/recovery.ts';
import { systemClock, systemRandom } from '../../../src/host/runtime.ts';
import { LabPki } from '../../../src/lab/network/pki.ts';
import { loadTls, secureContext } from '../../../src/net/tls.ts';
import type { TlsFiles } from '../../../src/net/tls.ts';
import { LI_PS_DOMAIN } from '../../../src/wire/hi/header.ts';
import { encodePsPdu } from '../../../src/wire/hi/ps-pdu.ts';
import { claviger } from '../../cli/in-process.ts';
import { silent } from '../../support/silent.ts';
import { delivered, InterceptedCall, notified } from './call.ts';

const root = mkdtempSync(path.join(tmpdir(), 'claviger-retention-'));
const clock = systemClock();
const HOST = 'lemf.home1.example';
let files: Record<'df' | 'lemf', TlsFiles>;
const running: RunningLemf[] = [];

beforeAll(async () => {
  const pki = await LabPki.create(path.join(root, 'pki'), clock.now());
  const issue = (role: 'df' | 'lemf') => {
    const name = `${role}.home1.example`;
    return pki.issue({ commonName: name, dnsNames: [name], roles: [role] });
  };
  files = { df: await issue('df'), lemf: await issue('lemf') };
});
afterAll(async () => {
  for (const each of running) await each.stop();
  rmSync(root, { recursive: true });
});

async function lemfOf(config: LemfConfig): Promise<{ lemf: RunningLemf; events: LemfEvent[] }> {
  const events: LemfEvent[] = [];
  const runtime = { clock, random: systemRandom(), logger: silent };
  const lemf = await startLemf(config, runtime, (event) => events.push(event));
  running.push(lemf);
  return { lemf, events };
}

const happens = (condition: () => boolean) => expect.poll(condition).toBe(true);

describe('R-90: retention', () => {
  /** PDUs from a delivery function, acknowledged. */
  async function send(lemf: RunningLemf, pdus: readonly Uint8Array[]): Promise<void> {
    const socket = connect({
      ...secureContext(loadTls(files.df, clock.now()), 'TLSv1.2'),
      port: lemf.hi2.port,
      host: '127.0.0.1',
      servername: HOST,
    });
    const header = { domainId: LI_PS_DOMAIN, liid: 'transport', operatorIdentifier: 'x', sequenceNumber: 0 };
    const message = { type: 'pduAcknowledgementRequest' } as const;
    socket.write(Buffer.concat([...pdus, encodePsPdu({ header, payload: { kind: 'tri', message } })]));
    await once(socket, 'data');
    socket.destroy();
  }

  it('records, keys, content, notifications and audio of a warrant go after its end, on record; those of others stay', async () => {
    const out = path.join(root, 'retained');
    const folder = path.join(root, 'lemf');
    const config = lemfConfig({ tls: files.lemf, folder, recoverInto: out, recoverAfter: 20, retention: 1 });
    const { lemf, events } = await lemfOf(config);
    const keying = { tek: 'a1'.repeat(16), salt: 'b2'.repeat(14), mki: 'c3'.repeat(8) };
    const gone = new InterceptedCall('exchange-1.json', { packets: 10, liid: 'LIID-GONE', keying });
    const stays = new InterceptedCall('exchange-1.json', { packets: 10, liid: 'LIID-STAYS' });
    const told = (kind: 'li-activated' | 'li-deactivated', time: number, number: number) =>
      notified([{ kind, liid: 'LIID-GONE', time, target: 'sip:alice@home1.example' }], number);
    const all = [gone, stays].flatMap((call) =>
      delivered([...call.signalling, ...call.keys, ...call.content]),
    );
    await send(lemf, [...told('li-activated', clock.now() - 1000, 0), ...all]);
    await happens(() => events.some((event) => event.type === 'recovered' && event.recoveredCalls === 2));
    const filesOf = (liid: string) => readdirSync(out).filter((name) => name.includes(liid));
    expect([filesOf('LIID-GONE').length, filesOf('LIID-STAYS').length]).toEqual([2, 2]);
    await send(lemf, told('li-deactivated', clock.now(), 1));
    const audit = path.join(config.folder, 'audit.jsonl');
    await happens(() => readFileSync(audit, 'utf8').includes('warrant-erased'));

    expect([filesOf('LIID-GONE').length, filesOf('LIID-STAYS').length]).toEqual([0, 2]);
    const text = readFileSync(path.join(out, 'recover.json'), 'utf8');
    expect(text).toContain('LIID-STAYS');
    expect(text).not.toContain('LIID-GONE');
    const hi2 = readFileSync(path.join(config.folder, 'hi2.ber'));
    for (const octets of [Buffer.from(keying.tek, 'hex'), 'LIID-GONE', 'sip:alice@home1.example"'])
      expect(hi2.includes(octets)).toBe(false);
    expect(readFileSync(path.join(config.folder, 'hi3.ber')).includes('LIID-GONE')).toBe(false);
    const { calls, notifications } = recoverFolder(
      { hi2: path.join(folder, 'hi2.ber'), hi3: path.join(folder, 'hi3.ber') },
      path.join(root, 'retained-later'),
    );
    expect(calls).toMatchObject([{ liid: 'LIID-STAYS', recovered: true }]);
    expect(notifications).toEqual([]);
    const lines = readFileSync(audit, 'utf8').trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { event: object }).event)).toMatchObject([
      { kind: 'retention-over', liid: 'LIID-GONE', source: 'df.home1.example', retention: 1 },
      { kind: 'warrant-erased', liid: 'LIID-GONE', iri: 8, cc: 20, other: 2, audioFiles: 2 },
    ]);
    expect(lemf.operation.audit?.last()).toMatchObject({ sequence: 1 });

    const { recoverInto: _none, ...settings } = config;
    const file = path.join(root, 'retention.json');
    writeFileSync(file, JSON.stringify(settings));
    const { status, out: printed } = await claviger('lemf', 'retention', '--config', file);
    expect(status).toBe(0);
    expect(printed).toMatch(/^LIID LIID-GONE of df\.home1\.example: ended \S+Z, deleted \S+Z\n$/);
    const missing = await claviger('lemf', 'retention', '--config', path.join(root, 'nowhere.json'));
    expect([missing.status, missing.out]).not.toEqual([0, '']);
    await lemf.stop();
    const { lemf: restarted } = await lemfOf(config);
    expect(restarted.operation.unready()).toEqual([]);
    await restarted.stop();
    for (const name of [audit, `${audit}.head`]) rmSync(name);
    await expect(lemfOf(config)).rejects.toMatchObject({
      code: 'cut-off',
      message: expect.stringContaining(`${audit}: the audit log ends before record 1`) as string,
    });
  });
});
