import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { frozenClock, seededRandom, systemClock } from '../../../src/host/runtime.ts';
import { fromUtf8, toHex, utf8 } from '../../../src/bytes/octets.ts';
import type { Clock } from '../../../src/bytes/ports.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import type { Datagrams } from '../../../src/media/datagrams.ts';
import { decodeG711, encodeG711 } from '../../../src/media/g711.ts';
import { udpDatagrams } from '../../../src/net/datagrams.ts';
import { HostMap } from '../../../src/net/hosts.ts';
import { UserAgent } from '../../../src/sip/agent.ts';
import type { SipResponse } from '../../../src/sip/message.ts';
import type { Observed } from '../../../src/sip/transactions.ts';
import { Transport } from '../../../src/sip/transport.ts';
import type { PhoneCall } from '../../../src/entities/ue/call.ts';
import type { AnswerPolicy } from '../../../src/entities/ue/answering.ts';
import { EndpointError } from '../../../src/endpoint/errors.ts';
import { UserEquipment } from '../../../src/entities/ue/user-equipment.ts';
import type { UserEquipmentOptions } from '../../../src/entities/ue/user-equipment.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { silent } from '../../support/silent.ts';
import { agreementInWords } from './support/agreement-in-words.ts';

interface Phone {
  readonly ue: UserEquipment;
  readonly agent: UserAgent;
  readonly transport: Transport;
  readonly sent: string[];
  readonly rtp: string[];
  incoming: PhoneCall | null;
}

const RING_MS = 10;
const ACCEPT: AnswerPolicy = { kind: 'accept', ringMs: RING_MS, answerMs: 20 };
const speech = (length: number, pitch: number) =>
  Int16Array.from({ length }, (_, i) => 9000 * Math.sin(i / pitch));
const heardOf = (samples: Int16Array) => decodeG711(encodeG711(samples, 'pcma'), 'pcma');

/** Two phones, each the other's outbound proxy. */
async function phones(
  settings: {
    clock?: Clock;
    policy?: AnswerPolicy;
    spoilAlice?: string;
    spoilBob?: string;
    /** The caller's first offers are on a curve that the other end is not on. */
    otherCurve?: boolean;
    /** The callee supports no policy. */
    noPolicy?: boolean;
    /** Further options of both phones. */
    more?: Partial<UserEquipmentOptions>;
    /** What the caller waits for before its second message. */
    hold?: () => Promise<void>;
  } = {},
): Promise<{ alice: Phone; bob: Phone }> {
  const clock = settings.clock ?? systemClock();
  const hosts = new HostMap();
  const make = async (name: string, other: string, from: number, spoil?: string): Promise<Phone> => {
    const transport = new Transport({ clock, logger: silent, hosts });
    const at = await transport.listen('TCP', '127.0.0.1', 0);
    hosts.set(`${name}.example`, `127.0.0.1:${at.port}`);
    const phone: { rtp: string[]; sent: string[]; incoming: PhoneCall | null } = {
      rtp: [],
      sent: [],
      incoming: null,
    };
    const udp = udpDatagrams(silent);
    const datagrams: Datagrams = {
      bind: async (address, port) => {
        const socket = await udp.bind(address, port);
        return socket === null
          ? null
          : {
              local: socket.local,
              onDatagram: (listener) => socket.onDatagram(listener),
              close: () => socket.close(),
              send: (octets, to) => {
                phone.rtp.push(toHex(octets));
                socket.send(octets, to);
              },
            };
      },
    };
    const random = seededRandom('calls', name);
    const agent = new UserAgent({
      transport,
      clock,
      random,
      logger: silent,
      identity: `sip:${name}@example`,
      contact: `sip:${name}@${name}.example;transport=tcp`,
      sentBy: `${name}.example`,
      outbound: { protocol: 'TCP', host: `${other}.example`, port: 5060 },
      credentials: { username: name, password: Secret.of(utf8('x')) },
    });
    agent.layer.observe((observed: Observed) => {
      if (observed.direction === 'sent') phone.sent.push(fromUtf8(observed.octets));
    });
    const keys = {
      ...agreementInWords(
        name,
        {
          ...(spoil === undefined ? {} : { message: spoil }),
          curve: settings.otherCurve === true && name === 'alice',
          policy: settings.noPolicy === true && name === 'bob',
        },
        settings.hold,
      ),
      refresh: () => Promise.resolve(),
      stop: () => {},
      open: () => Promise.reject(new EndpointError('key-exchange', 'nothing is delivered here')),
    };
    const ue = new UserEquipment({
      username: name,
      agent,
      keys,
      datagrams,
      ports: { address: '127.0.0.1', from, to: from + 20 },
      policy: settings.policy ?? ACCEPT,
      clock,
      random,
      logger: silent,
      ...settings.more,
    });
    const made = Object.assign(phone, { ue, agent, transport });
    ue.onIncoming((call) => (made.incoming = call));
    return made;
  };
  return {
    alice: await make('alice', 'bob', 64_700, settings.spoilAlice),
    bob: await make('bob', 'alice', 64_800, settings.spoilBob),
  };
}

