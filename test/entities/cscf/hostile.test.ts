/** What strangers and hostile phones send: it may cost them their answer, never the node, nor its interception. */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UserAgent } from '../../../src/sip/agent.ts';
import type { SipResponse } from '../../../src/sip/message.ts';
import { makeResponse } from '../../../src/sip/response.ts';
import type { ServerTransaction } from '../../../src/sip/server-transaction.ts';
import { fromOctets, toOctets } from '../../../src/sip/text.ts';
import { request } from '../../sip/support.ts';
import { Network, sdpBody } from './network.ts';
import type { Home } from './network.ts';

let network: Network;
let home: Home;

beforeEach(async () => {
  network = new Network();
  home = await network.home('home1.example', ['alice', 'carol']);
});

afterEach(() => network.close());

/** Sends datagrams one after the other, and gives the first answer that bears a branch. */
async function ask(texts: readonly string[], branch: string): Promise<string> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const answered = new Promise<string>((resolve) =>
    socket.on('message', (octets) => {
      const text = octets.toString('latin1');
      if (text.includes(`branch=z9hG4bK${branch}\r\n`) || text.includes(`branch=z9hG4bK${branch};`))
        resolve(text);
    }),
  );
  for (const text of texts) socket.send(toOctets(text), home.ports.UDP, '127.0.0.1');
  try {
    return await answered;
  } finally {
    socket.close();
  }
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
    const answer = await ask([options(via, 'a'), options('10.0.0.1;rport', 'b')], 'b');
    expect(answer).toMatch(/^SIP\/2.0 407 /);
  });
});

describe('R-71: the CSCF of another home', () => {
  /**
   * What is answered to a MESSAGE in the other home's name that a socket sends.
   * @param port what its Via says of where the answer goes @param at what hears it there
   */
  async function answerTo(socket: Socket, branch: string, port = ';rport', at = socket): Promise<string> {
    const answered = new Promise<string>((resolve) =>
      at.once('message', (octets) => resolve(octets.toString('latin1'))),
    );
    const text = [
      'MESSAGE sip:alice@home1.example SIP/2.0',
      `Via: SIP/2.0/UDP cscf.home2.example${port};branch=z9hG4bK${branch}`,
      'Max-Forwards: 70',
      'From: <sip:bob@home2.example>;tag=1',
      'To: <sip:alice@home1.example>',
      `Call-ID: ${branch}`,
      'CSeq: 1 MESSAGE',
      'Content-Length: 0',
      '\r\n',
    ].join('\r\n');
    socket.send(toOctets(text), home.ports.UDP, '127.0.0.1');
    return answered;
  }

  it('is not who sends from its address but another port, as its media gateway would: SIP text in a packet is challenged', async () => {
    const [cscf, gateway] = [createSocket('udp4'), createSocket('udp4')];
    for (const socket of [cscf, gateway])
      await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    network.hosts.set('cscf.home2.example:5060', `127.0.0.1:${cscf.address().port}`);
    expect(await answerTo(cscf, 'a')).toMatch(/^SIP\/2.0 480 /);
    expect(await answerTo(gateway, 'b')).toMatch(/^SIP\/2.0 407 /);
    // It may have the answer sent to that port: where it sends from counts.
    const { port } = cscf.address();
    expect(await answerTo(gateway, 'c', `:${port}`, cscf)).toMatch(/^SIP\/2.0 407 /);
    cscf.close();
    gateway.close();
  });

  it.each(['home1.example', 'home2.example'])(
    'has no media on the port where it speaks SIP: a description that leads them to that of %s is refused',
    async (whose) => {
      const other = await network.home('home2.example', ['bob']);
      const { port } = whose === 'home2.example' ? { port: other.ports.TCP } : { port: home.ports.UDP };
      const alice = await network.phone('alice', 'home1.example');
      await alice.register();
      const status = await new Promise<number>((resolve, reject) => {
        alice.invite(
          'sip:bob@home2.example',
          { body: sdpBody(port) },
          {
            failed: (_, response) => resolve(response?.status ?? 0),
            accepted: () => reject(new Error('accepted')),
          },
        );
      });
      expect([status, home.gateway.puts]).toEqual([488, []]);
    },
  );
});

