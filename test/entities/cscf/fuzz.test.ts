/** Messages that are mangled anywhere, in any order: the node answers or drops them, never fails, and keeps nothing. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../src/bytes/octets.ts';
import type { Logger } from '../../../src/bytes/ports.ts';
import { Secret } from '../../../src/bytes/secret.ts';
import { Cscf } from '../../../src/entities/cscf/cscf.ts';
import { authorize, parseChallenge } from '../../../src/sip/digest.ts';
import { SipError } from '../../../src/sip/errors.ts';
import type { Flow } from '../../../src/sip/flow.ts';
import { Identifiers } from '../../../src/sip/identifiers.ts';
import { parseMessage } from '../../../src/sip/message.ts';
import type { SipRequest, SipResponse } from '../../../src/sip/message.ts';
import { makeResponse } from '../../../src/sip/response.ts';
import { toOctets } from '../../../src/sip/text.ts';
import { TransactionLayer } from '../../../src/sip/transactions.ts';
import { markReceived } from '../../../src/sip/transport.ts';
import type { TransportUser } from '../../../src/sip/transport.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { FakeFlow, isRequest, loopback, request, testRandom } from '../../sip/support.ts';
import { FakeGateway, FakeInterception, sdpBody } from './network.ts';

/** A CSCF with two phones on flows without sockets. */
class Node {
  readonly clock = new ManualClock();
  readonly problems: unknown[] = [];
  readonly interception = new FakeInterception();
  readonly layer: TransactionLayer;
  readonly cscf: Cscf;
  readonly alice = new FakeFlow('UDP');
  readonly carol = new FakeFlow('TCP');
  #user: TransportUser | null = null;

  constructor() {
    const failed = (fields: object): void => void this.problems.push(fields);
    const logger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: failed };
    const random = testRandom('fuzz');
    this.layer = new TransactionLayer({
      transport: {
        attach: (user) => void (this.#user = user),
        flowTo: () => Promise.reject(new SipError('unreachable', 'no network here')),
      },
      clock: this.clock,
      logger,
      identifiers: new Identifiers(random),
      sentBy: () => 'cscf.home1.example:5060',
    });
    this.cscf = new Cscf({
      settings: {
        domain: 'home1.example',
        host: 'cscf.home1.example',
        port: 5060,
        subscribers: ['alice', 'carol'].map((user, i) => ({
          identity: `sip:${user}@home1.example`,
          aliases: [`tel:+1555000${i}`],
          username: user,
          password: Secret.of(utf8('secret')),
        })),
        peers: [
          { domain: 'home2.example', cscf: { protocol: 'TCP', host: 'cscf.home2.example', port: 5060 } },
        ],
        numbers: { '+1': 'home1.example' },
      },
      layer: this.layer,
      hosts: loopback,
      clock: this.clock,
      random,
      logger,
      anchor: new FakeGateway(),
      tasks: this.interception,
      poi: this.interception,
    });
    this.interception.add('sip:carol@home1.example');
    this.#register('alice', this.alice);
    this.#register('carol', this.carol);
  }

  /** As the transport hands it on. */
  arrive(octets: Uint8Array, flow: Flow): void {
    try {
      const message = parseMessage(octets);
      if (message.kind === 'request') markReceived(message, flow.remote);
      this.#user?.arrived(message, octets, flow);
    } catch (cause) {
      if (!(cause instanceof SipError)) throw cause;
    }
  }

  #register(user: string, flow: FakeFlow): void {
    const register = this.#registration(user, 1);
    this.arrive(register.serialise(), flow);
    const challenge = parseChallenge(flow.sent.at(-1)?.first('WWW-Authenticate') ?? '');
    if (challenge === null) throw new Error('a challenge is expected');
    const again = this.#registration(user, 2);
    const credentials = { username: user, password: Secret.of(utf8('secret')) };
    again.append('Authorization', authorize(challenge, credentials, again, { cnonce: 'c', nonceCount: 1 }));
    this.arrive(again.serialise(), flow);
    flow.sent.length = 0;
  }

  #registration(user: string, cseq: number): SipRequest {
    const aor = `<sip:${user}@home1.example>`;
    const register = request('REGISTER', {
      Via: `SIP/2.0/${user === 'alice' ? 'UDP' : 'TCP'} ${user};branch=z9hG4bK${user}${cseq};rport`,
      From: `${aor};tag=${user}`,
      To: aor,
      'Call-ID': user,
      CSeq: `${cseq} REGISTER`,
      Contact: `<sip:${user}@${user}.home1.example;transport=tcp>;expires=600`,
    });
    register.uri = 'sip:home1.example';
    return register;
  }
}

const BRANCH = 'SIP/2.0/UDP alice.home1.example;branch=z9hG4bKcall;rport';