const running: Phone[] = [];
beforeEach(() => running.splice(0));
afterEach(async () => {
  for (const { ue, transport } of running) {
    await Promise.all(ue.calls.map((call) => call.hangUp()));
    await transport.close();
  }
});

async function pair(settings: Parameters<typeof phones>[0] = {}): Promise<{ alice: Phone; bob: Phone }> {
  const both = await phones(settings);
  running.push(both.alice, both.bob);
  return both;
}

const methods = (phone: Phone) => phone.sent.map((message) => message.split(/ |\r/).slice(0, 2).join(' '));

describe('a call between two phones over TCP and UDP', () => {
  test('with 100rel: four messages, then speech both ways, sample by sample, then BYE', async () => {
    const { alice, bob } = await pair();
    const call = await alice.ue.call('sip:bob@example');
    const states: string[] = [];
    call.onEvent((event) => states.push(event.kind === 'state' ? event.state : event.kind));
    await call.established;
    const answered = bob.incoming!;
    await answered.established;
    const [one, two] = [speech(1700, 9), speech(1234, 7)];
    await Promise.all([call.play(one), answered.play(two)]);
    await new Promise((done) => setTimeout(done, 50));
    await call.hangUp();
    await Promise.all([call.ended, answered.ended]);
    expect(answered.heard()).toEqual(heardOf(one));
    expect(call.heard()).toEqual(heardOf(two));
    expect([call.peer, answered.peer]).toEqual(['bob', 'alice']);
    expect([call.sas, answered.sas]).toEqual(['same-same', 'same-same']);
    expect(call.statistics).toMatchObject({
      sent: { packets: 11 },
      received: { packets: 8, refused: 0 },
      sessions: [{ csId: 1 }, { csId: 2 }],
    });
    expect(states).toEqual(['secured', 'ringing', 'established', 'ended']);
    expect(methods(alice)).toEqual([
      'INVITE sip:bob@example',
      'PRACK sip:bob@bob.example;transport=tcp',
      'ACK sip:bob@bob.example;transport=tcp',
      'BYE sip:bob@bob.example;transport=tcp',
    ]);
    expect(methods(bob)).toEqual([
      'SIP/2.0 100',
      'SIP/2.0 183',
      'SIP/2.0 200',
      'SIP/2.0 180',
      'SIP/2.0 200',
      'SIP/2.0 200',
    ]);
    expect((await call.ended).reason).toBe('hung-up');
    expect((await answered.ended).reason).toBe('bye');
  });

  test.each([true, false])(
    'R-42: an exchange on the wrong curve is abandoned, and the call goes on with a new INVITE (100rel: %s)',
    async (reliable) => {
      const policy: AnswerPolicy = { kind: 'accept', ringMs: RING_MS, answerMs: 20, reliable };
      const { alice, bob } = await pair({ otherCurve: true, policy });
      const call = await alice.ue.call('sip:bob@example');
      const first = call.callId;
      await call.established;
      expect(call.callId).not.toBe(first);
      expect(call.peer).toBe('bob');
      expect(methods(alice).filter((method) => method.startsWith('INVITE'))).toHaveLength(2);
      expect(methods(alice)[1]).toMatch(reliable ? /^CANCEL/ : /^ACK/);
      await vi.waitFor(() => expect(bob.ue.calls).toHaveLength(1), { timeout: 30_000 });
      await call.hangUp();
      await call.ended;
    },
  );

  test('R-44: who does not support the policy says so in the 488, and the caller is told', async () => {
    const { alice, bob } = await pair({ noPolicy: true });
    const call = await alice.ue.call('sip:bob@example');
    const events: unknown[] = [];
    call.onEvent((event) => events.push(event));
    await expect(call.established).rejects.toMatchObject({
      code: 'policy',
      message: expect.stringContaining('MIKEY error 10, Invalid SPpar') as string,
    });
    expect(events).toContainEqual({ kind: 'refused', errorNo: 10, name: 'Invalid SPpar' });
    const refusal = bob.sent.find((message) => message.startsWith('SIP/2.0 488')) ?? '';
    expect(refusal).toMatch(/^Content-Type: application\/mikey\r$/im);
    expect(refusal.endsWith('\r\n\r\nE 10')).toBe(true);
  });

  test.each([
    ['I1', 'spoilAlice'],
    ['I2', 'spoilAlice'],
    ['R1', 'spoilBob'],
    ['R2', 'spoilBob'],
  ] as const)('a %s that does not verify ends the call before any media', async (message, whose) => {
    const { alice, bob } = await pair({ [whose]: message });
    const call = await alice.ue.call('sip:bob@example');
    const played = call.play(speech(320, 5));
    await expect(call.established).rejects.toBeDefined();
    await expect(played).rejects.toBeDefined();
    await call.ended;
    await bob.incoming?.ended;
    expect([call.state, alice.rtp, bob.rtp]).toEqual(['ended', [], []]);
    expect(bob.ue.calls).toEqual([]);
  });

  test('without 100rel: I_MESSAGE_2 goes in an UPDATE after the ACK', async () => {
    const { alice, bob } = await pair({ policy: { ...ACCEPT, reliable: false } });
    const call = await alice.ue.call('sip:bob@example');
    await call.established;
    await bob.incoming!.established;
    await Promise.all([call.play(speech(480, 9)), bob.incoming!.play(speech(320, 7))]);
    await new Promise((done) => setTimeout(done, 50));
    await bob.incoming!.hangUp();
    await call.ended;
    expect(call.heard()).toEqual(heardOf(speech(320, 7)));
    expect(methods(alice).map((line) => line.split(' ')[0])).toEqual(['INVITE', 'ACK', 'UPDATE', 'SIP/2.0']);
  });

  test('without 100rel, an I_MESSAGE_2 that does not verify ends the call before any media', async () => {
    const { alice, bob } = await pair({ policy: { ...ACCEPT, reliable: false }, spoilAlice: 'I2' });
    const call = await alice.ue.call('sip:bob@example');
    await expect(call.established).rejects.toBeDefined();
    await bob.incoming!.ended;
    expect([alice.rtp, bob.rtp]).toEqual([[], []]);
  });

  test('R-40: with 100rel a phone does not ring before its I_MESSAGE_2, however long that takes', async () => {
    const held: (() => void)[] = [];
    const clock = new ManualClock(1_800_000_000_000);
    const { alice, bob } = await pair({ clock, hold: () => new Promise<void>((go) => held.push(go)) });
    const call = await alice.ue.call('sip:bob@example');
    await vi.waitFor(() => expect(held).toHaveLength(1));
    clock.advance(20 * RING_MS);
    expect(methods(bob)).toEqual(['SIP/2.0 100', 'SIP/2.0 183']);
    expect(bob.incoming?.state).not.toBe('ringing');
    held[0]?.();
    await vi.waitFor(() => {
      clock.advance(RING_MS);
      expect(call.state).toBe('established');
    });
    const answers = methods(bob);
    expect(answers.slice(2)).toEqual(['SIP/2.0 200', 'SIP/2.0 180', 'SIP/2.0 200']);
  });

  test('the responder sends nothing before I_MESSAGE_2 has verified', async () => {
    const { alice, bob } = await pair({ policy: { kind: 'accept', ringMs: 10, answerMs: 100_000 } });
    const call = await alice.ue.call('sip:bob@example');
    while (call.state !== 'ringing') await new Promise((done) => setTimeout(done, 5));
    void bob.incoming!.play(speech(320, 5)).catch(() => {});
    await call.hangUp();
    await call.ended;
    expect((await bob.incoming!.ended).reason).toBe('cancelled');
    expect(bob.rtp).toEqual([]);
  });

  test.each([
    ['sips:bob@example', /sips: asks for TLS on every hop/],
    ['SIPS:bob@example', /sips: asks for TLS on every hop/],
    ['tel:+15552001', /no SIP URI is known for this number/],
    ['bob', /not a SIP URI/],
  ])('R-81: a call to %s is refused before anything is sent', async (target, message) => {
    const { alice } = await pair();
    await expect(alice.ue.call(target)).rejects.toMatchObject({
      code: 'target',
      message: expect.stringMatching(message) as string,
    });
    expect(alice.sent).toEqual([]);
  });

  test('R-81: an offer without SRTP is refused with a warning that says so', async () => {
    const { alice, bob } = await pair();
    const call = await alice.ue.call('sip:bob@example');
    await call.established;
    const plain = utf8('v=0\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nm=audio 5000 RTP/AVP 8\r\n');
    const refused = new Promise<string | null>((resolve) => {
      const failed = (_: unknown, response: SipResponse | null) =>
        resolve(response?.first('Warning') ?? null);
      bob.agent.invite(
        'sip:alice@example',
        { body: { type: 'application/sdp', octets: plain } },
        { accepted: () => resolve(null), failed },
      );
    });
    expect(await refused).toBe('302 alice.example "audio is taken over RTP/SAVP only"');
  });

  const REDIRECT: AnswerPolicy = { kind: 'redirect', to: 'sip:carol@example' };

  test('R-42: a caller who is redirected calls whom it is told to, once, by another exchange', async () => {
    const { alice, bob } = await pair({ policy: REDIRECT });
    const call = await alice.ue.call('sip:bob@example');
    const told: string[] = [];
    call.onEvent((event) => event.kind === 'redirected' && told.push(event.to));
    const end = await call.ended;
    expect(end.error?.message).toMatch(/nobody to call instead/);
    expect(told).toEqual(['sip:carol@example']);
    const invites = alice.sent.filter((message) => message.startsWith('INVITE'));
    expect(invites.map((message) => message.split(' ')[1])).toEqual(['sip:bob@example', 'sip:carol@example']);
    expect(new Set(invites.map((message) => /^Call-ID: .*$/m.exec(message)?.[0])).size).toBe(2);
    expect(invites[1]).toContain(`Call-ID: ${call.callId}\r\n`);
    expect([bob.incoming, alice.ue.calls]).toEqual([null, []]);
  });

  test('R-42: a caller who refuses that others answer calls nobody instead', async () => {
    const { alice } = await pair({ policy: REDIRECT, more: { others: 'refuse' } });
    const call = await alice.ue.call('sip:bob@example');
    const { error } = await call.ended;
    expect(error).toMatchObject({ code: 'other-party', message: expect.stringMatching(/carol/) as string });
    expect(methods(alice)).toEqual(['INVITE sip:bob@example', 'ACK sip:bob@example']);
  });

  test('R-42: a number is called and keyed as the SIP identity that has it', async () => {
    const { alice, bob } = await pair({ more: { numbers: new Map([['tel:+15552001', 'sip:bob@example']]) } });
    const call = await alice.ue.call('tel:+1-555-2001');
    await call.established;
    expect(methods(alice)[0]).toBe('INVITE sip:bob@example');
    expect(call.called).toBe('sip:bob@example');
    await bob.incoming!.hangUp();
    await call.ended;
  });

  test('a callee who refuses is told to the caller', async () => {
    const { alice, bob } = await pair({ policy: { kind: 'reject', status: 603 } });
    const call = await alice.ue.call('sip:bob@example');
    const end = await call.ended;
    expect(end).toMatchObject({ reason: 'refused', error: { code: 'call-failed' } });
    expect(bob.incoming).toBeNull();
  });

  test('with a clock that stands still and seeded chance, everything sent is the same again', async () => {
    const run = async () => {
      const { alice, bob } = await pair({ clock: frozenClock(1_800_000_000_000) });
      const call = await alice.ue.call('sip:bob@example');
      await call.established;
      await bob.incoming!.established;
      await Promise.all([call.play(speech(800, 9)), bob.incoming!.play(speech(640, 7))]);
      await call.hangUp();
      await Promise.all([call.ended, bob.incoming!.ended]);
      await Promise.all([alice.transport.close(), bob.transport.close()]);
      running.splice(0);
      return [alice.sent, bob.sent, alice.rtp, bob.rtp];
    };
    const first = await run();
    expect(first[2]).toHaveLength(5);
    expect(await run()).toEqual(first);
  });
});
