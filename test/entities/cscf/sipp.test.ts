/** Debian's sipp, which shares no code with us, registers with digest and calls through the CSCF. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Protocol } from '../../../src/sip/flow.ts';
import { freePort } from '../../support/child.ts';
import { missingTool } from '../../support/shared.ts';
import { LossyRelay } from './lossy.ts';
import { Network } from './network.ts';

const scenarios = path.join(import.meta.dirname, 'sipp');

describe.skipIf(missingTool('sipp'))('sipp', () => {
  let network: Network;
  let directory: string;
  let relay: LossyRelay | null;

  beforeEach(() => {
    network = new Network();
    directory = mkdtempSync(path.join(tmpdir(), 'claviger-sipp-'));
    relay = null;
  });

  afterEach(async () => {
    await network.close();
    relay?.close();
    rmSync(directory, { recursive: true });
  });

  it.each<[Protocol, number]>([
    ['UDP', 0],
    ['TCP', 0],
    ['UDP', 5],
  ])('registers and calls over %s, every n-th datagram dropped: n = %i', async (protocol, every) => {
    const home = await network.home('home1.example', ['alice', 'carol']);
    home.interception.add('sip:alice@home1.example');
    relay = every > 0 ? await LossyRelay.to(home.ports.UDP, every) : null;
    const server = relay?.port ?? home.ports[protocol];
    const port = await freePort();
    await sipp('register', protocol, server, 0, ['-s', 'carol', ...fields(String(port), 'carol')]);
    const callee = sipp('callee', protocol, server, port, []);
    // What comes over UDP before it listens is sent again.
    if (protocol === 'TCP') await expect.poll(() => accepts(port)).toBe(true);
    await Promise.all([callee, sipp('caller', protocol, server, 0, fields(credentials('alice')))]);
    const trace = home.interception.trace();
    for (const line of ['> INVITE', '< 407 INVITE', '< 200 INVITE', '> ACK', '> BYE', '< 200 BYE'])
      expect(trace).toContain(line);
    expect(home.gateway.puts.at(-1)?.streams[0]?.b?.port).toBe(6002);
    expect([home.cscf.calls, home.gateway.sessions.size]).toEqual([0, 0]);
  });

  function fields(...values: string[]): string[] {
    const [first = '', user] = values;
    const file = path.join(directory, 'fields.csv');
    const line = user === undefined ? first : `${first};${credentials(user)}`;
    writeFileSync(file, `SEQUENTIAL\n${line};\n`);
    return ['-inf', file];
  }

  function credentials(user: string): string {
    return `[authentication username=${user}@home1.example password=password-of-${user}]`;
  }

  /** Runs one call of a scenario; its messages are shown if it fails. */
  async function sipp(
    scenario: string,
    protocol: Protocol,
    server: number,
    port: number,
    more: string[],
  ): Promise<void> {
    const local = port === 0 ? await freePort() : port;
    const args = [
      '-sf',
      path.join(scenarios, `${scenario}.xml`),
      '-m',
      '1',
      '-i',
      '127.0.0.1',
      '-p',
      String(local),
    ];
    const rest = [
      '-t',
      protocol === 'UDP' ? 'u1' : 't1',
      '-nostdin',
      '-timeout',
      '30s',
      '-timeout_error',
      ...more,
    ];
    const child = spawn('sipp', [...args, ...rest, `127.0.0.1:${server}`], {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    if (code !== 0)
      throw new Error(`sipp ${scenario} over ${protocol} ended with ${code}:\n${output.slice(-3000)}`);
  }
});

/** Whether somebody takes connections there. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
