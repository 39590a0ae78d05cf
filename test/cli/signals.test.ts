/** What signals do to a running entity, whatever somebody holds open. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LabPki } from '../../src/lab/network/pki.ts';
import { loadTls } from '../../src/net/tls.ts';
import { buildOnce, cli } from '../support/cli.ts';

const ADMF = 'admf.home1.example';
const folder = mkdtempSync(path.join(tmpdir(), 'claviger-signals-'));

beforeAll(buildOnce, 180_000);
afterAll(() => rmSync(folder, { recursive: true }));

it('R-72: SIGHUP ends nothing, SIGTERM ends it with 0, whatever is open', { timeout: 60_000 }, async () => {
  const pki = await LabPki.create(path.join(folder, 'pki'), Date.now());
  const tls = await pki.issue({ commonName: ADMF, dnsNames: [ADMF], roles: ['admf'] });
  const patient = { handshakeMs: 3_600_000, firstRequestMs: 3_600_000, idleMs: 3_600_000 };
  const config = {
    ...{ identifier: ADMF, tls, x2x3: { host: 'df.home1.example', port: 6514 } },
    listen: { port: 0, connections: patient },
    ...{ store: path.join(folder, 'admf.db'), audit: path.join(folder, 'audit.jsonl') },
  };
  const file = path.join(folder, 'admf.json');
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  const child = spawn(process.execPath, [cli, 'admf', 'run', '--config', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  try {
    const line = await new Promise<string>((resolve) =>
      createInterface({ input: child.stdout }).once('line', resolve),
    );
    const { port } = (JSON.parse(line) as { x1: { port: number } }).x1;
    const { certificate: cert, privateKey: key, authorities: ca } = loadTls(tls, Date.now());
    const silent = connectTcp(port, '127.0.0.1').on('error', () => undefined);
    const secured = connectTls({ host: '127.0.0.1', port, servername: ADMF, cert, key, ca });
    secured.on('error', () => undefined);
    const handshake = new Promise((resolve) => secured.once('secureConnect', resolve));
    const session = http2.connect(`https://127.0.0.1:${port}`, { servername: ADMF, cert, key, ca });
    session.on('error', () => undefined);
    await new Promise((resolve) => session.once('remoteSettings', resolve));
    await handshake;
    await expect.poll(() => silent.connecting).toBe(false);
    child.kill('SIGHUP');
    await expect.poll(() => log).toContain('SIGHUP');
    expect(child.exitCode).toBeNull();
    child.kill('SIGTERM');
    expect(await ended, log).toBe(0);
  } finally {
    child.kill('SIGKILL');
  }
});