describe('a target who would rather not be one', () => {
  let alice: UserAgent;
  let carol: UserAgent;
  const heard: number[] = [];

  beforeEach(async () => {
    heard.length = 0;
    alice = await network.phone('alice', 'home1.example');
    carol = await network.phone('carol', 'home1.example');
    await Promise.all([alice.register(), carol.register()]);
  });

  /** Lets carol's phone answer with a 183 and a 486 that it may alter. */
  function carolAnswers(alter: (response: SipResponse) => void): void {
    const answer = (transaction: ServerTransaction): void => {
      for (const status of [183, 486]) {
        const body = { type: sdpBody(5000).type, octets: sdpBody(5000, 'R1').octets };
        const response = makeResponse(transaction.request, status, { toTag: 'c', body });
        if (status === 183) alter(response);
        transaction.respond(response);
      }
    };
    carol.layer.attach({ request: answer, ack: () => {}, stray: () => {}, closed: () => {} });
  }

  /** Alice calls carol and keeps what she hears. */
  function aliceCalls(fields: readonly (readonly [string, string])[] = []): Promise<void> {
    return new Promise((resolve) => {
      alice.invite(
        'sip:carol@home1.example',
        { body: sdpBody(4000, 'I1'), fields },
        {
          provisional: (_, { status }) => void heard.push(status),
          accepted: () => resolve(),
          failed: (_, response) => {
            heard.push(response?.status ?? 0);
            resolve();
          },
        },
      );
    });
  }

  it.each(['<', '"', '<sip:carol@home1.example', 'not a name and address'])(
    'is reported in full whatever P-Asserted-Identity an answer has: %s',
    async (asserted) => {
      home.interception.add('sip:carol@home1.example');
      carolAnswers((response) => response.append('P-Asserted-Identity', asserted));
      await aliceCalls();
      expect(heard).toEqual([183, 486]);
      await expect
        .poll(() => home.interception.trace())
        .toEqual(['< INVITE', '> 183 INVITE', '> 486 INVITE', '< ACK']);
    },
  );

  it.each([
    ['Call-ID', 'another'],
    ['From', '<sip:alice@home1.example>;tag=another'],
    ['CSeq', '77 INVITE'],
  ])('cannot answer under another %s: that answer goes nowhere', async (name, value) => {
    home.interception.add('sip:carol@home1.example');
    carolAnswers((response) => response.set(name, value));
    await aliceCalls();
    expect(heard).toEqual([486]);
  });

  it('cannot lead media past the gateway by an answer within another body: the call fails', async () => {
    carolAnswers((response) => {
      const part = ['--x', 'Content-Type: application / sdp', '', fromOctets(response.body), '--x--', ''];
      response.setBody('multipart/mixed;boundary=x', toOctets(part.join('\r\n')));
    });
    await aliceCalls();
    expect(heard).toEqual([488]);
  });

  it.each([
    ['within another body', 'multipart/mixed;boundary=x', []],
    ['that is encoded', 'application/sdp', [['Content-Encoding', 'gzip']]],
  ] as const)('cannot offer a session %s: 415 says what is taken', async (_, type, fields) => {
    const { octets } = sdpBody(4000, 'I1');
    const part = ['--x', 'Content-Type: application/sdp', '', fromOctets(octets), '--x--', ''];
    const body = { type, octets: type === 'application/sdp' ? octets : toOctets(part.join('\r\n')) };
    const answer = await new Promise<SipResponse | null>((resolve) => {
      alice.invite(
        'sip:carol@home1.example',
        { body, fields },
        { accepted: (__, response) => resolve(response), failed: (__, response) => resolve(response) },
      );
    });
    expect([answer?.status, answer?.first('Accept')]).toEqual([415, 'application/sdp']);
  });

  it('cannot bury who she is under what she asserts herself', async () => {
    home.interception.add('sip:alice@home1.example');
    const hidden = await network.phone('alice', 'home1.example', {
      device: '2',
      identity: 'sip:anonymous@anonymous.invalid',
    });
    carolAnswers(() => undefined);
    const others = Array.from({ length: 80 }, (_, i) => `<sip:nobody${i}@elsewhere.example>`).join(', ');
    alice = hidden;
    await aliceCalls([
      ['P-Asserted-Identity', others],
      ['Privacy', 'id'],
    ]);
    expect(heard).toEqual([183, 486]);
    await expect
      .poll(() => home.interception.trace().slice(-5))
      .toEqual(['> INVITE', '< 100 INVITE', '< 183 INVITE', '< 486 INVITE', '> ACK']);
  });
});

describe('somebody who claims to be a target', () => {
  it('in the P-Asserted-Identity of an answer is not believed, and the claim goes no further', async () => {
    const alice = await network.phone('alice', 'home1.example');
    const carol = await network.phone('carol', 'home1.example');
    await Promise.all([alice.register(), carol.register()]);
    home.interception.add('sip:victor@home2.example');
    carol.layer.attach({
      request: (transaction) => {
        const response = makeResponse(transaction.request, 486, { toTag: 'c' });
        response.append('P-Asserted-Identity', '<sip:victor@home2.example>');
        transaction.respond(response);
      },
      ack: () => {},
      stray: () => {},
      closed: () => {},
    });
    const response = await new Promise<SipResponse | null>((resolve) => {
      alice.invite(
        'sip:carol@home1.example',
        { body: sdpBody(4000) },
        { accepted: () => {}, failed: (_, last) => resolve(last) },
      );
    });
    expect([response?.status, response?.first('P-Asserted-Identity')]).toEqual([486, null]);
    expect(home.interception.trace()).toEqual([]);
  });

  it('R-64: a malformed value beside her does not hide whom another home asserts', async () => {
    const carol = await network.phone('carol', 'home1.example');
    await carol.register();
    const other = await network.home('home2.example', ['victor']);
    home.interception.add('sip:victor@home2.example');
    carol.layer.attach({
      request: (transaction) => transaction.respond(makeResponse(transaction.request, 486, { toTag: 'c' })),
      ack: () => {},
      stray: () => {},
      closed: () => {},
    });
    const invite = request('INVITE', {
      From: '<sip:anonymous@anonymous.invalid>;tag=1',
      To: '<sip:carol@home1.example>',
      'P-Asserted-Identity': '<sip:x@, <sip:victor@home2.example>',
    });
    invite.uri = 'sip:carol@home1.example';
    await new Promise<void>((resolve) => {
      const hop = { protocol: 'TCP', host: 'cscf.home1.example', port: 5060 } as const;
      const done = (): void => resolve();
      other.layer.send(invite, hop, 'z9hG4bKpeer', {
        response: ({ status }) => status >= 200 && done(),
        failed: done,
      });
    });
    await expect.poll(() => home.interception.trace()).toContain('> INVITE');
  });
});
