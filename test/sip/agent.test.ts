/** A user agent by itself, over a flow without sockets and a clock that the test moves. */
import { beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes/octets.ts';
import { Secret } from '../../src/bytes/secret.ts';
import { UserAgent } from '../../src/sip/agent.ts';
import type { IncomingCall, Leg } from '../../src/sip/agent-types.ts';
import type { SipRequest, SipResponse } from '../../src/sip/message.ts';
import { makeResponse } from '../../src/sip/response.ts';
import type { TransportUser } from '../../src/sip/transport.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { FakeFlow, isRequest, request, testRandom } from './support.ts';
import { silent } from '../support/silent.ts';

const BODY = { type: 'application/sdp', octets: utf8('v=0\r\n') };

let clock: ManualClock;
let wire: TransportUser;
let flow: FakeFlow;
let agent: UserAgent;

beforeEach(() => {
  clock = new ManualClock();
  flow = new FakeFlow('TCP');
  agent = new UserAgent({
    transport: { attach: (user) => void (wire = user), flowTo: () => Promise.resolve(flow) },
    clock,
    random: testRandom('agent'),
    logger: silent,
    identity: 'sip:alice@home1.example',
    contact: 'sip:alice@phone.example',
    sentBy: 'phone.example',
    outbound: { protocol: 'TCP', host: 'cscf', port: 5060 },
    credentials: { username: 'alice', password: Secret.of(utf8('x')) },
  });
});

/** Lets promises settle. */
function settle(): Promise<void> {
  return new Promise(setImmediate);
}

function arrive(message: SipRequest | SipResponse): void {
  wire.arrived(message, message.serialise(), flow);
}

function last(method: string): SipRequest {
  const found = flow.sent.filter((each) => each.kind === 'request' && each.method === method).at(-1);
  isRequest(found);
  return found;
}

function count(what: string): number {
  return flow.trace.filter((each) => each === what).length;
}

function answer(to: SipRequest, status: number, toTag = 'b1'): SipResponse {
  return makeResponse(to, status, { toTag, contact: '<sip:bob@b.example>', body: BODY });
}

/** A call of this agent that is up with bob. */
async function called(): Promise<Leg> {
  const accepted = new Promise<Leg>((resolve, reject) => {
    agent.invite('sip:bob@home2.example', { body: BODY }, { accepted: resolve, failed: reject });
  });
  await settle();
  arrive(answer(last('INVITE'), 200));
  const leg = await accepted;
  leg.ack();
  await settle();
  return leg;
}

/** A request of bob within that call. */
function fromBob(leg: Leg, method: string, cseq: number): SipRequest {
  return request(method, {
    Via: `SIP/2.0/TCP b.example;branch=z9hG4bK${method}${cseq}`,
    From: '<sip:bob@home2.example>;tag=b1',
    To: `<sip:alice@home1.example>;tag=${leg.localTag}`,
    'Call-ID': leg.callId,
    CSeq: `${cseq} ${method}`,
  });
}

describe('an INVITE within the dialog', () => {
  it('whose 2xx comes again gets its ACK again', async () => {
    const leg = await called();
    const reinvited = leg.reinvite(BODY);
    await settle();
    const ok = answer(last('INVITE'), 200);
    arrive(ok);
    await reinvited;
    await settle();
    expect(last('ACK').cseq.number).toBe(2);
    const before = count('ACK');
    arrive(ok);
    await settle();
    expect(count('ACK')).toBe(before + 1);
    expect(last('ACK').cseq.number).toBe(2);
  });

  it('is answered again until the ACK comes', async () => {
    const leg = await called();
    leg.handler = { reinvite: () => ({ body: BODY }) };
    arrive(fromBob(leg, 'INVITE', 1));
    await settle();
    expect(count('200')).toBe(1);
    clock.advance(500);
    expect(count('200')).toBe(2);
    clock.advance(1000);
    expect(count('200')).toBe(3);
    arrive(fromBob(leg, 'ACK', 1));
    clock.advance(60_000);
    expect(count('200')).toBe(3);
    expect(leg.state).toBe('confirmed');
  });

  it('R-81: that asks for an offer is given one, and the ACK with the answer is handed on once', async () => {
    const leg = await called();
    const acks: SipRequest[] = [];
    leg.handler = { reinvite: () => ({ body: BODY, answered: (ack) => void acks.push(ack) }) };
    arrive(fromBob(leg, 'INVITE', 1));
    await settle();
    expect(flow.sent.at(-1)?.body).toEqual(BODY.octets);
    // While that offer is unanswered, another one crosses it (RFC 3261 section 14.2, RFC 3311 section 5.2).
    const crossing = fromBob(leg, 'UPDATE', 2);
    crossing.setBody(BODY.type, BODY.octets);
    arrive(crossing);
    await settle();
    expect(count('491')).toBe(1);
    const ack = fromBob(leg, 'ACK', 1);
    ack.setBody(BODY.type, BODY.octets);
    arrive(ack);
    arrive(ack);
    expect(acks.map(({ body }) => body)).toEqual([BODY.octets]);
    const later = fromBob(leg, 'UPDATE', 3);
    later.setBody(BODY.type, BODY.octets);
    arrive(later);
    await settle();
    expect(count('491')).toBe(1);
  });

  it('R-43: while its offer is being answered another one gets 500, and one of this side waits for the ACK', async () => {
    const leg = await called();
    let answerIt: (reply: { body: typeof BODY }) => void = () => undefined;
    leg.handler = { reinvite: () => new Promise((resolve) => (answerIt = resolve)) };
    arrive(fromBob(leg, 'INVITE', 1));
    await settle();
    const second = fromBob(leg, 'UPDATE', 2);
    second.setBody(BODY.type, BODY.octets);
    arrive(second);
    await settle();
    const refused = flow.sent.find((each) => each.kind === 'response' && each.status === 500);
    expect(refused?.first('Retry-After')).toBe('1');
    await expect(leg.update(BODY)).rejects.toMatchObject({ code: 'crossed' });
    let quiet = false;
    void leg.whenQuiet().then(() => (quiet = true));
    answerIt({ body: BODY });
    await settle();
    expect([count('200'), quiet]).toEqual([1, false]);
    arrive(fromBob(leg, 'ACK', 1));
    await settle();
    expect(quiet).toBe(true);
    const updated = leg.update(BODY);
    await settle();
    arrive(makeResponse(last('UPDATE'), 200));
    expect((await updated).status).toBe(200);
  });

  it('R-43: of this side without an offer is answered in the ACK; where no answer can be made, the ACK has none', async () => {
    const leg = await called();
    const answering = leg.reinvite(null, (response) => ({ type: BODY.type, octets: response.body }));
    await settle();
    expect(last('INVITE').body).toHaveLength(0);
    arrive(answer(last('INVITE'), 200));
    await answering;
    await settle();
    expect(last('ACK').body).toEqual(BODY.octets);
    const failing = leg.reinvite(null, () => Promise.reject(new Error('not to be used')));
    await settle();
    arrive(answer(last('INVITE'), 200));
    await expect(failing).rejects.toThrow('not to be used');
    await settle();
    expect([last('ACK').cseq.number, last('ACK').body.length]).toEqual([3, 0]);
  });

  it.each([
    [491, 'crossed'],
    [481, 'no-dialog'],
    [408, 'no-dialog'],
    [488, 'refused'],
  ])('R-43: an offer of this side that gets %i is told apart: %s', async (status, code) => {
    const leg = await called();
    const refused = leg.update(BODY);
    await settle();
    arrive(makeResponse(last('UPDATE'), status));
    await expect(refused).rejects.toMatchObject({ code });
    await leg.whenQuiet();
  });

  it('R-81: that is refused with 488 is told why, and that there is no more to say', async () => {
    const leg = await called();
    const warnings = (): (string | null)[] =>
      flow.sent.flatMap((each) =>
        each.kind === 'response' && each.status === 488 ? each.first('Warning') : [],
      );
    leg.handler = {
      reinvite: () => ({ status: 488, warning: { code: 305, text: 'a "codec" is lacking' } }),
      update: () => ({ status: 488 }),
    };
    arrive(fromBob(leg, 'INVITE', 1));
    await settle();
    arrive(fromBob(leg, 'UPDATE', 2));
    await settle();
    expect(warnings()).toEqual([
      '305 phone.example "a \\"codec\\" is lacking"',
      '399 phone.example "the session that is described is not possible here"',
    ]);
  });

  it('whose 2xx is never acknowledged ends the call', async () => {
    const leg = await called();
    const ended: string[] = [];
    leg.handler = { reinvite: () => ({ body: BODY }), ended: (reason) => ended.push(reason) };
    arrive(fromBob(leg, 'INVITE', 1));
    await settle();
    clock.advance(32_000);
    await settle();
    expect(ended).toEqual(['hung-up']);
    expect(last('BYE').callId).toBe(leg.callId);
  });
});

describe('an INVITE that comes in', () => {
  it('is answered again until the ACK comes, and the ACK of a later one is told apart', async () => {
    const incoming = new Promise<IncomingCall>((resolve) => (agent.incoming = resolve));
    arrive(
      request('INVITE', { Via: 'SIP/2.0/TCP b.example;branch=z9hG4bK1', Contact: '<sip:bob@b.example>' }),
    );
    const call = await incoming;
    const acked = call.accept(BODY);
    await settle();
    clock.advance(1500);
    expect(count('200')).toBe(3);
    const ack = request('ACK', {
      Via: 'SIP/2.0/TCP b.example;branch=z9hG4bK2',
      To: `<sip:bob@home2.example>;tag=${call.leg.localTag}`,
    });
    arrive(ack);
    expect((await acked).cseq.method).toBe('ACK');
    clock.advance(60_000);
    expect(count('200')).toBe(3);
  });
});

describe('a forked call', () => {
  it('a leg that accepts too late is ended in its own dialog, with the next CSeq of that dialog', async () => {
    const accepted = new Promise<Leg>((resolve, reject) => {
      agent.invite(
        'sip:bob@home2.example',
        { body: BODY },
        {
          provisional: (leg, response, reliable) => {
            if (reliable) void leg.prack(response).catch(() => undefined);
          },
          accepted: resolve,
          failed: reject,
        },
      );
    });
    await settle();
    const invite = last('INVITE');
    const early = makeResponse(invite, 183, {
      toTag: 'b2',
      contact: '<sip:bob@b.example>',
      fields: [
        ['Require', '100rel'],
        ['RSeq', '1'],
      ],
    });
    arrive(early);
    await settle();
    expect(last('PRACK').cseq.number).toBe(2);
    arrive(makeResponse(last('PRACK'), 200));
    arrive(answer(invite, 200, 'b1'));
    (await accepted).ack();
    for (let again = 0; again < 2; again++) arrive(answer(invite, 200, 'b2'));
    await settle();
    expect([last('BYE').toTag, last('BYE').cseq.number, count('BYE')]).toEqual(['b2', 3, 1]);
    const acks = flow.sent.filter((each) => each.kind === 'request' && each.method === 'ACK');
    expect(acks.map((each) => each.toTag)).toEqual(['b1', 'b2', 'b2']);
  });
});

describe('a registration', () => {
  async function registered(expires: number): Promise<void> {
    await settle();
    arrive(makeResponse(last('REGISTER'), 200, { fields: [['Expires', String(expires)]] }));
    await settle();
  }

  it('is renewed at half its time; one that fails is tried again', async () => {
    const first = agent.register();
    await registered(600);
    await first;
    clock.advance(300_000);
    await settle();
    expect(count('REGISTER')).toBe(2);
    arrive(makeResponse(last('REGISTER'), 500));
    await settle();
    clock.advance(30_000);
    await settle();
    expect(count('REGISTER')).toBe(3);
    await registered(600);
    clock.advance(300_000);
    await settle();
    expect(count('REGISTER')).toBe(4);
  });

  it('of a hundred years does not overflow a timer', async () => {
    const first = agent.register();
    await registered(4_000_000_000);
    await first;
    clock.advance(24 * 3_600_000);
    await settle();
    expect(count('REGISTER')).toBe(2);
  });

  it('that is given up while it is renewed is not renewed again', async () => {
    const first = agent.register();
    await registered(600);
    await first;
    clock.advance(300_000);
    await settle();
    const renewal = last('REGISTER');
    const gone = agent.unregister();
    await settle();
    arrive(makeResponse(renewal, 200, { fields: [['Expires', '600']] }));
    await registered(0);
    await gone;
    clock.advance(300_000);
    await settle();
    expect(count('REGISTER')).toBe(3);
  });
});
