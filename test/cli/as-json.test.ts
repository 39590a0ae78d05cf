/** What commands that write and delete say to scripts. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { AuditFile } from '../../src/evidence/audit-file.ts';
import { HashChainLog } from '../../src/evidence/log.ts';
import type { AuditRecord } from '../../src/evidence/log.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { claviger } from './in-process.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-json-'));
const at = (...names: string[]): string => path.join(folder, ...names);
afterAll(() => rmSync(folder, { recursive: true }));

async function json(...args: string[]): Promise<unknown> {
  const { status, out, err } = await claviger(...args, '--json');
  // Standard error may have a line of progress.
  expect(status, err).toBe(0);
  return JSON.parse(out);
}

const UNTIL = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string;

describe('R-93: as JSON', () => {
  it('R-93: claviger pki says which files it has written, until when, and what is revoked', async () => {
    const pki = at('pki');
    const files = (...names: string[]): string[] => names.map((name) => path.join(pki, name));
    expect(await json('pki', 'init', '--out', pki)).toEqual({ files: files('ca.pem', 'ca.key') });
    const to = ['--authority', pki];
    const issue = ['--name', 'df.home1.example', '--role', 'df'];
    const pair = files('df.home1.example.pem', 'df.home1.example.key');
    expect(await json('pki', 'issue', ...to, ...issue)).toEqual({ files: pair, until: UNTIL });
    const [certificate = ''] = pair;
    expect(await json('pki', 'renew', ...to, certificate)).toEqual({ files: [certificate], until: UNTIL });
    expect(await json('pki', 'revoke', ...to, certificate)).toEqual({
      ...{ revoked: [certificate], files: files('crl.pem'), until: UNTIL },
    });
  });

  it('R-93: claviger audit says what was found, record by record, and what was mended', async () => {
    const file = at('audit.jsonl');
    const store = new AuditFile(file);
    const log = new HashChainLog(store, new ManualClock());
    for (let n = 0; n < 3; n++) log.append({ kind: 'event', n });
    store.close();
    const lastHash = log.head?.hash;
    expect(await json('audit', 'verify', file)).toEqual({
      ...{ records: 3, unbroken: true, lastHash, unfinishedLine: false },
    });
    const { out } = await claviger('audit', 'verify', '--print', '--json', file);
    const lines = out.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as AuditRecord)[1]).toMatchObject({
      ...{ sequence: 1, event: { kind: 'event', n: 1 } },
    });
    expect(lines).toHaveLength(4);
    expect(await json('audit', 'repair', file)).toMatchObject({
      recordsKept: 3,
      linesCut: 0,
      recordedAs: null,
    });
    writeFileSync(file, readFileSync(file, 'utf8').replace('"n":2', '"n":9'));
    expect(await json('audit', 'repair', file)).toEqual({
      recordsKept: 2,
      lastHash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      why: 'audit record 2 does not continue the chain',
      linesCut: 1,
      cutTo: `${file}.cut`,
      missing: { sequence: 2, hash: lastHash },
      recordedAs: 2,
    });
    expect(existsSync(`${file}.cut`)).toBe(true);
  });

  it('R-93: claviger ibe says what it has written, and whose key', async () => {
    const out = at('district');
    const district = 'https://kms.home1.example/.well-known/ibe';
    expect(await json('ibe', 'setup', '--district', district, '--n', '2048', '--out', out)).toEqual({
      ...{
        district,
        serial: 1,
        files: ['parameters.b64', 'district.json'].map((name) => path.join(out, name)),
      },
    });
    const secrets = ['--secrets', path.join(out, 'district.json')];
    const whose = ['--identity', 'sip:bob@home1.example', '--at', '2027-03-18T12:00:00Z'];
    expect(await json('ibe', 'extract', ...secrets, ...whose, '--out', at('bob.json'))).toMatchObject({
      ...{ files: [at('bob.json')], identity: 'sip:bob@home1.example', from: UNTIL, to: UNTIL },
    });
  });
});
