/** The point of interception by itself: what it remembers, for how long, and what a flood does to it. */
import { beforeEach, describe, expect, it } from 'vitest';
import { correlationId } from '../../../src/entities/cscf/charging.ts';
import { Interception } from '../../../src/entities/cscf/interception.ts';
import type { SipRequest, SipResponse } from '../../../src/sip/message.ts';
import { makeResponse } from '../../../src/sip/response.ts';
import type { Observed } from '../../../src/sip/transactions.ts';
import { FakeFlow, request } from '../../sip/support.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { FakeInterception } from './network.ts';
import { silent } from '../../support/silent.ts';

const VIA = { Via: 'SIP/2.0/TCP phone.home1.example;branch=z9hG4bK1' };
const flow = new FakeFlow('TCP');

let clock: ManualClock;
let tasks: FakeInterception;
let interception: Interception;

beforeEach(() => {
  clock = new ManualClock();
  tasks = new FakeInterception();
  interception = new Interception({
    clock,
    logger: silent,
    tasks,
    poi: tasks,
    icid: (first) => `${first.callId} ${first.fromTag ?? ''}`,
    trusted: () => false,
  });
});

function pass(
  message: SipRequest | SipResponse,
  direction: Observed['direction'],
  side: Observed['side'],
): void {
  interception.observe({ direction, side, message, octets: message.serialise(), flow });
}

/** An INVITE of the call, with what else it has. */
function invite(fields: Readonly<Record<string, string>>, body = ''): SipRequest {
  return request('INVITE', { ...VIA, ...fields }, body);
}

function refusal(to: SipRequest, status: number): SipResponse {
  return makeResponse(to, status, { toTag: 'b1' });
}

describe('the memory of the point of interception', () => {
  it('strangers who are challenged and go away are forgotten', () => {
    for (let i = 0; i < 100; i++) {
      const first = invite({ 'Call-ID': `call-${i}` });
      pass(first, 'received', 'server');
      pass(refusal(first, 407), 'sent', 'server');
    }
    expect(interception.memory.sessions).toBe(100);
    clock.advance(64_000);
    expect(interception.memory).toEqual({ sessions: 0, octets: 0 });
  });

  it('requests that nobody ever answers are forgotten', () => {
    pass(invite({}), 'received', 'server');
    clock.advance(299_999);
    expect(interception.memory.sessions).toBe(1);
    clock.advance(1);
    expect(interception.memory).toEqual({ sessions: 0, octets: 0 });
  });

  it('a flood of large first messages is kept up to a bound, and calls that are up stay known', () => {
    tasks.add('sip:alice@home1.example');
    const call = invite({ 'Call-ID': 'up' });
    pass(call, 'received', 'server');
    pass(refusal(call, 200), 'sent', 'server');
    const body = 'x'.repeat(60_000);
    for (let i = 0; i < 1500; i++) {
      const From = `<sip:nobody${i}@elsewhere.example>;tag=1`;
      pass(invite({ 'Call-ID': `flood-${i}`, From }, body), 'received', 'server');
    }
    for (let i = 0; i < 20_000; i++)
      pass(
        invite({ 'Call-ID': `many-${i}`, From: '<sip:nobody@elsewhere.example>;tag=1' }),
        'received',
        'server',
      );
    expect(interception.memory.octets).toBeLessThanOrEqual(64 << 20);
    expect(interception.memory.sessions).toBe(20_000);
    const bye = request('BYE', {
      ...VIA,
      'Call-ID': 'up',
      To: '<sip:bob@home2.example>;tag=b1',
      CSeq: '2 BYE',
    });
    pass(bye, 'received', 'server');
    expect(tasks.trace()).toEqual(['> INVITE', '< 200 INVITE', '> BYE']);
    expect(tasks.reports.at(-1)?.observation.correlation).toEqual(correlationId('up a1'));
  });

  it('a call that is tried again under the Call-ID of one that failed is reported to its end, as one', () => {
    tasks.add('sip:alice@home1.example');
    const first = invite({});
    pass(first, 'received', 'server');
    pass(refusal(first, 488), 'sent', 'server');
    const second = invite({ CSeq: '2 INVITE' });
    pass(second, 'received', 'server');
    pass(refusal(second, 200), 'sent', 'server');
    clock.advance(600_000);
    const bye = request('BYE', {
      ...VIA,
      From: '<sip:bob@home2.example>;tag=b1',
      To: '<sip:alice@home1.example>;tag=a1',
    });
    pass(bye, 'received', 'server');
    pass(bye, 'sent', 'client');
    expect(tasks.trace()).toEqual(['> INVITE', '< 488 INVITE', '> INVITE', '< 200 INVITE', '< BYE']);
    for (const { observation } of tasks.reports)
      expect(observation.correlation).toEqual(correlationId('call-1 a1'));
  });
});

describe('a target under the Call-ID of somebody else', () => {
  /** A call of a stranger that is up, with as many names said in it as are remembered. */
  function crowd(From: string): void {
    const first = invite({ From, To: '<sip:nobody@elsewhere.example>' });
    pass(first, 'received', 'server');
    pass(refusal(first, 200), 'sent', 'server');
    for (let i = 0; i < 80; i++) {
      const fields = {
        From: From.replace('mallory', `mallory${i}`),
        To: `<sip:nobody${i}@x.example>;tag=b1`,
      };
      pass(request('INFO', { ...VIA, ...fields, CSeq: `${i + 2} INFO` }), 'received', 'server');
    }
  }

  it.each(['<sip:mallory@home1.example>;tag=m1', '<sip:mallory@home1.example>'])(
    'is reported, and the other is not: %s',
    (from) => {
      tasks.add('sip:alice@home1.example');
      crowd(from);
      const call = invite({});
      pass(call, 'received', 'server');
      interception.identify(call, 'caller', ['sip:alice@home1.example']);
      pass(refusal(call, 200), 'sent', 'server');
      pass(request('INFO', { ...VIA, From: from, CSeq: '99 INFO' }), 'received', 'server');
      const bye = { From: '<sip:bob@home2.example>;tag=b1', To: '<sip:alice@home1.example>;tag=a1' };
      pass(request('BYE', { ...VIA, ...bye }), 'sent', 'client');
      expect(tasks.trace()).toEqual(['> INVITE', '< 200 INVITE', '< BYE']);
    },
  );
});
