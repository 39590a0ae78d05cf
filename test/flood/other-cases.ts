/** Floods of everything but the CSCF: media, listeners, the KMS, registrations; at the end, SIGTERM amid all that. */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { RawPhone } from '../entities/cscf/raw-phone.ts';
import { allRun, must } from './cases.ts';
import type { FloodCase } from './cases.ts';
import { MALLORY } from './flooded-network.ts';
import { callWithMedia, rtp, sdp } from './hostile-phone.ts';

/** Where home1 listens with TLS. */
const SECURED = [
  'kms.users',
  'kms.xk',
  'kms.x1',
  'gateway.control',
  'df.x2x3',
  'admf.x1',
  'lemf.hi2',
  'lemf.hi3',
];

const ownPorts: FloodCase = {
  requirement: 'R-71',
  attack: 'media led to the gateway’s own ports, to signalling, to multicast',
  run: async (network) => {
    const phone = await RawPhone.connect(MALLORY, network.port('home1', 'cscf.sip'));
    const { from } = network.gatewayPorts;
    const places = [
      ['127.0.0.1', from],
      ['127.0.0.1', network.port('home1', 'cscf.sip')],
      ['239.1.2.3', 40_000],
    ] as const;
    const [answers, aor]: [string[], string] = [[], `sip:${MALLORY}@home1.example`];
    let passed = 0;
    network.observe('bob', ({ message }) => {
      if (message.callId.startsWith('own-ports-')) passed++;
    });
    try {
      await phone.register(
        'home1.example',
        `<sip:${MALLORY}@127.0.0.1:${phone.port};transport=tcp>`,
        'own-ports',
      );
      for (const [at, [address, port]] of places.entries()) {
        const fields = [
          ...[`From: <${aor}>;tag=m${at}`, 'To: <sip:bob@home2.example>', `Call-ID: own-ports-${at}`],
          ...[
            `Contact: <sip:${MALLORY}@127.0.0.1:${phone.port};transport=tcp>`,
            'Content-Type: application/sdp',
          ],
        ];
        phone.request('INVITE', 'sip:bob@home2.example', fields, sdp(address, port));
        answers.push(await phone.next(/^SIP\/2\.0 [2-6]/, 20_000));
      }
    } finally {
      phone.close();
    }
    const statuses = answers.map((answer) => answer.slice(8, 11));
    must(
      statuses.every((status) => status === '488'),
      `answered ${statuses.join(', ')}`,
    );
    must(passed === 0, `${passed} messages of it reached bob`);
    const { content } = await network.interceptedCall();
    return `refused with ${statuses.join(', ')}; the next call has ${content} packets`;
  },
};

const mediaFlood: FloodCase = {
  requirement: 'R-71',
  attack: '20,000 datagrams, SIP among them, to every port of the gateway while a call is up',
  run: async (network, strength) => {
    const socket = createSocket('udp4');
    const { from, to } = network.gatewayPorts;
    const sip = Buffer.from('OPTIONS sip:home1.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1\r\n\r\n');
    const packet = rtp(1, 1);
    const flood = async (): Promise<void> => {
      for (let at = 0; at < 20_000 * strength; at++) {
        socket.send(at % 3 === 0 ? sip : packet, from + (at % (to - from + 1)), '127.0.0.1');
        if (at % 100 === 0) await sleep(10);
      }
    };
    const [{ keys, content }] = await Promise.all([network.interceptedCall(), flood()]);
    socket.close();
    allRun(network);
    return `the call amid them has ${keys} keys and ${content} packets`;
  },
};

const largeDescription: FloodCase = {
  requirement: 'R-68',
  attack: 'a target whose session description is just under 64 KiB',
  run: async (network) => {
    const line = `a=x-${'y'.repeat(900)}\r\n`;
    let octets = 0;
    const large = (plain: string): string => {
      const text = plain + line.repeat(Math.floor((65_000 - plain.length) / line.length));
      octets = text.length;
      return text;
    };
    const packets = Array.from({ length: 50 }, (_, at) => rtp(at, 160 * at));
    await callWithMedia(network, MALLORY, 'large', large, packets);
    const { keys, content } = await network.interceptedCall();
    return `${octets} octets; the next call of another target has ${keys} keys and ${content} packets`;
  },
};

const silentListeners: FloodCase = {
  requirement: 'R-72',
  attack: 'silent connections to every TLS listener of home1, with and without handshake',
  run: async (network, strength) => {
    const sockets: Socket[] = [];
    try {
      for (const listener of SECURED) {
        const at = { host: '127.0.0.1', port: network.port('home1', listener) };
        for (let each = 0; each < 150 * strength; each++) {
          const socket = each % 3 === 0 ? connectTls({ ...at, rejectUnauthorized: false }) : connect(at);
          sockets.push(socket.on('error', () => undefined));
          if (each % 25 === 0) await sleep(10);
        }
      }
      await sleep(500);
      const { keys, content } = await network.interceptedCall();
      return `amid ${sockets.length} connections the call has ${keys} keys and ${content} packets; ${allRun(network).toFixed(0)} MB`;
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  },
};

const restarts: FloodCase = {
  requirement: 'R-74',
  attack: 'a phone that registers anew twelve times',
  run: async (network) => {
    for (let at = 0; at < 12; at++) await network.register('bob');
    const { keys } = await network.interceptedCall();
    return `it can be called: ${keys} keys`;
  },
};

/** Ends the network: the last case. */
const terminated: FloodCase = {
  requirement: 'R-72',
  attack: 'SIGTERM to every entity while connections are open',
  run: async (network) => {
    const sockets = SECURED.map((listener) =>
      connect(network.port('home1', listener), '127.0.0.1').on('error', () => undefined),
    );
    await sleep(300);
    const ended = await Promise.all(
      network.processes.map(async (each) => ({ name: each.name, took: await each.end() })),
    );
    for (const socket of sockets) socket.destroy();
    const late = ended.filter(({ took }) => took === null).map(({ name }) => name);
    must(late.length === 0, `not within 10 s, or not with 0: ${late.join(', ')}`);
    return `all ended within ${Math.max(...ended.map(({ took }) => took ?? 0)).toFixed(0)} ms`;
  },
};

export const OTHER_CASES: readonly FloodCase[] = [
  largeDescription,
  ownPorts,
  mediaFlood,
  silentListeners,
  restarts,
  terminated,
];
