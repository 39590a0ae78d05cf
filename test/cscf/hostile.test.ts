/** What strangers and hostile phones send: it may cost them their answer, never the node, nor its interception. */
import { createSocket } from 'node:dgram';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toOctets } from '../../src/sip/text.ts';
import { Network } from './network.ts';
import type { Home } from './network.ts';

let network: Network;
let home: Home;

beforeEach(async () => {
  network = new Network();
  home = await network.home('home1.example', ['alice', 'carol']);
});

afterEach(() => network.close());

/** Sends datagrams and gives what comes back in `ms` milliseconds. */
async function ask(texts: readonly string[], ms = 100): Promise<string[]> {
  const socket = createSocket('udp4');
  const answers: string[] = [];
  socket.on('message', (octets) => answers.push(octets.toString('latin1')));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  for (const text of texts) socket.send(toOctets(text), home.ports.UDP, '127.0.0.1');
  await new Promise((resolve) => setTimeout(resolve, ms));
  socket.close();
  return answers;
}

function options(via: string, branch: string): string {
  return [
    'OPTIONS sip:home1.example SIP/2.0',
    `Via: SIP/2.0/UDP ${via};branch=z9hG4bK${branch}`,
    'Max-Forwards: 70',
    'From: <sip:x@elsewhere.example>;tag=1',
    'To: <sip:home1.example>',
    `Call-ID: ${branch}`,
    'CSeq: 1 OPTIONS',
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n');
}

describe('strangers', () => {
  it.each([
    '10.0.0.1:0',
    '10.0.0.1:0;rport',
    '10.0.0.1:65535',
    '10.0.0.1;maddr=256.1.1.1',
    '10.0.0.1;received=x;rport=0',
  ])('a Via of %s, where no answer can go, costs nobody but who sent it', async (via) => {
    await ask([options(via, 'a')]);
    expect(await ask([options('10.0.0.1;rport', 'b')])).toEqual([expect.stringMatching(/^SIP\/2.0 407 /)]);
  });
});