/** What alice sends in a call to carol, and what carol's phone answers to what reaches it. */
function aliceSends(method: string): Uint8Array {
  const inDialog = method !== 'INVITE' && method !== 'CANCEL' && method !== 'MESSAGE';
  const message = request(method, {
    Via: method === 'CANCEL' ? BRANCH : BRANCH.replace('call', `call${method}`).replace('INVITE', ''),
    From: '<sip:alice@home1.example>;tag=a1',
    To: `<sip:carol@home1.example>${inDialog ? ';tag=c1' : ''}`,
    'Call-ID': 'fuzzed',
    CSeq: `${method === 'CANCEL' || method === 'ACK' || method === 'INVITE' ? 1 : 2} ${method}`,
    Contact: '<sip:alice@alice.home1.example;transport=tcp>',
    'P-Asserted-Identity': '<sip:alice@home1.example>',
    'P-Charging-Vector': 'icid-value=x',
    'Record-Route': '<sip:other.example;lr>',
    ...(inDialog ? { Route: '<sip:cscf.home1.example:5060;lr>' } : {}),
    RAck: '1 1 INVITE',
    Privacy: 'id',
    Supported: '100rel',
  });
  message.uri = inDialog ? 'sip:carol@carol.home1.example;transport=tcp' : 'sip:carol@home1.example';
  message.setBody(sdpBody(4000, 'I1').type, sdpBody(4000, 'I1').octets);
  return message.serialise();
}

function carolAnswers(node: Node, status: number): Uint8Array | null {
  const last = node.carol.sent.filter((message) => message.kind === 'request').at(-1);
  if (last === undefined) return null;
  isRequest(last);
  const body = { type: sdpBody(5000).type, octets: sdpBody(5000, 'R1').octets };
  return makeResponse(last, status, {
    toTag: 'c1',
    contact: '<sip:carol@carol.home1.example>',
    body,
  }).serialise();
}

const METHODS = ['INVITE', 'ACK', 'BYE', 'CANCEL', 'PRACK', 'UPDATE', 'MESSAGE', 'REGISTER'] as const;
const VALUES = [
  ...[
    '',
    '<',
    '>',
    '"',
    '<sip:>',
    'sip:',
    ':',
    ',',
    ';',
    '=',
    '\\',
    '%',
    '%00',
    '*',
    '<sip:x@y:0>',
    '<tel:>',
  ],
  ...['0', '-1', '4294967295', '4294967296', '99999999999999999999', '1 ', ' 1', '1 X', '\x00', '\xff'],
  ...[
    'SIP/2.0/UDP x:0',
    'SIP/2.0/TCP [::1]:70000;branch=z9hG4bK',
    'a;tag=a1;tag=b',
    '[::1',
    'x'.repeat(3000),
  ],
];

type Edit = (text: string) => string;

/** One change somewhere: a line's value replaced, a line gone or doubled, an octet changed, an end cut off. */
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(fc.nat(30), fc.constantFrom(...VALUES)).map(
    ([at, value]): Edit =>
      (text) =>
        onLine(text, at, (line) => [line.replace(/:.*/s, `: ${value}`)]),
  ),
  fc.nat(30).map(
    (at): Edit =>
      (text) =>
        onLine(text, at, () => []),
  ),
  fc.nat(30).map(
    (at): Edit =>
      (text) =>
        onLine(text, at, (line) => [line, line]),
  ),
  fc.tuple(fc.nat(3000), fc.nat(255)).map(
    ([at, octet]): Edit =>
      (text) =>
        text.slice(0, at % text.length) + String.fromCharCode(octet) + text.slice((at % text.length) + 1),
  ),
  fc.nat(3000).map(
    (at): Edit =>
      (text) =>
        text.slice(0, at % text.length),
  ),
);

function onLine(text: string, at: number, change: (line: string) => string[]): string {
  const lines = text.split('\r\n');
  const k = at % lines.length;
  return lines.flatMap((line, i) => (i === k ? change(line) : [line])).join('\r\n');
}

const step = fc.record({
  what: fc.oneof(fc.constantFrom(...METHODS), fc.constantFrom(100, 183, 200, 302, 401, 486, 603)),
  edits: fc.array(edit, { maxLength: 2 }),
});

describe('mangled messages', () => {
  it('never break the CSCF, and leave nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const node = new Node();
        node.arrive(aliceSends('INVITE'), node.alice);
        await new Promise(setImmediate);
        for (const { what, edits } of steps) {
          const whole = typeof what === 'number' ? carolAnswers(node, what) : aliceSends(what);
          if (whole === null) continue;
          const text = edits.reduce(
            (before, change) => change(before),
            Buffer.from(whole).toString('latin1'),
          );
          node.arrive(toOctets(text), typeof what === 'number' ? node.carol : node.alice);
          await new Promise(setImmediate);
        }
        const answers: (SipRequest | SipResponse)[] = [...node.alice.sent, ...node.carol.sent];
        expect(answers.filter((message) => message.kind === 'response' && message.status === 500)).toEqual(
          [],
        );
        expect(node.problems).toEqual([]);
        for (let minute = 0; minute < 24 * 60 + 10; minute += 5) {
          node.clock.advance(5 * 60_000);
          await new Promise(setImmediate);
        }
        expect([node.layer.load, node.cscf.calls]).toEqual([0, 0]);
      }),
      { numRuns: 100 },
    );
  });
});
