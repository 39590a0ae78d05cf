/** Floods of the CSCF: decoys, strangers, requests that cost, connections that say nothing. */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { RawPhone } from '../entities/cscf/raw-phone.ts';
import type { SipRequest, SipResponse } from '../../src/sip/message.ts';
import { allRun, must } from './cases.ts';
import type { FloodCase } from './cases.ts';
import type { FloodedNetwork } from './flooded-network.ts';
import { MALLORY } from './flooded-network.ts';

const sipPort = (network: FloodedNetwork): number => network.port('home1', 'cscf.sip');

/** Datagrams to the CSCF from a port of their own; gives octets that came back. */
async function datagrams(port: number, texts: Iterable<string>, each = 20): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  let back = 0;
  socket.on('message', ({ length }) => (back += length));
  let sent = 0;
  for (const text of texts) {
    socket.send(Buffer.from(text, 'latin1'), port, '127.0.0.1');
    if (++sent % each === 0) await sleep(5);
  }
  await sleep(300);
  socket.close();
  return back;
}

interface Fields {
  readonly callId: string;
  readonly from: string;
  readonly to: string;
  readonly cseq?: number;
}

function request(
  method: string,
  uri: string,
  at: number,
  { callId, from, to, cseq }: Fields,
  more = '',
): string {
  return [
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKflood${callId.length}x${at}`,
    'Max-Forwards: 70',
    `From: ${from}`,
    `To: ${to}`,
    `Call-ID: ${callId}`,
    `CSeq: ${cseq ?? 1} ${method}`,
    'Contact: <sip:x@127.0.0.1:9>',
    `${more}Content-Length: 0`,
    '',
    '',
  ].join('\r\n');
}

function* times<T>(count: number, make: (at: number) => T): Generator<T> {
  for (let at = 0; at < count; at++) yield make(at);
}

/** While a call of alice's is set up, as soon as her phone or bob's has shown its Call-ID and tags. */
async function whileCalled(
  network: FloodedNetwork,
  wanted: (message: SipRequest | SipResponse) => boolean,
  attack: (message: SipRequest | SipResponse) => Promise<unknown>,
): Promise<{ readonly keys: number; readonly content: number }> {
  const attacks: Promise<unknown>[] = [];
  network.observe('alice', ({ message }) => {
    if (attacks.length === 0 && wanted(message)) attacks.push(attack(message));
  });
  const found = await network.interceptedCall();
  must(attacks.length > 0, 'the attack did not find its moment');
  await Promise.all(attacks);
  return found;
}

const isInvite = (message: SipRequest | SipResponse): boolean =>
  message.kind === 'request' && message.method === 'INVITE';

/** Answered within so long, by a CSCF that is being flooded; a phone over TCP. */
async function answersAt(network: FloodedNetwork, ms: number): Promise<number> {
  const phone = await RawPhone.connect('stranger', sipPort(network));
  const began = performance.now();
  try {
    const fields = ['From: <sip:s@x.example>;tag=1', 'To: <sip:home1.example>', `Call-ID: ask${began}`];
    phone.request('OPTIONS', 'sip:home1.example', fields);
    await phone.next(/^SIP\/2\.0 /, ms);
    return performance.now() - began;
  } finally {
    phone.close();
  }
}

const decoysOfACall: FloodCase = {
  requirement: 'R-65',
  attack: 'decoys with Call-ID and From tag of the target’s call, 70 as caller, 40 as callee, 26 anonymous',
  run: async (network, strength) => {
    const attack = async (invite: SipRequest | SipResponse): Promise<unknown> => {
      const { callId } = invite;
      const tag = /;tag=([^;\s]+)/.exec(invite.all('From')[0] ?? '')?.[1] ?? '';
      const decoy =
        (name: string, from: (at: number) => string, to: (at: number) => string) => (at: number) =>
          request('INVITE', `sip:${name}${at}@home1.example`, at, {
            ...{ callId, from: `${from(at)};tag=${tag}`, to: to(at), cseq: at + 1 },
          });
      const some = (at: number): string => `<sip:decoy${at}@home1.example>`;
      const floods = [
        times(
          70 * strength,
          decoy('caller', some, () => '<sip:bob@home2.example>'),
        ),
        times(
          40 * strength,
          decoy('callee', () => '<sip:alice@home1.example>', some),
        ),
        times(
          26 * strength,
          decoy('nobody', () => '<sip:anonymous@anonymous.invalid>', some),
        ),
      ];
      return Promise.all(floods.map((texts) => datagrams(sipPort(network), texts)));
    };
    const { keys, content } = await whileCalled(network, isInvite, attack);
    return `the LEMF has ${keys} keys and ${content} packets of the call`;
  },
};

const strangersWhileItRings: FloodCase = {
  requirement: 'R-65',
  attack: '5,000 requests of strangers, each of a call of its own, while the target’s call is set up',
  run: async (network, strength) => {
    const stranger = (at: number): string =>
      request('INVITE', 'sip:bob@home2.example', at, {
        ...{
          callId: `stranger-${at}`,
          from: `<sip:s${at}@home1.example>;tag=${at}`,
          to: '<sip:bob@home2.example>',
        },
      });
    const texts = times(5000 * strength, stranger);
    const { keys } = await whileCalled(network, isInvite, () => datagrams(sipPort(network), texts, 50));
    return `the LEMF has ${keys} keys of the call; the largest process ${allRun(network).toFixed(0)} MB`;
  },
};

const questionsOfAStranger: FloodCase = {
  requirement: 'R-67',
  attack: 'requests of 52 kB in the target’s name, unauthenticated, with MIKEY in them',
  run: async (network, strength) => {
    const before = network.questions;
    const mikey = (at: number): string =>
      `a=key-mgmt:mikey ${Buffer.from(`\x01\x16${'k'.repeat(300)}${at}`, 'latin1').toString('base64')}\r\n`;
    const body = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', ''].join('\r\n');
    const large =
      body + Array.from({ length: 120 }, (_, at) => mikey(at)).join('') + 'm=audio 9 RTP/SAVP 0\r\n';
    const phone = await RawPhone.connect('stranger', sipPort(network));
    for (let at = 0; at < 10 * strength; at++) {
      const fields = [`From: <sip:alice@home1.example>;tag=${at}`, 'To: <sip:bob@home2.example>'];
      const more = [`Call-ID: asked-${at}`, 'Contact: <sip:x@127.0.0.1:9>', 'Content-Type: application/sdp'];
      phone.request('INVITE', 'sip:bob@home2.example', [...fields, ...more], large);
      await phone.next(/^SIP\/2\.0 4/, 20_000);
    }
    phone.close();
    await sleep(1000);
    const asked = network.questions - before;
    must(asked === 0, `the KMS was asked ${asked} times`);
    const { keys } = await network.interceptedCall();
    must(network.questions > before, 'the KMS was not asked about a call either');
    return `${large.length} octets each: the KMS was asked nothing; the next call has ${keys} keys`;
  },
};

const largeOptions: FloodCase = {
  requirement: 'R-70',
  attack: '60 kB OPTIONS from nobody in particular, for 8 s',
  run: async (network, strength) => {
    const end = performance.now() + 8000 * strength;
    const padding = `X-Padding: ${'x'.repeat(59_000)}\r\n`;
    let sent = 0;
    function* until(): Generator<string> {
      for (; performance.now() < end; sent++) {
        const fields = { callId: `o${sent}`, from: `<sip:o${sent}@x>;tag=1`, to: '<sip:home1.example>' };
        yield request('OPTIONS', 'sip:home1.example', sent, fields, padding);
      }
    }
    const [{ keys }] = await Promise.all([
      network.interceptedCall(),
      datagrams(sipPort(network), until(), 8),
    ]);
    const took = await answersAt(network, 10_000);
    const most = allRun(network);
    return `${sent} requests; a call amid them has ${keys} keys; the next answer took ${took.toFixed(0)} ms; ${most.toFixed(0)} MB`;
  },
};

const amplification: FloodCase = {
  requirement: 'R-70',
  attack: '200 requests of a forged source, answered no more than three times their octets',
  run: async (network, strength) => {
    let octets = 0;
    const small = (at: number): string => {
      const fields = { callId: `a${at}`, from: '<sip:a@home1.example>;tag=a', to: '<sip:bob@home2.example>' };
      const text = request('INVITE', 'sip:bob@home2.example', at, fields).replace(
        '127.0.0.1:9;',
        '127.0.0.1;rport;',
      );
      octets += text.length;
      return text;
    };
    const back = await datagrams(sipPort(network), times(200 * strength, small), 5);
    must(back > 0 && back <= 3 * octets, `${octets} octets brought ${back}`);
    const { keys } = await network.interceptedCall();
    return `${octets} octets brought ${back}; the next call has ${keys} keys`;
  },
};

const routes: FloodCase = {
  requirement: 'R-70',
  attack: 'a request with 2,221 Routes of the CSCF’s own',
  run: async (network) => {
    const phone = await RawPhone.connect('stranger', sipPort(network));
    const fields = ['From: <sip:s@x>;tag=1', 'To: <sip:bob@home2.example>', 'Call-ID: routes'];
    const own = Array.from({ length: 2221 }, () => 'Route: <sip:cscf.home1.example;lr>');
    phone.request('MESSAGE', 'sip:bob@home2.example', [...fields, ...own]);
    const took = await answersAt(network, 5000);
    phone.close();
    must(took < 2000, `another’s OPTIONS waited ${took.toFixed(0)} ms`);
    const { keys } = await network.interceptedCall();
    return `another’s OPTIONS waited ${took.toFixed(0)} ms; the next call has ${keys} keys`;
  },
};

const silentConnections: FloodCase = {
  requirement: 'R-70',
  attack: '1,100 TCP connections that say nothing',
  run: async (network, strength) => {
    const sockets: Socket[] = [];
    try {
      for (let at = 0; at < 1100 * strength; at++) {
        sockets.push(connect(sipPort(network), '127.0.0.1').on('error', () => undefined));
        if (at % 50 === 0) await sleep(10);
      }
      await sleep(500);
      await network.register('carol');
      const { keys } = await network.interceptedCall();
      const open = sockets.filter((socket) => !socket.destroyed && !socket.readableEnded).length;
      return `meanwhile carol registered and alice’s call has ${keys} keys; ${open} connections were left open`;
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  },
};

const ofAStranger: FloodCase = {
  requirement: 'R-70',
  attack: 'BYE and re-INVITE of a stranger with Call-ID and tags of a call',
  run: async (network) => {
    let answers = 0;
    const attack = async (ok: SipRequest | SipResponse): Promise<void> => {
      const [from = '', to = ''] = [ok.all('From')[0], ok.all('To')[0]];
      const stranger = await RawPhone.datagrams('stranger', sipPort(network));
      for (const [method, cseq] of [
        ['BYE', 900],
        ['INVITE', 901],
      ] as const) {
        const own = request(method, 'sip:bob@home2.example', cseq, { callId: ok.callId, from, to, cseq });
        stranger.send(
          own.replace('127.0.0.1:9;', `127.0.0.1:${stranger.port};rport;`).split('\r\n').slice(0, -3),
        );
      }
      await sleep(500);
      answers = stranger.received.filter((text) => /^SIP\/2\.0 2/.test(text)).length;
      stranger.close();
    };
    const accepted = (message: SipRequest | SipResponse): boolean =>
      message.kind === 'response' && message.status === 200 && message.cseq.method === 'INVITE';
    const { content } = await whileCalled(network, accepted, attack);
    must(answers === 0, `${answers} of them were accepted`);
    return `neither was accepted, and the call went on: ${content} packets`;
  },
};

const spoofedPhone: FloodCase = {
  requirement: 'R-70',
  attack: 'another process on the phone’s address speaks as the phone, with its port in Via',
  run: async (network) => {
    const port = network.phonePort('alice');
    const other = await RawPhone.datagrams('alice', sipPort(network));
    const via = `Via: SIP/2.0/UDP 127.0.0.1:${port};rport;branch=z9hG4bKspoof`;
    const fields = ['From: <sip:alice@home1.example>;tag=s', 'To: <sip:bob@home2.example>', 'Call-ID: spoof'];
    other.send([
      'MESSAGE sip:bob@home2.example SIP/2.0',
      via,
      'Max-Forwards: 70',
      'CSeq: 1 MESSAGE',
      ...fields,
    ]);
    const answer = await other.next(/^SIP\/2\.0 (?!100)/);
    other.close();
    must(answer.startsWith('SIP/2.0 407'), `it was answered ${answer.slice(0, 30)}`);
    const { keys } = await network.interceptedCall();
    return `challenged with 407; the next call has ${keys} keys`;
  },
};

const ownCalls: FloodCase = {
  requirement: 'R-70',
  attack: 'a subscriber who begins 300 calls to itself and ends none',
  run: async (network, strength) => {
    const phone = await RawPhone.connect(MALLORY, sipPort(network));
    try {
      await phone.register('home1.example', `<sip:${MALLORY}@127.0.0.1:${phone.port};transport=tcp>`);
      for (let at = 0; at < 300 * strength; at++) {
        const aor = `<sip:${MALLORY}@home1.example>`;
        const fields = [`From: ${aor};tag=${at}`, `To: ${aor}`, `Call-ID: own${at}`];
        phone.request('INVITE', `sip:${MALLORY}@home1.example`, [
          ...fields,
          `Contact: <sip:${MALLORY}@127.0.0.1:${phone.port};transport=tcp>`,
        ]);
        if (at % 20 === 0) await sleep(10);
      }
      await phone.next(/^SIP\/2\.0 [456]/, 30_000);
      await sleep(1000);
      const refused = phone.received.filter((text) => /^SIP\/2\.0 [456]/.test(text)).length + 1;
      const { keys } = await network.interceptedCall();
      return `${refused} were refused; alice’s call has ${keys} keys`;
    } finally {
      phone.close();
    }
  },
};

export const SIGNALLING_CASES: readonly FloodCase[] = [
  decoysOfACall,
  strangersWhileItRings,
  questionsOfAStranger,
  largeOptions,
  amplification,
  routes,
  silentConnections,
  ofAStranger,
  spoofedPhone,
  ownCalls,
];
