/** Registrations over a restart of the CSCF, on real sockets. */
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { utf8 } from '../../../src/bytes/octets.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import { cscfConfig } from '../../../src/entities/cscf/config.ts';
import { startCscf } from '../../../src/entities/cscf/start.ts';
import type { RunningCscf } from '../../../src/entities/cscf/start.ts';
import { UserAgent } from '../../../src/sip/agent.ts';
import { Transport } from '../../../src/sip/transport.ts';
import { ElementHome, elementRuntime } from '../../support/elements.ts';
import { RawPhone } from './raw-phone.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'claviger-restart-'));
const cleanups: (() => unknown)[] = [];

afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  rmSync(folder, { recursive: true });
});

it('R-74: a phone that registered before a restart is reached after it', async () => {
  const home = await ElementHome.create(folder);
  cleanups.push(() => home.close());
  const settings = await home.settings('cscf', {});
  const start = (port: number): Promise<RunningCscf> =>
    startCscf(
      cscfConfig({
        ...settings,
        ...{ domain: 'home1.example', host: 'cscf.home1.example', sip: { port }, algorithms: ['MD5'] },
        subscribers: ['alice', 'bob'].map((user) => ({
          identity: `sip:${user}@home1.example`,
          username: `${user}@home1.example`,
          password: `password-of-${user}`,
        })),
      }),
      elementRuntime,
    );
  const before = await start(0);
  home.hosts.set('cscf.home1.example', `127.0.0.1:${before.sip.port}`);
  const transport = new Transport({ ...elementRuntime, hosts: home.hosts });
  const { port } = await transport.listen('UDP', '127.0.0.1', 0);
  const bob = new UserAgent({
    ...elementRuntime,
    transport,
    identity: 'sip:bob@home1.example',
    contact: `sip:bob@127.0.0.1:${port}`,
    sentBy: `127.0.0.1:${port}`,
    outbound: { protocol: 'UDP', host: 'cscf.home1.example', port: 5060 },
    credentials: { username: 'bob@home1.example', password: Secret.of(utf8('password-of-bob')) },
  });
  await bob.register();
  await transport.close();
  await before.stop();

  const after = await start(before.sip.port);
  cleanups.push(() => after.stop());
  const socket = createSocket('udp4');
  const heard: string[] = [];
  socket.on('message', (octets) => heard.push(octets.toString('latin1')));
  await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve));
  cleanups.push(() => socket.close());
  const alice = await RawPhone.connect('alice', after.sip.port);
  await alice.register('home1.example', `<sip:alice@127.0.0.1:${alice.port};transport=tcp>`);
  alice.request('MESSAGE', 'sip:bob@home1.example', [
    'From: <sip:alice@home1.example>;tag=a',
    'To: <sip:bob@home1.example>',
    'Call-ID: after-restart',
  ]);
  await expect
    .poll(() => heard[0] ?? '', { timeout: 5000 })
    .toContain(`MESSAGE sip:bob@127.0.0.1:${port} SIP/2.0`);
});
